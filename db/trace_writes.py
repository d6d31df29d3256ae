"""Writing a trace: begun before the model runs, saved as it goes, ended in exactly one way."""

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from core.datasets.base import Document
from core.errors import InputError, UnknownNameError
from core.rerank.base import Candidate
from core.shortlist.base import GoldRank, Shortlist
from core.systems import RunConfig
from core.traces.base import Curves
from db.clock import now
from db.models import TraceBodyRow, TraceFateRow, TraceRow, TraceTextRow
from db.owners import owner_dead, this_owner
from db.trace_batches import batch_row, begin_again
from db.trace_views import STATE_AFTER, TakenError, TraceRecord, TraceState

START_CHARS = 160  # of a document's text, in lists


def begin_trace(
    session: Session,
    *,
    run_id: str | None,
    config: RunConfig,
    document: Document,
    origin: str,
    trace_id: str | None = None,
    owner: str | None = None,
    made_at: datetime | None = None,
) -> str:
    """Saves that a document is being answered, and returns the trace's id (16 hex digits).

    `origin`: live (each one is a new trace with the next attempt number) or batch (one trace a
    document of a run: one that failed or was interrupted is begun again under its old id).
    `owner`: the process that answers it, this one by default. `made_at`: when, for a trace that
    was made elsewhere. Raises TakenError for a batch's
    document that is done, or in the hands of a live process.
    """
    owner = owner or this_owner()
    if origin == "batch":
        if run_id is None:
            raise InputError("A batch's trace needs a run.", "Call ensure_run first.")
        again = batch_row(session, run_id, document, owner)
        if again is not None:
            begin_again(session, again, config, owner)
            return again.id
    moment = made_at or now(session)
    row = TraceRow(
        id=trace_id or uuid.uuid4().hex[:16],
        run_id=run_id,
        origin=origin,
        dataset=config.dataset,
        document_id=document.id,
        document_start=start_of(document.text),
        split=document.split,
        system=config.system,
        state=TraceState.RUNNING,
        attempt=1 if origin == "batch" else _attempt(session, config, document),
        owner=owner,
        created_at=moment,
        updated_at=moment,
        k=config.k,
        n=config.n,
        gold=len(document.gold),
        tokens=0,
    )
    session.add(row)
    session.flush()
    session.add(TraceTextRow(trace_seq=row.seq, document=document.text, labels="", trace=""))
    session.add(
        TraceBodyRow(
            trace_seq=row.seq, gold=list(document.gold), config=config.to_json(), stages=[]
        )
    )
    session.flush()
    return row.id


def start_of(text: str) -> str:
    """The first words of a document, for lists."""
    return " ".join(text[: START_CHARS * 4].split())[:START_CHARS]


def _attempt(session: Session, config: RunConfig, document: Document) -> int:
    same = select(func.count()).where(
        TraceRow.dataset == config.dataset,
        TraceRow.document_id == document.id,
        TraceRow.system == config.system,
        TraceRow.origin == "live",
    )
    return session.execute(same).scalar_one() + 1


def attach_run(session: Session, trace_id: str, run_id: str, config: RunConfig) -> None:
    """Says which run a live trace belongs to, once its tools (and so its identity) are known.

    `config`: the run's, in which what was left to a default is spelt out.
    """
    row = _row(session, trace_id)
    row.run_id = run_id
    _set_body(session, row.seq, config=config.to_json())


def save_partial(session: Session, trace_id: str, text: str, tokens: int) -> None:
    """Keeps the text so far of a running trace, and that its process is alive.

    Without effect once it has ended, and on a batch's trace that another process has taken over.
    """
    row = _row(session, trace_id)
    if row.state == TraceState.RUNNING and not _taken_over(row):
        row.tokens, row.updated_at = tokens, now(session)
        _set_body(session, row.seq, partial=text)


def save_progress(
    session: Session,
    trace_id: str,
    *,
    shortlist: Shortlist | None = None,
    gold: Sequence[GoldRank] | None = None,
    rendered: str | None = None,
    candidates: Sequence[Candidate] | None = None,
    stages: Sequence[tuple[str, float, str]] | None = None,
) -> None:
    """Keeps what is known before the end, so that an interrupted trace still shows it."""
    values: dict[str, Any] = {
        "shortlist": None if shortlist is None else shortlist.to_json(),
        "gold_ranks": None if gold is None else [dataclasses.asdict(g) for g in gold],
        "rendered": rendered,
        "candidates": None if candidates is None else [dataclasses.asdict(c) for c in candidates],
        "stages": None if stages is None else [list(stage) for stage in stages],
    }
    row = _row(session, trace_id)
    if row.state == TraceState.RUNNING:
        row.updated_at = now(session)
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            _set_body(session, row.seq, **known)


def finish_trace(
    session: Session,
    trace_id: str,
    record: TraceRecord,
    *,
    run_id: str | None = None,
    error: tuple[str, str] | None = None,
) -> None:
    """Saves a trace's end. Cancelled ones become "cancelled", broken-off ones "failed".

    `error`: (what, fix) of a model that broke off half-way. Raises UnknownNameError, and
    TakenError for a batch's trace that another process took over meanwhile.
    """
    row = _row(session, trace_id)
    if _taken_over(row):
        raise TakenError(
            f"Trace {trace_id} was taken over by another process.", "Its result is kept instead."
        )
    trace, prediction = record.trace, record.prediction
    row.run_id = run_id or row.run_id
    row.state = STATE_AFTER[trace.finish_reason]
    row.owner = None
    row.finished_at = row.updated_at = now(session)
    row.selected = len(prediction.selected)
    row.bucket = prediction.bucket
    row.finish_reason = trace.finish_reason
    row.has_phases, row.boundary = trace.boundary is not None, trace.boundary
    row.boundary_source = trace.boundary_source
    row.tokens, row.chars = trace.tokens, len(trace.text)
    if row.origin != "import":  # whose time stays as its file says, or unknown
        row.seconds = trace.seconds
    row.example_f1, row.recall_at_k = record.example_f1, record.recall_at_k
    row.mean_confusion = trace.curves.mean_confusion if trace.curves else None
    row.error_what, row.error_fix = error or (None, None)
    _set_body(session, row.seq, partial=None, **_wide_parts(record))
    session.execute(
        update(TraceTextRow)
        .where(TraceTextRow.trace_seq == row.seq)
        .values(labels=_label_names(record), trace=trace.text)
    )
    _save_fates(session, row.seq, record)


def replace_curves(session: Session, trace_id: str, curves: Curves) -> None:
    """Gives a finished trace other curves, measured again. Raises UnknownNameError, and InputError
    for one that has not finished."""
    row = _row(session, trace_id)
    body = select(TraceBodyRow.trace).where(TraceBodyRow.trace_seq == row.seq)
    trace = session.execute(body).scalar_one()
    if row.state != TraceState.DONE or trace is None:
        raise InputError(f"Trace {trace_id} has not finished.", "Wait until it has.")
    row.mean_confusion, row.updated_at = curves.mean_confusion, now(session)
    _set_body(session, row.seq, trace=trace | {"curves": dataclasses.asdict(curves)})


def _wide_parts(record: TraceRecord) -> dict[str, Any]:
    trace = record.trace.to_json()
    del trace["text"]  # kept in trace_texts, where it is searched
    return {
        "trace": trace,
        "prediction": record.prediction.to_json(),
        "stages": [list(stage) for stage in record.stages],
        "gold_ranks": [dataclasses.asdict(g) for g in record.gold],
        "candidates": [dataclasses.asdict(c) for c in record.candidates],
        "rendered": record.rendered,
        "shortlist": record.shortlist.to_json(),
    }


def _label_names(record: TraceRecord) -> str:
    """Names of gold and selected labels, one a line: what a search for a label should find."""
    selected = set(record.prediction.selected)
    names = [g.name for g in record.gold]
    names += [r.name for r in record.prediction.ranking if r.label_id in selected]
    return "\n".join(dict.fromkeys(names))


def _save_fates(session: Session, seq: int, record: TraceRecord) -> None:
    session.execute(delete(TraceFateRow).where(TraceFateRow.trace_seq == seq))
    rows = [
        {"trace_seq": seq, "position": position, **dataclasses.asdict(fate)}
        for position, fate in enumerate(record.fates)
    ]
    if rows:
        session.execute(insert(TraceFateRow), rows)


def fail_trace(session: Session, trace_id: str, what: str, fix: str) -> None:
    """Saves that an error stopped a running trace; its partial text is kept.

    Without effect on a batch's trace that another process has taken over.
    """
    row = _row(session, trace_id)
    if row.state == TraceState.RUNNING and not _taken_over(row):
        _end_without_result(session, row, TraceState.FAILED, what, fix)


def cancel_trace(session: Session, trace_id: str) -> None:
    """Saves that a running trace was cancelled before there was a result; what there is of it
    stays. (One that was cancelled while the model wrote ends by `finish_trace`.)"""
    row = _row(session, trace_id)
    if row.state == TraceState.RUNNING and not _taken_over(row):
        _end_without_result(session, row, TraceState.CANCELLED)


def interrupt_running(session: Session, owner_is_dead: Callable[[str], bool] = owner_dead) -> int:
    """Marks running traces whose process has ended as interrupted; returns how many.

    Called at the app's start. Their partial text and shortlist stay readable.
    """
    running = select(TraceRow).where(TraceRow.state == TraceState.RUNNING)
    dead = [r for r in session.execute(running).scalars() if not r.owner or owner_is_dead(r.owner)]
    for row in dead:
        _interrupt(session, row)
    return len(dead)


def keep_interrupted(
    session: Session, trace_id: str, config: RunConfig, document: Document
) -> None:
    """Saves that a live example's process is gone; also one that still waited for its turn, and
    so is not in the store yet."""
    known = select(TraceRow).where(TraceRow.id == trace_id)
    if session.execute(known).scalar_one_or_none() is None:
        begin_trace(
            session,
            run_id=None,
            config=config,
            document=document,
            origin="live",
            trace_id=trace_id,
        )
    row = _row(session, trace_id)
    if row.state == TraceState.RUNNING:
        _interrupt(session, row)


def _interrupt(session: Session, row: TraceRow) -> None:
    _end_without_result(
        session,
        row,
        TraceState.INTERRUPTED,
        "The process that was writing this trace ended in the middle.",
        "What it had written is shown; run the document again for the rest.",
    )


def _end_without_result(
    session: Session,
    row: TraceRow,
    state: TraceState,
    what: str | None = None,
    fix: str | None = None,
) -> None:
    row.state, row.owner = state, None
    row.error_what, row.error_fix = what, fix
    row.finished_at = row.updated_at = now(session)
    written = select(TraceBodyRow.partial).where(TraceBodyRow.trace_seq == row.seq)
    text = session.execute(written).scalar_one() or ""
    session.execute(
        update(TraceTextRow).where(TraceTextRow.trace_seq == row.seq).values(trace=text)
    )
    _set_body(session, row.seq, partial=None)


def _taken_over(row: TraceRow) -> bool:
    """Whether a batch's trace is in the hands of another process."""
    return row.origin == "batch" and row.owner != this_owner()


def _set_body(session: Session, seq: int, **values: Any) -> None:
    session.execute(update(TraceBodyRow).where(TraceBodyRow.trace_seq == seq).values(**values))


def _row(session: Session, trace_id: str) -> TraceRow:
    row = session.execute(select(TraceRow).where(TraceRow.id == trace_id)).scalar_one_or_none()
    if row is None:
        raise no_such_trace(trace_id)
    return row


def no_such_trace(trace_id: str) -> UnknownNameError:
    return UnknownNameError(
        f"There is no saved trace {trace_id!r}.",
        "It may be in another data folder (PHASELENS_HOME); pick one from the Traces page.",
    )
