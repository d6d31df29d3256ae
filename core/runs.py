"""Runs a system over a dataset's split into the store; killed at any moment, it resumes.

1. The run's identity (everything that decides its output) gives its id, so the same command
   finds its own earlier work.
2. Documents come in an order fixed by their ids, the same on every machine: any `limit` is a
   fair sample of the split, and a larger limit goes on from a smaller one.
3. A document is claimed in the store before it is answered and its whole trace is written in one
   transaction: no finished document is lost or done twice, also when several processes, on
   several machines, answer one run.
4. Several documents are written side by side (core/batch.py); each is stored when it is finished,
   and gives its place to the next.
5. A killed process leaves a claim that its death frees; a failed document is stored as failed.
   Both are tried again by the next run.
"""

from dataclasses import replace

from core.batch import Batch, Cancelled, Report
from core.config import Settings
from core.datasets.base import Dataset, Split
from core.errors import InputError
from core.models.chat_stream import Cancelled as Stopped
from core.rerank.base import Mode
from core.run_request import BATCH_SIZE, check_request, documents_of
from core.run_result import RunResult
from core.shortlist.base import Found
from core.systems import RunConfig
from core.toolbox import Toolbox
from db.runs import done_documents, ensure_run, run_records
from db.session import Store
from db.traces import load_trace


def run_batch(
    settings: Settings,
    store: Store,
    config: RunConfig,
    split: Split | None,
    limit: int | None,
    report: Report,
    cancelled: Cancelled,
    batch_size: int = BATCH_SIZE,
    shown_in: str | None = None,
) -> RunResult:
    """Answers the first `limit` documents of a split (None: all) that are not finished yet.

    Builds the index first where there is none. Raises UnknownNameError, InputError, DataError,
    IndexFileError and StoreError at once; ModelError when the model fails on
    `GIVE_UP_AFTER` documents in a row.

    `batch_size`: documents that are written at a time, at least 1. In fast mode rounding makes it
    part of the run's identity; in reference mode it changes nothing.

    `shown_in`: another run, whose shortlists are taken, and of whose documents alone this one is.
    Processors round vectors in their own ways, so that on another machine the same search finds
    its labels in another order, and systems would be compared that were shown different things.
    """
    toolbox = Toolbox(settings, store)
    try:
        dataset = check_request(toolbox, config, limit, cancelled, batch_size)
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
    mode_note = tools.mode_note(config)
    config = tools.resolved(config)
    if shown_in is not None:
        tools = replace(tools, found=shortlists_of(store, shown_in, config))
        documents = [document for document in documents if document.id in tools.found]
    first = next(iter(tools.found.values()), None)
    rows = tools.side_by_side(config, batch_size)
    identity = {
        **tools.identity(config, first and first[0]),
        "split": split and split.value,
        "origin": "batch",
        "batch_size": rows if config.decoding.mode is Mode.FAST else 1,
    }
    with store.write() as session:
        run = ensure_run(session, identity, config, split and split.value, "batch")
    with store.read() as session:
        done = done_documents(session, run)
    todo = [document for document in documents if document.id not in done]
    start = RunResult(
        run,
        len(documents),
        len(documents) - len(todo),
        mode=config.decoding.mode.value,
        mode_note=mode_note,
        batch_size=rows,
    )
    return Batch(store, tools, config, start, identity["index"]).run(todo, report, cancelled)


def shortlists_of(store: Store, run: str, config: RunConfig) -> dict[str, Found]:
    """What a run's documents were shown, by their ids. Raises InputError where none of its traces
    are in the store, or they were retrieved otherwise than `config` asks for."""
    found: dict[str, Found] = {}
    then = config
    with store.read() as session:
        for record in run_records(session, run):
            trace = load_trace(session, record.trace_id)
            then = trace.config
            if trace.shortlist is not None:
                found[trace.document.id] = trace.shortlist, trace.gold
    if not found:
        raise InputError(
            f"The shortlists of run {run} are not in this store.",
            "`phaselens results load` brings what ships.",
        )
    if (then.dataset, then.k, then.ef, then.method) != (
        config.dataset, config.k, config.ef, config.method,
    ):  # fmt: skip
        raise InputError(
            f"Run {run} has retrieved its labels otherwise than this one is to.",
            "Give it the same dataset, k, ef and method.",
        )
    return found


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
