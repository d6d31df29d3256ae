"""Traces as rows of a file that can be imported again, a few at a time."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import TraceBodyRow, TraceRow, TraceTextRow
from db.trace_filters import conditions_of
from db.trace_imports import IMPORT
from db.trace_views import TraceFilter, TraceState

AT_A_TIME = 200

Row = dict[str, Any]


def exported_rows(session: Session, filter: TraceFilter) -> Iterator[tuple[Row, str, str]]:
    """(row without texts, trace, document text) of every finished trace, oldest first. An imported
    one's row is as it came. Use it inside the `store.read()` that made the session."""
    _, conditions = conditions_of(session, filter)
    last = 0
    while True:
        found = session.execute(
            select(TraceRow, TraceBodyRow, TraceTextRow)
            .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
            .join(TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq)
            .where(*conditions, TraceRow.state == TraceState.DONE, TraceRow.seq > last)
            .order_by(TraceRow.seq)
            .limit(AT_A_TIME)
        ).all()
        if not found:
            return
        for row, body, texts in found:
            plain = _imported(body) if row.origin == IMPORT else _own(row, body)
            yield plain, texts.trace, texts.document
        last = found[-1][0].seq
        session.expunge_all()  # a long export must not gather in memory


def _imported(body: TraceBodyRow) -> Row:
    row = dict(body.imported or {})
    row.pop("labels", None)
    return row


def _own(row: TraceRow, body: TraceBodyRow) -> Row:
    found: Row = {
        "dataset": row.dataset,
        "document_id": row.document_id,
        "system": row.system,
    }
    if row.split is None:  # a text of one's own, which no dataset has
        found["own_document"] = True
    if body.prediction is not None:
        found["answer"] = list(body.prediction["selected"])
    if body.candidates:
        found["candidates"] = [one["label_id"] for one in body.candidates]
    offsets = (body.trace or {}).get("token_offsets")
    if offsets:
        found["token_offsets"] = offsets
    found |= {"tokens": row.tokens, "seconds": row.seconds, "finish_reason": row.finish_reason}
    return {key: value for key, value in found.items() if value is not None}
