"""The curves of a run's traces, for drawing many at once."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.traces.base import CurvePoint
from db.models import TraceBodyRow, TraceRow
from db.trace_views import TraceState

AT_A_TIME = 200

Points = tuple[CurvePoint, ...]


def run_curves(session: Session, run_id: str) -> Iterator[tuple[str, Points]]:
    """(document id, points) of each finished trace of a run that has curves."""
    finished = (
        select(TraceRow.seq, TraceRow.document_id)
        .where(
            TraceRow.run_id == run_id,
            TraceRow.origin != "live",
            TraceRow.state == TraceState.DONE,
        )
        .order_by(TraceRow.seq)
    )
    rows: Sequence[tuple[int, str]] = [(seq, doc) for seq, doc in session.execute(finished)]
    for start in range(0, len(rows), AT_A_TIME):
        part = dict(rows[start : start + AT_A_TIME])
        bodies = select(TraceBodyRow.trace_seq, TraceBodyRow.trace).where(
            TraceBodyRow.trace_seq.in_(part)
        )
        for seq, trace in session.execute(bodies):
            curves = (trace or {}).get("curves")
            if curves:
                yield part[seq], tuple(CurvePoint(**point) for point in curves["points"])
