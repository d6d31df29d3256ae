"""Which shortlists have the most labels to be confirmed as hard negatives.

A label is one to confirm where it stands above every gold label among the first 10 of a shortlist
(or among the first 10 of one that found no gold) and nobody has judged it for that document. It is
either a hard negative, or a label that the dataset's gold lacks: annotators say which.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.orm import Session

from core.annotation.gold import verdicts_of
from core.annotation.judgement import Judgement
from db.annotation_models import JudgementRow
from db.judgements import standing
from db.models import TraceBodyRow, TraceFateRow, TraceRow
from db.trace_views import TraceState

DEPTH = 10
AT_A_TIME = 200


def hard_negative_traces(
    session: Session, conditions: Sequence[ColumnElement[bool]], limit: int
) -> list[str]:
    """At most `limit` traces that meet the conditions and have such a label, those with the most
    labels above the first gold one first, newest first where they tie; one a document. Traces
    without gold, and imported ones that are not worked out, are passed over."""
    best = (
        select(TraceFateRow.trace_seq, func.min(TraceFateRow.rank).label("rank"))
        .group_by(TraceFateRow.trace_seq)
        .subquery()
    )
    above: ColumnElement[Any] = case((best.c.rank <= DEPTH, best.c.rank - 1), else_=DEPTH)
    query = (
        select(TraceRow.id, TraceRow.dataset, TraceRow.document_id, above, TraceBodyRow.shortlist)
        .join(best, best.c.trace_seq == TraceRow.seq)
        .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
        .where(*conditions, TraceRow.state == TraceState.DONE, TraceRow.gold > 0, above > 0)
        .order_by(above.desc(), TraceRow.seq.desc())
    )
    found: dict[tuple[str, str], str] = {}
    offset = 0
    while len(found) < limit:
        rows = session.execute(query.offset(offset).limit(AT_A_TIME)).all()
        offset += AT_A_TIME
        judged = _judged(session, [(dataset, document) for _, dataset, document, *_ in rows])
        for id, dataset, document, count, shortlist in rows:
            key = (dataset, document)
            labels = [row["label_id"] for row in (shortlist or {}).get("rows", ())[:count]]
            if key not in found and len(found) < limit and set(labels) - judged[key]:
                found[key] = id
        if len(rows) < AT_A_TIME:
            break
    return list(found.values())


def _judged(
    session: Session, documents: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], set[str]]:
    """Labels of these documents that somebody has judged, in whatever trace."""
    judged: dict[tuple[str, str], set[str]] = defaultdict(set)
    query = (
        standing()
        .add_columns(TraceRow.dataset, TraceRow.document_id)
        .join(TraceRow, TraceRow.id == JudgementRow.trace_id)
        .where(tuple_(TraceRow.dataset, TraceRow.document_id).in_(set(documents)))
    )
    for row, dataset, document in session.execute(query):
        judged[dataset, document] |= verdicts_of(Judgement.from_json(row.value or {})).keys()
    return judged
