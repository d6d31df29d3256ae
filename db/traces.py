"""Saved traces: everything the app and the command line do with them, from one place.

Written by db.trace_writes, read by db.trace_queries, described by db.trace_views.
"""

from db.search import MARK_END, MARK_START
from db.trace_queries import (
    count_of,
    filter_choices,
    latest_of_document,
    load_trace,
    neighbours,
    page_of,
    previous_of,
)
from db.trace_views import (
    FilterChoices,
    Neighbours,
    StoredTrace,
    TakenError,
    TraceFilter,
    TraceOrder,
    TraceRecord,
    TraceState,
    TraceSummary,
)
from db.trace_writes import (
    attach_run,
    begin_trace,
    cancel_trace,
    fail_trace,
    finish_trace,
    interrupt_running,
    keep_interrupted,
    replace_curves,
    save_partial,
    save_progress,
)

__all__ = [
    "MARK_END",
    "MARK_START",
    "FilterChoices",
    "Neighbours",
    "StoredTrace",
    "TakenError",
    "TraceFilter",
    "TraceOrder",
    "TraceRecord",
    "TraceState",
    "TraceSummary",
    "attach_run",
    "begin_trace",
    "cancel_trace",
    "count_of",
    "fail_trace",
    "filter_choices",
    "finish_trace",
    "interrupt_running",
    "keep_interrupted",
    "latest_of_document",
    "load_trace",
    "neighbours",
    "page_of",
    "previous_of",
    "replace_curves",
    "save_partial",
    "save_progress",
]
