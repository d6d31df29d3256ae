"""A batch answers each document of a run once: who may begin one, and beginning it again."""

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.datasets.base import Document
from core.systems import RunConfig
from db.clock import now
from db.models import TraceBodyRow, TraceFateRow, TraceRow, TraceTextRow
from db.owners import on_this_host, owner_dead
from db.trace_views import TakenError, TraceState

SILENT = timedelta(minutes=10)  # a batch's process on another host is given up after this


def batch_row(session: Session, run_id: str, document: Document, owner: str) -> TraceRow | None:
    """The trace to begin again, or None for a document not begun yet. Raises TakenError."""
    row = session.execute(
        select(TraceRow).where(
            TraceRow.run_id == run_id,
            TraceRow.document_id == document.id,
            TraceRow.origin == "batch",
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    if row.state == TraceState.DONE:
        raise TakenError(
            f"Document {document.id} of run {run_id} is answered already.", "Nothing is to be done."
        )
    running_elsewhere = row.state == TraceState.RUNNING and row.owner not in (None, owner)
    if running_elsewhere and not _given_up(session, row, str(row.owner)):
        raise TakenError(
            f"Document {document.id} of run {run_id} is being answered by another process.",
            "Leave it to that process, or cancel its job first.",
        )
    return row


def _given_up(session: Session, row: TraceRow, owner: str) -> bool:
    """Whether a trace's process has ended, or is on another host and silent for too long.

    Of a process on this host it is known whether it lives; a slow one keeps its document.
    """
    if on_this_host(owner):
        return owner_dead(owner)
    return now(session) - row.updated_at > SILENT


def begin_again(session: Session, row: TraceRow, config: RunConfig, owner: str) -> None:
    """Empties a trace that did not finish, for its next attempt."""
    row.state, row.owner, row.attempt = TraceState.RUNNING, owner, row.attempt + 1
    row.created_at = row.updated_at = now(session)
    row.finished_at = row.error_what = row.error_fix = None
    row.bucket = row.finish_reason = row.has_phases = row.boundary = row.boundary_source = None
    row.seconds = row.example_f1 = row.recall_at_k = row.selected = row.mean_confusion = None
    row.tokens = row.chars = 0
    seq = row.seq
    session.execute(delete(TraceFateRow).where(TraceFateRow.trace_seq == seq))
    session.execute(
        update(TraceBodyRow)
        .where(TraceBodyRow.trace_seq == seq)
        .values(
            config=config.to_json(),
            stages=[],
            prediction=None,
            gold_ranks=None,
            candidates=None,
            partial=None,
            rendered=None,
            shortlist=None,
            trace=None,
        )
    )
    session.execute(
        update(TraceTextRow).where(TraceTextRow.trace_seq == seq).values(labels="", trace="")
    )
