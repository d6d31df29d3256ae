"""Runs a system over a dataset's split into the store; killed at any moment, it resumes.

1. The run's identity (everything that decides its output) gives its id, so the same command
   finds its own earlier work.
2. Documents come in an order fixed by their ids, the same on every machine: any `limit` is a
   fair sample of the split, and a larger limit goes on from a smaller one.
3. A document is claimed in the store before it is answered and its whole trace is written in one
   transaction: no finished document is lost or done twice, also when several processes, on
   several machines, answer one run.
4. A killed process leaves a claim that its death frees; a failed document is stored as failed.
   Both are tried again by the next run.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from core.config import Settings
from core.datasets.base import Dataset, Document, Split
from core.errors import IndexFileError, InputError, ModelError, PhaseLensError, StoreError
from core.events import Event, Wrote
from core.models.chat_stream import Cancelled as Stopped
from core.pipeline import Answered, Tools, answer
from core.run_request import check_request, documents_of
from core.systems import RunConfig
from core.toolbox import Toolbox
from core.traces.base import FinishReason
from db.runs import done_documents, ensure_run
from db.session import Store
from db.traces import TakenError, TraceRecord, begin_trace, fail_trace, finish_trace, save_partial

Report = Callable[[str, int, int], None]  # stage, done, total
Cancelled = Callable[[], bool]

ANSWERING = "Answering documents"
SAVE_EVERY_S = 30.0  # a half-written text; also says that its process is alive
GIVE_UP_AFTER = 5  # model failures in a row: the model is broken, not the documents


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be answered, and why."""

    document: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one call did. `documents`: all that were asked for; of these `skipped_as_done` were
    finished before, `answered` and `failed` now, and `elsewhere` are in the hands of another
    process. Seconds exclude loading."""

    run: str
    documents: int
    skipped_as_done: int
    answered: int = 0
    seconds: float = 0.0
    tokens: int = 0
    seconds_generating: float = 0.0
    failures: tuple[Failure, ...] = field(default=())
    elsewhere: int = 0
    cancelled: bool = False

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def documents_per_second(self) -> float | None:
        """Documents answered now per second; None when there were none."""
        return self.answered / self.seconds if self.answered and self.seconds > 0 else None

    @property
    def tokens_per_second(self) -> float | None:
        """Trace tokens written now per second of generation; None when there were none."""
        if not self.tokens or self.seconds_generating <= 0:
            return None
        return self.tokens / self.seconds_generating

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "documents": self.documents,
            "skipped_as_done": self.skipped_as_done,
            "answered": self.answered,
            "failed": self.failed,
            "elsewhere": self.elsewhere,
            "documents_per_second": self.documents_per_second,
            "tokens_per_second": self.tokens_per_second,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "cancelled": self.cancelled,
            "failures": [
                {"document": f.document, "what": f.what, "fix": f.fix} for f in self.failures[:20]
            ],
        }


def run_batch(
    settings: Settings,
    store: Store,
    config: RunConfig,
    split: Split | None,
    limit: int | None,
    report: Report,
    cancelled: Cancelled,
) -> RunResult:
    """Answers the first `limit` documents of a split (None: all) that are not finished yet.

    Builds the index first where there is none. Raises UnknownNameError, InputError, DataError,
    IndexFileError and StoreError at once; ModelError when the model fails on
    `GIVE_UP_AFTER` documents in a row.
    """
    toolbox = Toolbox(settings, store)
    try:
        dataset = check_request(toolbox, config, limit, cancelled)
    except Stopped:
        return RunResult("", 0, 0, cancelled=True)
    documents = documents_of(dataset, split, limit)
    if not ensure_index(settings, toolbox, dataset, report, cancelled):
        return RunResult("", len(documents), 0, cancelled=True)
    report("Loading the model", 0, 0)
    try:
        tools = toolbox.tools(config, cancelled)
    except Stopped:
        return RunResult("", len(documents), 0, cancelled=True)
    config = tools.resolved(config)
    identity = {**tools.identity(config), "split": split and split.value, "origin": "batch"}
    with store.write() as session:
        run = ensure_run(session, identity, config, split and split.value, "batch")
    with store.read() as session:
        done = done_documents(session, run)
    todo = [document for document in documents if document.id not in done]
    skipped = len(documents) - len(todo)
    start = RunResult(run, len(documents), skipped)
    batch = Batch(store, tools, config, start, identity["index"])
    report(ANSWERING, skipped, len(documents))
    for number, document in enumerate(todo, start=skipped + 1):
        if cancelled() or not batch.answer(document, cancelled):
            return batch.result(cancelled=True)
        report(ANSWERING, number, len(documents))
    return batch.result()


def ensure_index(
    settings: Settings,
    toolbox: Toolbox,
    dataset: Dataset,
    report: Report,
    cancelled: Cancelled,
) -> bool:
    """Builds or completes the index where it is missing; False when cancelled meanwhile.

    A damaged one is left for the user to see: LabelIndex.open says what to do.
    """
    from core.shortlist.build import build_index
    from core.shortlist.index import status

    if status(settings, dataset.name).state in {"none", "partial"}:
        build_index(settings, dataset, toolbox.encoder(), on_progress=report, cancelled=cancelled)
    return not cancelled()


class Batch:
    """The documents of one call: answers them one by one and counts."""

    def __init__(
        self, store: Store, tools: Tools, config: RunConfig, start: RunResult, index: str
    ) -> None:
        self.store = store
        self.tools = tools
        self.config = config
        self.start = start
        self.index = index  # which one the run's identity names
        self.began = time.perf_counter()
        self.answered = 0
        self.elsewhere = 0
        self.tokens = 0
        self.seconds_generating = 0.0
        self.failures: list[Failure] = []
        self.in_a_row = 0

    def answer(self, document: Document, cancelled: Cancelled) -> bool:
        """Answers and stores one document; False when it was cancelled half-way.

        Raises ModelError when the model has failed too often in a row, and IndexFileError when
        the index was built anew meanwhile: what it finds belongs to another run.
        """
        try:
            trace = self.claim(document)
        except TakenError:
            self.elsewhere += 1
            return True
        written = Written(self.store, trace)
        try:
            answered = answer(
                self.tools, document, self.config, emit=written.heard, cancelled=cancelled
            )
        except (InputError, ModelError) as error:
            self.fail(written, document, error)
            return True
        except (MemoryError, RuntimeError, ValueError) as error:  # torch's own, for one text
            self.fail(written, document, unexpected(error))
            return True
        if answered.shortlist.index != self.index:
            anew = IndexFileError(
                f"The index of {self.config.dataset} was built anew during the run.",
                "Give the same command again: it begins a run of the new index.",
            )
            self.fail(written, document, anew)
            raise anew
        try:
            self.keep(trace, document, answered)
        except TakenError:  # this process was silent for so long that another one took it over
            self.elsewhere += 1
            return True
        return answered.trace.finish_reason is not FinishReason.CANCELLED

    def claim(self, document: Document) -> str:
        """The id of the document's trace, now in the hands of this process."""
        with self.store.write() as session:
            return begin_trace(
                session,
                run_id=self.start.run,
                config=self.config,
                document=document,
                origin="batch",
            )

    def keep(self, trace: str, document: Document, answered: Answered) -> None:
        """Stores an answer: finished, cancelled half-way, or broken off by the server."""
        reason = answered.trace.finish_reason
        broken = reason is FinishReason.ERROR
        why = " ".join(answered.trace.notes) or "The model broke off."
        error = ModelError(why, "Give the same command again.") if broken else None
        with self.store.write() as session:
            finish_trace(
                session,
                trace,
                TraceRecord(**answered.record()),
                error=(error.what, error.fix) if error else None,
            )
        if error is not None:
            self.count_failure(document, error)
        elif reason is not FinishReason.CANCELLED:
            self.answered += 1
            self.tokens += answered.trace.tokens
            self.seconds_generating += answered.trace.seconds
            self.in_a_row = 0

    def fail(self, written: "Written", document: Document, error: PhaseLensError) -> None:
        """Stores a failure of the document, with what the model had written."""
        with self.store.write() as session:
            save_partial(session, written.trace, written.text, written.tokens)
            fail_trace(session, written.trace, error.what, error.fix)
        self.count_failure(document, error)

    def count_failure(self, document: Document, error: PhaseLensError) -> None:
        self.failures.append(Failure(document.id, error.what, error.fix))
        self.in_a_row = self.in_a_row + 1 if isinstance(error, ModelError) else 0
        if self.in_a_row >= GIVE_UP_AFTER:
            raise type(error)(
                f"Gave up after {GIVE_UP_AFTER} failed documents in a row; "
                f"{self.answered} were answered before. The last error: {error.what}",
                error.fix,
            )

    def result(self, *, cancelled: bool = False) -> RunResult:
        return replace(
            self.start,
            answered=self.answered,
            elsewhere=self.elsewhere,
            seconds=time.perf_counter() - self.began,
            tokens=self.tokens,
            seconds_generating=self.seconds_generating,
            failures=tuple(self.failures),
            cancelled=cancelled,
        )


class Written:
    """What the model has written of one document so far, saved now and then.

    So a killed process leaves all but the last text, and its claim is seen to be alive.
    """

    def __init__(self, store: Store, trace: str) -> None:
        self.store = store
        self.trace = trace
        self.text = ""
        self.tokens = 0
        self._saved_at = time.monotonic()

    def heard(self, event: Event) -> None:
        """Takes an event of the pipeline; any of them shows that the work goes on."""
        if isinstance(event, Wrote):
            self.text += event.text
            self.tokens = event.tokens
        if time.monotonic() - self._saved_at < SAVE_EVERY_S:
            return
        self._saved_at = time.monotonic()
        with suppress(StoreError), self.store.write() as session:  # the end tries again, and tells
            save_partial(session, self.trace, self.text, self.tokens)


def unexpected(error: Exception) -> ModelError:
    """A fault of a library on one document, in words."""
    return ModelError(
        f"{type(error).__name__}: {error}",
        "This is a fault in PhaseLens or its libraries; please report it.",
    )
