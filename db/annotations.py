"""Flags on traces: an append-only log of events; what stands now is derived from it.

Undoing is an event too, so nothing is ever lost. The database itself refuses to change or
delete an event. Nothing here is ever read by what builds a model's input.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.annotation.judgement import MAX_COMMENT
from core.annotation.people import Person, Role
from core.annotation.verdicts import ShortlistVerdict
from core.errors import InputError, UnknownNameError
from db.annotation_models import AnnotationEventRow
from db.clock import now
from db.models import TraceBodyRow, TraceRow
from db.people import allowed
from db.trace_filters import standing_flags
from db.trace_writes import no_such_trace


@dataclass(frozen=True, slots=True)
class FlagView:
    """A flag that stands. `shown`: what was on the screen when it was set."""

    event_id: str
    trace_id: str
    verdict: ShortlistVerdict
    comment: str
    annotator: str
    created_at: datetime
    shown: dict[str, Any]


def flag(
    session: Session,
    by: Person,
    *,
    trace_id: str,
    verdict: ShortlistVerdict | str,
    comment: str = "",
    client_token: str | None = None,
) -> str:
    """Records an annotator's flag and returns its event id.

    `client_token`: one per click (any string up to 64 characters); the same token again, from a
    double click or a retry, returns the first event. Raises NotAllowedError, UnknownNameError for
    the trace, InputError for the verdict or a comment above 5,000 characters.
    """
    who = allowed(session, by, Role.ANNOTATOR)
    known = _event_with(session, client_token)
    if known is not None:
        return known.id
    verdict = parse_verdict(verdict)
    if len(comment) > MAX_COMMENT:
        raise InputError(
            f"The comment has {len(comment):,} characters, but may have {MAX_COMMENT:,}.",
            "Shorten it.",
        )
    event = AnnotationEventRow(
        id=uuid.uuid4().hex,
        kind="flag",
        trace_id=trace_id,
        verdict=verdict,
        comment=comment.strip(),
        annotator=who.name,
        client_token=client_token,
        shown=on_screen(session, trace_id),
        created_at=now(session),
    )
    session.add(event)
    session.flush()
    return event.id


def undo(session: Session, by: Person, event_id: str, *, client_token: str | None = None) -> str:
    """Takes a flag back and returns the id of the undoing event; twice is the same as once.

    Raises NotAllowedError, and UnknownNameError for an id that is no flag.
    """
    who = allowed(session, by, Role.ANNOTATOR)
    known = _event_with(session, client_token)
    if known is not None:
        return known.id
    flagged = session.get(AnnotationEventRow, event_id)
    if flagged is None or flagged.kind != "flag":
        raise UnknownNameError(f"There is no flag {event_id!r}.", "Reload the page.")
    earlier = select(AnnotationEventRow.id).where(AnnotationEventRow.undoes == event_id)
    undone = session.execute(earlier).scalar_one_or_none()
    if undone is not None:
        return undone
    event = AnnotationEventRow(
        id=uuid.uuid4().hex,
        kind="undo",
        trace_id=flagged.trace_id,
        undoes=event_id,
        annotator=who.name,
        client_token=client_token,
        created_at=now(session),
    )
    session.add(event)
    session.flush()
    return event.id


def flags_of(session: Session, trace_id: str) -> list[FlagView]:
    """The flags on a trace that stand, oldest first."""
    rows = session.execute(
        select(AnnotationEventRow)
        .where(AnnotationEventRow.trace_id == trace_id, standing_flags())
        .order_by(AnnotationEventRow.created_at, AnnotationEventRow.id)
    ).scalars()
    return [
        FlagView(
            event_id=row.id,
            trace_id=row.trace_id,
            verdict=ShortlistVerdict(row.verdict or ""),
            comment=row.comment,
            annotator=row.annotator,
            created_at=row.created_at,
            shown=row.shown or {},
        )
        for row in rows
    ]


def flag_counts(session: Session, trace_ids: Sequence[str] | None = None) -> dict[str, int]:
    """Verdict -> flags that stand, over these traces or all; every verdict is a key."""
    query = select(AnnotationEventRow.verdict, func.count()).where(standing_flags())
    if trace_ids is not None:
        query = query.where(AnnotationEventRow.trace_id.in_(trace_ids))
    counts = {verdict.value: 0 for verdict in ShortlistVerdict}
    for verdict, count in session.execute(query.group_by(AnnotationEventRow.verdict)):
        counts[verdict or ""] = count
    return counts


def on_screen(session: Session, trace_id: str) -> dict[str, Any]:
    """What the annotator saw: the shortlist in its order, k and n, and how far the trace was."""
    found = session.execute(
        select(TraceRow, TraceBodyRow.shortlist)
        .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
        .where(TraceRow.id == trace_id)
    ).one_or_none()
    if found is None:
        raise no_such_trace(trace_id)
    row, shortlist = found
    return {
        "trace": trace_id,
        "attempt": row.attempt,
        "state": row.state,
        "dataset": row.dataset,
        "document": row.document_id,
        "system": row.system,
        "run": row.run_id,
        "k": row.k,
        "n": row.n,
        "labels": [r["label_id"] for r in shortlist["rows"]] if shortlist else [],
    }


def _event_with(session: Session, client_token: str | None) -> AnnotationEventRow | None:
    if client_token is None:
        return None
    if not 1 <= len(client_token) <= 64:
        raise InputError("A click's token must have 1 to 64 characters.", "Reload the page.")
    query = select(AnnotationEventRow).where(AnnotationEventRow.client_token == client_token)
    return session.execute(query).scalar_one_or_none()


def parse_verdict(verdict: ShortlistVerdict | str) -> ShortlistVerdict:
    """The verdict of that name. Raises InputError."""
    if verdict not in set(ShortlistVerdict):
        raise InputError(
            f"{verdict!r} is not a verdict.", f"Choose one of: {', '.join(ShortlistVerdict)}."
        )
    return ShortlistVerdict(verdict)
