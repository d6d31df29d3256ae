"""Reading traces: one whole, or a page of many. Lists never touch the wide tables."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.datasets.base import Document, Split
from core.errors import InputError
from core.rerank.base import Bucket, Candidate, Fate, GoldFate, Prediction
from core.shortlist.base import GoldRank, Shortlist
from core.systems import RunConfig
from core.traces.base import Trace
from db.annotation_models import AnnotationEventRow
from db.models import (
    RunRow,
    TraceBodyRow,
    TraceFateRow,
    TraceRow,
    TraceTextRow,
)
from db.search import Wanted, count_matches, snippet, wanted_from
from db.trace_filters import beside, conditions_of, ordering_of, standing_flags
from db.trace_views import (
    FilterChoices,
    Neighbours,
    StoredTrace,
    TraceFilter,
    TraceOrder,
    TraceState,
    TraceSummary,
)
from db.trace_writes import no_such_trace

MAX_PAGE = 500  # rows; a page of a list, not a way to export everything


def load_trace(session: Session, trace_id: str) -> StoredTrace:
    """One trace as saved, running ones included. Raises UnknownNameError."""
    found = session.execute(
        select(TraceRow, TraceBodyRow, TraceTextRow, RunRow.identity)
        .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
        .join(TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq)
        .outerjoin(RunRow, RunRow.id == TraceRow.run_id)
        .where(TraceRow.id == trace_id)
    ).one_or_none()
    if found is None:
        raise no_such_trace(trace_id)
    row, body, texts, identity = found
    text = body.partial if body.partial is not None else texts.trace
    return StoredTrace(
        summary=_summary(row, _flags(session, [row.id]).get(row.id, ())),
        config=RunConfig.from_json(body.config),
        identity=identity,
        document=Document(
            row.document_id,
            texts.document,
            tuple(body.gold),
            Split(row.split) if row.split else None,
        ),
        text=text,
        gold=tuple(GoldRank(**g) for g in body.gold_ranks or ()),
        shortlist=Shortlist.from_json(body.shortlist) if body.shortlist else None,
        candidates=tuple(Candidate(**c) for c in body.candidates or ()),
        rendered=body.rendered,
        trace=Trace.from_json({**body.trace, "text": texts.trace}) if body.trace else None,
        prediction=Prediction.from_json(body.prediction) if body.prediction else None,
        fates=_fates(session, row.seq),
        stages=tuple((name, ms, note) for name, ms, note in body.stages or ()),
        answer=_answer(body.imported),
    )


def _answer(imported: dict[str, Any] | None) -> tuple[str, ...] | None:
    labels = (imported or {}).get("labels")
    return None if labels is None else tuple(labels)


def _fates(session: Session, seq: int) -> tuple[GoldFate, ...]:
    rows = session.execute(
        select(TraceFateRow).where(TraceFateRow.trace_seq == seq).order_by(TraceFateRow.position)
    ).scalars()
    return tuple(GoldFate(r.label_id, r.name, Fate(r.fate), r.rank, r.exact_rank) for r in rows)


def page_of(
    session: Session,
    filter: TraceFilter,
    offset: int = 0,
    limit: int = 50,
    order: TraceOrder = TraceOrder.NEWEST,
) -> list[TraceSummary]:
    """Rows offset..offset+limit of the list. `limit` is 1 to 500. Raises InputError."""
    if offset < 0 or not 1 <= limit <= MAX_PAGE:
        raise InputError(
            f"A page of {limit} rows from {offset} cannot be shown.",
            f"Ask for 1 to {MAX_PAGE} rows from 0 on.",
        )
    wanted, conditions = conditions_of(session, filter)
    # The numbers first, from indexes alone; then the few rows themselves.
    page = select(TraceRow.seq).where(*conditions).order_by(*ordering_of(order))
    numbers = session.execute(page.offset(offset).limit(limit)).scalars().all()
    rows = {
        row.seq: row
        for row in session.execute(select(TraceRow).where(TraceRow.seq.in_(numbers))).scalars()
    }
    flags = _flags(session, [row.id for row in rows.values()])
    snippets = _snippets(session, numbers, wanted)
    return [_summary(rows[seq], flags.get(rows[seq].id, ()), snippets.get(seq)) for seq in numbers]


def count_of(session: Session, filter: TraceFilter) -> int:
    """How many traces the filter leaves."""
    wanted = wanted_from(filter.text or "")
    if wanted and filter == TraceFilter(text=filter.text):
        return count_matches(session, wanted)  # without a look at the traces themselves
    _, conditions = conditions_of(session, filter, for_count=True)
    return session.execute(select(func.count(TraceRow.seq)).where(*conditions)).scalar_one()


def neighbours(
    session: Session,
    filter: TraceFilter,
    trace_id: str,
    order: TraceOrder = TraceOrder.NEWEST,
) -> Neighbours:
    """The traces before and after one in that list, whether the filter keeps it or not.

    Raises UnknownNameError.
    """
    at = session.execute(select(TraceRow).where(TraceRow.id == trace_id)).scalar_one_or_none()
    if at is None:
        raise no_such_trace(trace_id)
    _, conditions = conditions_of(session, filter)
    return Neighbours(
        session.execute(beside(at, order, conditions, after=False)).scalar_one_or_none(),
        session.execute(beside(at, order, conditions, after=True)).scalar_one_or_none(),
    )


def filter_choices(session: Session) -> FilterChoices:
    """What there is to choose from in the filters."""
    datasets = _distinct(session, TraceRow.dataset.expression)
    systems = {
        system
        for dataset in datasets
        for system in _distinct(session, TraceRow.system.expression, TraceRow.dataset == dataset)
    }
    states = session.execute(select(TraceRow.state, TraceRow.bucket).distinct()).all()
    runs = select(RunRow.id).where(RunRow.origin == "batch").order_by(RunRow.created_at.desc())
    return FilterChoices(
        datasets=tuple(datasets),
        systems=tuple(sorted(systems)),
        buckets=tuple(sorted({bucket for _, bucket in states if bucket is not None})),
        states=tuple(sorted({state for state, _ in states})),
        fates=tuple(_distinct(session, TraceFateRow.fate.expression)),
        runs=tuple(session.execute(runs.limit(MAX_PAGE)).scalars()),
    )


def _distinct(
    session: Session, column: ColumnElement[str], *conditions: ColumnElement[bool]
) -> list[str]:
    """The values of an indexed column, sorted: one jump in the index each, not a scan of it."""
    found: list[str] = []
    while True:
        beyond = (column > found[-1],) if found else ()
        least = select(func.min(column)).where(*conditions, *beyond)
        value = session.execute(least).scalar_one_or_none()
        if value is None:
            return found
        found.append(value)


def latest_of_document(
    session: Session, dataset: str, document: str, system: str | None = None
) -> str | None:
    """The id of the latest trace of a document, by one system or any, in any state; or None."""
    by = () if system is None else (TraceRow.system == system,)
    return session.execute(
        select(TraceRow.id)
        .where(TraceRow.dataset == dataset, TraceRow.document_id == document, *by)
        .order_by(TraceRow.seq.desc())
        .limit(1)
    ).scalar_one_or_none()


def previous_of(session: Session, trace_id: str) -> StoredTrace | None:
    """The latest earlier finished live trace of the same document, to compare with; or None.

    Raises UnknownNameError.
    """
    at = session.execute(select(TraceRow).where(TraceRow.id == trace_id)).scalar_one_or_none()
    if at is None:
        raise no_such_trace(trace_id)
    earlier = session.execute(
        select(TraceRow.id)
        .where(
            TraceRow.dataset == at.dataset,
            TraceRow.document_id == at.document_id,
            TraceRow.seq < at.seq,
            TraceRow.origin == "live",
            TraceRow.state == TraceState.DONE,
        )
        .order_by(TraceRow.seq.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if earlier is None else load_trace(session, earlier)


def _flags(session: Session, trace_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    rows = session.execute(
        select(AnnotationEventRow.trace_id, AnnotationEventRow.verdict)
        .where(AnnotationEventRow.trace_id.in_(trace_ids), standing_flags())
        .order_by(AnnotationEventRow.created_at)
    )
    flags: dict[str, tuple[str, ...]] = {}
    for trace_id, verdict in rows:
        flags[trace_id] = (*flags.get(trace_id, ()), verdict or "")
    return flags


def _snippets(
    session: Session, numbers: Sequence[int], wanted: tuple[Wanted, ...]
) -> dict[int, str]:
    if not wanted:
        return {}
    texts = session.execute(select(TraceTextRow).where(TraceTextRow.trace_seq.in_(numbers)))
    return {
        row.trace_seq: snippet((row.trace, row.document, row.labels), wanted)
        for row in texts.scalars()
    }


def _summary(row: TraceRow, flags: tuple[str, ...], found: str | None = None) -> TraceSummary:
    return TraceSummary(
        id=row.id,
        seq=row.seq,
        run_id=row.run_id,
        origin=row.origin,
        dataset=row.dataset,
        document_id=row.document_id,
        document_start=row.document_start,
        split=row.split,
        system=row.system,
        state=TraceState(row.state),
        attempt=row.attempt,
        created_at=row.created_at,
        finished_at=row.finished_at,
        k=row.k,
        n=row.n,
        gold=row.gold,
        selected=row.selected,
        bucket=Bucket(row.bucket) if row.bucket else None,
        finish_reason=row.finish_reason,
        has_phases=row.has_phases,
        boundary=row.boundary,
        boundary_source=row.boundary_source,
        tokens=row.tokens,
        chars=row.chars,
        seconds=row.seconds,
        example_f1=row.example_f1,
        recall_at_k=row.recall_at_k,
        error=(row.error_what, row.error_fix or "") if row.error_what else None,
        flags=flags,
        snippet=found,
    )
