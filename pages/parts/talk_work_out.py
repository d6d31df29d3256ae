"""Imported traces of a talk are worked out before a room sees them."""

import time
from collections.abc import Sequence

from core.errors import JobError
from core.events import Failed
from core.live.questions import ReadTrace
from db.talks import slide_traces
from pages.parts import services


def work_out(trace_ids: Sequence[str], patience_s: float) -> dict[str, str]:
    """Asks the live worker for the phases, curves and fates of those that lack them; what is wrong
    by id, "" for one that is still being worked out. Raises StoreError."""
    with services.store().read() as session:
        unread = [one.id for one in slide_traces(session, trace_ids).values() if one.unread]
    until = time.monotonic() + patience_s
    left = {}
    for trace_id in unread:
        try:
            patience = max(until - time.monotonic(), 0.0)
            answer = services.live_worker().ask(ReadTrace(trace_id), patience_s=patience)
        except JobError as error:
            left[trace_id] = error.what
            continue
        if answer is None:
            left[trace_id] = ""
        elif isinstance(answer, Failed):
            left[trace_id] = answer.what
    return left
