"""The user's own data: read from JSONL, CSV, Parquet or XMC repository files, checked, written."""

from core.datasets.importing.columns import DOCUMENT_ROLES, LABEL_ROLES, parse_columns
from core.datasets.importing.folders import PROBLEMS_FILE, read_report, remove_dataset
from core.datasets.importing.importer import import_dataset
from core.datasets.importing.look import Look, look_at
from core.datasets.importing.report import ImportReport
from core.datasets.importing.request import ImportRequest, check_name

__all__ = [
    "DOCUMENT_ROLES",
    "LABEL_ROLES",
    "PROBLEMS_FILE",
    "ImportReport",
    "ImportRequest",
    "Look",
    "check_name",
    "import_dataset",
    "look_at",
    "parse_columns",
    "read_report",
    "remove_dataset",
]
