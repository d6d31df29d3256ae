"""Boundaries that people move: events beside the machine's own, which stays in the trace's body.

The traces table has the boundary that holds, for lists and filters; it is set anew with each event.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.annotation.people import Person, Role
from core.errors import InputError, UnknownNameError
from core.traces.base import BoundarySource, Trace
from core.traces.phases import share_before
from db.annotation_models import AnnotationEventRow
from db.clock import now
from db.models import TraceBodyRow, TraceRow, TraceTextRow
from db.people import allowed
from db.trace_writes import no_such_trace

KIND = "boundary"


@dataclass(frozen=True, slots=True)
class BoundaryMove:
    """`at`: the character where reasoning begins; None: there are no phases."""

    event_id: str
    at: int | None
    annotator: str
    created_at: datetime


def move_boundary(
    session: Session,
    by: Person,
    trace_id: str,
    at: int | None,
    *,
    client_token: str | None = None,
) -> str:
    """Records where an annotator says that reasoning begins, and returns the event's id; the same
    token again returns the first event. Raises NotAllowedError, UnknownNameError, and InputError
    for a character outside the trace."""
    who = allowed(session, by, Role.ANNOTATOR)
    known = _with_token(session, client_token)
    if known is not None:
        return known
    row, text = _row(session, trace_id)
    if at is not None and not 0 <= at <= len(text.trace):
        raise InputError(
            f"Character {at:,} is not in this trace of {len(text.trace):,}.", "Choose a step of it."
        )
    event = AnnotationEventRow(
        id=uuid.uuid4().hex, kind=KIND, trace_id=trace_id, annotator=who.name, comment="",
        client_token=client_token, value={"at": at}, created_at=now(session),
    )  # fmt: skip
    session.add(event)
    session.flush()
    _hold(session, row, text.trace)
    return event.id


def undo_move(
    session: Session, by: Person, event_id: str, *, client_token: str | None = None
) -> str:
    """Takes a move back; twice is the same as once. Raises NotAllowedError, UnknownNameError."""
    who = allowed(session, by, Role.ANNOTATOR)
    known = _with_token(session, client_token)
    if known is not None:
        return known
    moved = session.get(AnnotationEventRow, event_id)
    if moved is None or moved.kind != KIND:
        raise UnknownNameError(f"There is no moved boundary {event_id!r}.", "Reload the page.")
    earlier = select(AnnotationEventRow.id).where(AnnotationEventRow.undoes == event_id)
    undone = session.execute(earlier).scalar_one_or_none()
    if undone is not None:
        return undone
    event = AnnotationEventRow(
        id=uuid.uuid4().hex, kind="undo", trace_id=moved.trace_id, undoes=event_id, comment="",
        annotator=who.name, client_token=client_token, created_at=now(session),
    )  # fmt: skip
    session.add(event)
    session.flush()
    row, text = _row(session, moved.trace_id)
    _hold(session, row, text.trace)
    return event.id


def boundary_moves(session: Session, trace_id: str) -> list[BoundaryMove]:
    """The moves that stand, oldest first: the last one holds."""
    undo = aliased(AnnotationEventRow)
    undone = select(undo.id).where(undo.undoes == AnnotationEventRow.id).exists()
    rows = session.execute(
        select(AnnotationEventRow)
        .where(AnnotationEventRow.trace_id == trace_id, AnnotationEventRow.kind == KIND, ~undone)
        .order_by(AnnotationEventRow.created_at, AnnotationEventRow.id)
    ).scalars()
    return [
        BoundaryMove(row.id, (row.value or {}).get("at"), row.annotator, row.created_at)
        for row in rows
    ]


def keep_moved(session: Session, trace_id: str) -> None:
    """After a trace was worked out: a boundary that a person moved before still holds."""
    if boundary_moves(session, trace_id):
        row, text = _row(session, trace_id)
        _hold(session, row, text.trace)


def _hold(session: Session, row: TraceRow, text: str) -> None:
    """Puts the boundary that holds now into the lists."""
    moves = boundary_moves(session, row.id)
    body = session.execute(
        select(TraceBodyRow.trace).where(TraceBodyRow.trace_seq == row.seq)
    ).scalar_one()
    machine = Trace.from_json({**body, "text": text}) if body else None
    if not moves:
        row.boundary = machine.boundary if machine else None
        source = machine.boundary_source if machine else None
        row.boundary_source = source.value if source else None
    else:
        at, offsets = moves[-1].at, machine.token_offsets if machine else ()
        row.boundary = None if at is None else share_before(at, text, offsets)
        row.boundary_source = BoundarySource.HUMAN
    if row.has_phases is not None:  # else it is still to be worked out, and stays so
        row.has_phases = row.boundary is not None


def _with_token(session: Session, token: str | None) -> str | None:
    if token is None:
        return None
    found = select(AnnotationEventRow.id).where(AnnotationEventRow.client_token == token)
    return session.execute(found).scalar_one_or_none()


def _row(session: Session, trace_id: str) -> tuple[TraceRow, TraceTextRow]:
    found = session.execute(
        select(TraceRow, TraceTextRow)
        .join(TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq)
        .where(TraceRow.id == trace_id)
    ).one_or_none()
    if found is None:
        raise no_such_trace(trace_id)
    return found[0], found[1]
