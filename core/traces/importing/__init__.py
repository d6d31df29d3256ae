"""Traces of any model: read from JSONL, Parquet, chat logs and Inspect logs, checked, stored."""

from core.traces.importing.columns import TRACE_ROLES, parse_trace_columns
from core.traces.importing.importer import import_traces
from core.traces.importing.item import ImportedTrace
from core.traces.importing.report import TraceImportReport
from core.traces.importing.request import TraceImportRequest

__all__ = [
    "TRACE_ROLES",
    "ImportedTrace",
    "TraceImportReport",
    "TraceImportRequest",
    "import_traces",
    "parse_trace_columns",
]
