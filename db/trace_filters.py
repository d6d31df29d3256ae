"""What a TraceFilter and a TraceOrder mean in SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.annotation_models import AnnotationEventRow
from db.models import TraceFateRow, TraceRow
from db.search import Wanted, matches, wanted_from
from db.trace_views import TraceFilter, TraceOrder


def conditions_of(
    session: Session, filter: TraceFilter, *, for_count: bool = False
) -> tuple[tuple[Wanted, ...], list[ColumnElement[bool]]]:
    """The words that a filter looks for, and all its conditions."""
    columns = {
        "dataset": TraceRow.dataset,
        "system": TraceRow.system,
        "bucket": TraceRow.bucket,
        "state": TraceRow.state,
        "run_id": TraceRow.run_id,
        "origin": TraceRow.origin,
        "boundary_source": TraceRow.boundary_source,
    }
    conditions: list[ColumnElement[bool]] = [
        column == getattr(filter, name)
        for name, column in columns.items()
        if getattr(filter, name) is not None
    ]
    if filter.has_phases is not None:
        conditions.append(TraceRow.has_phases.is_(filter.has_phases))
    if filter.since is not None:
        conditions.append(TraceRow.created_at >= filter.since)
    if filter.chars_from is not None:
        conditions.append(TraceRow.chars >= filter.chars_from)
    if filter.chars_to is not None:
        conditions.append(TraceRow.chars < filter.chars_to)
    if filter.f1_from is not None:
        conditions.append(TraceRow.example_f1 >= filter.f1_from)
    if filter.f1_to is not None:
        conditions.append(TraceRow.example_f1 <= filter.f1_to)
    if filter.fate is not None:
        of_fate = select(TraceFateRow.trace_seq).where(TraceFateRow.fate == filter.fate)
        conditions.append(TraceRow.seq.in_(of_fate))
    if filter.flag is not None:
        conditions.append(TraceRow.id.in_(_flagged(filter.flag)))
    wanted = wanted_from(filter.text or "")
    if wanted:
        conditions.append(matches(session, wanted, for_count=for_count))
    return wanted, conditions


def standing_flags() -> ColumnElement[bool]:
    """The condition that an event is a flag which nobody has undone."""
    undo = aliased(AnnotationEventRow)
    undone = select(undo.id).where(undo.undoes == AnnotationEventRow.id).exists()
    return and_(AnnotationEventRow.kind == "flag", ~undone)


def _flagged(verdict: str) -> Select[str]:
    flagged = select(AnnotationEventRow.trace_id).where(standing_flags())
    return flagged if verdict == "any" else flagged.where(AnnotationEventRow.verdict == verdict)


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a list is sorted by before `seq`; `of` gives a row's own value of it."""

    column: ColumnElement[float]
    descending: bool
    of: Callable[[TraceRow], float]


# Traces without an F1 come last either way.
SORT_KEYS = {
    TraceOrder.LOWEST_F1: SortKey(
        func.coalesce(TraceRow.example_f1, 2.0),
        False,
        lambda row: 2.0 if row.example_f1 is None else row.example_f1,
    ),
    TraceOrder.HIGHEST_F1: SortKey(
        func.coalesce(TraceRow.example_f1, -1.0),
        True,
        lambda row: -1.0 if row.example_f1 is None else row.example_f1,
    ),
    TraceOrder.MOST_TOKENS: SortKey(
        func.coalesce(TraceRow.tokens, 0.0), True, lambda row: float(row.tokens)
    ),
}


def ordering_of(order: TraceOrder, *, backwards: bool = False) -> list[UnaryExpression[Any]]:
    """The ORDER BY of a list; `backwards`: the same list from its end."""
    key = SORT_KEYS.get(order)
    newest_first = (order != TraceOrder.OLDEST) != backwards
    ordering: list[UnaryExpression[Any]] = []
    if key is not None:
        ordering.append(key.column.desc() if key.descending != backwards else key.column.asc())
    ordering.append(TraceRow.seq.desc() if newest_first else TraceRow.seq.asc())
    return ordering


def beside(
    at: TraceRow, order: TraceOrder, conditions: Sequence[ColumnElement[bool]], *, after: bool
) -> Select[str]:
    """The first trace after (or before) `at`, by comparing sort keys: no offset is counted."""
    smaller_seq = (order != TraceOrder.OLDEST) == after
    beyond = TraceRow.seq < at.seq if smaller_seq else TraceRow.seq > at.seq
    key = SORT_KEYS.get(order)
    if key is not None:
        column, value = key.column, key.of(at)
        beyond_key = column < value if key.descending == after else column > value
        beyond = or_(beyond_key, and_(column == value, beyond))
    ordering = ordering_of(order, backwards=not after)
    return select(TraceRow.id).where(*conditions, beyond).order_by(*ordering).limit(1)
