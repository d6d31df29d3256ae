"""Answers the documents of a batch run and stores each as it is finished.

One by one, document after document goes through core/pipeline.py: answer. Side by side, up to
`batch_size` documents are in the model's hands: each is claimed, embedded and searched when a
place is free, and scored, analysed and stored when its text is finished.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from core.datasets.base import Document
from core.errors import IndexFileError, InputError, ModelError, PhaseLensError, StoreError
from core.events import Event, Wrote
from core.models.base import Generated, ManyAtOnce, Outcome, Request
from core.pipeline import Answered, Example, answer, prepare
from core.rerank.reasoner import Draft, script_for
from core.run_result import Failure, RunResult
from core.systems import RunConfig
from core.tools import Tools
from core.traces.base import FinishReason
from db.session import Store
from db.traces import TakenError, TraceRecord, begin_trace, fail_trace, finish_trace, save_partial

Report = Callable[[str, int, int], None]  # stage, done, total
Cancelled = Callable[[], bool]
Ended = Callable[[], None]  # told of each document that has ended, in whatever way

ANSWERING = "Answering documents"
SAVE_EVERY_S = 30.0  # a half-written text; also says that its process is alive
GIVE_UP_AFTER = 5  # model failures in a row: the model is broken, not the documents
EXPECTED = (InputError, ModelError, MemoryError, RuntimeError, ValueError)  # of one document


@dataclass
class Open:
    """A document that is being written beside others."""

    document: Document
    written: "Written"
    example: Example
    draft: Draft
    request: Request


class Batch:
    """The documents of one call: answers them, one by one or side by side, and counts."""

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
        self.was_cancelled = False
        self.stop: PhaseLensError | None = None  # ends the run when what is begun is finished

    def run(self, todo: Sequence[Document], report: Report, cancelled: Cancelled) -> RunResult:
        """Answers all; `report` counts from what was done before.

        Raises ModelError when the model has failed too often in a row, and IndexFileError when
        the index was built anew meanwhile: what it finds belongs to another run.
        """
        done = self.start.skipped_as_done
        report(ANSWERING, done, self.start.documents)

        def ended() -> None:
            nonlocal done
            done += 1
            report(ANSWERING, done, self.start.documents)

        if self.start.batch_size > 1:
            self.side_by_side(todo, cancelled, ended)
        else:
            self.one_by_one(todo, cancelled, ended)
        if self.stop is not None:
            raise self.stop
        return self.result()

    def one_by_one(self, todo: Sequence[Document], cancelled: Cancelled, ended: Ended) -> None:
        for document in todo:
            if cancelled():
                self.was_cancelled = True
                return
            self.answer(document, cancelled)
            if self.was_cancelled or self.stop is not None:
                return
            ended()

    def side_by_side(self, todo: Sequence[Document], cancelled: Cancelled, ended: Ended) -> None:
        """As `one_by_one`, with `batch_size` documents in the model's hands at a time."""
        model = self.tools.model
        if not isinstance(model, ManyAtOnce):
            raise TypeError(f"{model.spec.name} writes one text at a time")
        opened: dict[int, Open] = {}
        preparing = 0.0

        def requests() -> Iterator[Request]:
            nonlocal preparing
            for document in todo:
                if self.stop is not None:
                    return
                if cancelled():
                    self.was_cancelled = True
                    return
                began = time.perf_counter()
                one = self.open(document, cancelled)
                preparing += time.perf_counter() - began
                if one is None:
                    ended()
                else:
                    opened[id(one.request)] = one
                    yield one.request

        began = time.perf_counter()
        for request, outcome in model.generate_many(requests(), self.start.batch_size):
            self.seconds_generating += time.perf_counter() - began - preparing
            preparing = 0.0
            self.close(opened.pop(id(request)), outcome, cancelled)
            if not self.was_cancelled:
                ended()
            began = time.perf_counter()

    def open(self, document: Document, cancelled: Cancelled) -> Open | None:
        """Claims a document and prepares it; None where it is not for this process or fails."""
        try:
            trace = self.claim(document)
        except TakenError:
            self.elsewhere += 1
            return None
        written = Written(self.store, trace)
        try:
            example = prepare(self.tools, document, self.config, written.heard)
        except EXPECTED as error:
            self.fail(written, document, in_words(error))
            return None
        if self.is_anew(written, document, example.shortlist.index):
            return None
        draft = Draft(example.candidates, written.heard)
        decoding = example.config.decoding
        script = script_for(example.prompt, example.candidates, decoding)
        request = Request(example.prompt, decoding, draft.heard, cancelled, script)
        return Open(document, written, example, draft, request)

    def close(self, one: Open, outcome: Outcome, cancelled: Cancelled) -> None:
        """Analyses and stores what the model made of a document."""
        if not isinstance(outcome, Generated):
            self.fail(one.written, one.document, outcome)
            return
        try:
            answered = one.example.conclude(one.draft.trace(outcome), cancelled)
        except EXPECTED as error:
            self.fail(one.written, one.document, in_words(error))
            return
        self.keep(one.written.trace, one.document, answered)

    def answer(self, document: Document, cancelled: Cancelled) -> None:
        """Answers and stores one document."""
        try:
            trace = self.claim(document)
        except TakenError:
            self.elsewhere += 1
            return
        written = Written(self.store, trace)
        try:
            answered = answer(
                self.tools, document, self.config, emit=written.heard, cancelled=cancelled
            )
        except EXPECTED as error:
            self.fail(written, document, in_words(error))
            return
        if self.is_anew(written, document, answered.shortlist.index):
            return
        if self.keep(trace, document, answered):
            self.seconds_generating += answered.trace.seconds

    def is_anew(self, written: "Written", document: Document, index: str) -> bool:
        """Whether another index answered than the run's identity names; that ends the run."""
        if index == self.index:
            return False
        anew = IndexFileError(
            f"The index of {self.config.dataset} was built anew during the run.",
            "Give the same command again: it begins a run of the new index.",
        )
        self.fail(written, document, anew)
        self.stop = anew
        return True

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

    def keep(self, trace: str, document: Document, answered: Answered) -> bool:
        """Stores an answer: finished (True), cancelled half-way, or broken off."""
        reason = answered.trace.finish_reason
        broken = reason is FinishReason.ERROR
        why = " ".join(answered.trace.notes) or "The model broke off."
        error = ModelError(why, "Give the same command again.") if broken else None
        try:
            with self.store.write() as session:
                finish_trace(
                    session,
                    trace,
                    TraceRecord(**answered.record()),
                    error=(error.what, error.fix) if error else None,
                )
        except TakenError:  # this process was silent for so long that another one took it over
            self.elsewhere += 1
            return False
        if error is not None:
            self.count_failure(document, error)
            return False
        if reason is FinishReason.CANCELLED:
            self.was_cancelled = True
            return False
        self.answered += 1
        self.tokens += answered.trace.tokens
        self.in_a_row = 0
        return True

    def fail(self, written: "Written", document: Document, error: PhaseLensError) -> None:
        """Stores a failure of the document, with what the model had written."""
        with self.store.write() as session:
            save_partial(session, written.trace, written.text, written.tokens)
            fail_trace(session, written.trace, error.what, error.fix)
        self.count_failure(document, error)

    def count_failure(self, document: Document, error: PhaseLensError) -> None:
        self.failures.append(Failure(document.id, error.what, error.fix))
        self.in_a_row = self.in_a_row + 1 if isinstance(error, ModelError) else 0
        if self.in_a_row >= GIVE_UP_AFTER and self.stop is None:
            self.stop = type(error)(
                f"Gave up after {GIVE_UP_AFTER} failed documents in a row; "
                f"{self.answered} were answered before. The last error: {error.what}",
                error.fix,
            )

    def result(self) -> RunResult:
        return replace(
            self.start,
            answered=self.answered,
            elsewhere=self.elsewhere,
            seconds=time.perf_counter() - self.began,
            tokens=self.tokens,
            seconds_generating=self.seconds_generating,
            failures=tuple(self.failures),
            cancelled=self.was_cancelled,
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


def in_words(error: Exception) -> PhaseLensError:
    """A failure of one document in words; a fault of a library is a failure of the model."""
    if isinstance(error, PhaseLensError):
        return error
    return ModelError(
        f"{type(error).__name__}: {error}",
        "This is a fault in PhaseLens or its libraries; please report it.",
    )
