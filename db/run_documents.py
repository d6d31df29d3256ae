"""How the documents of a run begin, for lists."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import TraceRow
from db.trace_views import TraceState

AT_A_TIME = 500


def document_starts(session: Session, run_id: str, documents: Sequence[str]) -> dict[str, str]:
    """The beginning of each document's text, by id, of a run's finished traces."""
    found: dict[str, str] = {}
    for start in range(0, len(documents), AT_A_TIME):
        rows = select(TraceRow.document_id, TraceRow.document_start).where(
            TraceRow.run_id == run_id,
            TraceRow.state == TraceState.DONE,
            TraceRow.document_id.in_(documents[start : start + AT_A_TIME]),
        )
        found.update((document, text) for document, text in session.execute(rows))
    return found
