"""A small dataset, and traces of it brought in."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.config import Settings
from core.datasets.importing import ImportRequest, import_dataset
from core.trace_import import import_traces
from core.traces.importing.report import TraceImportReport
from core.traces.importing.request import TraceImportRequest
from db.session import Store, open_store
from db.trace_views import StoredTrace, TraceFilter
from db.traces import load_trace, page_of
from tests.importing.files import LABELS, documents, json_lines

GOOD: dict[str, Any] = {
    "dataset": "mine",
    "document_id": "d3",
    "system": "llama-70b",
    "trace": "Could be topic 3 or topic 2.\nBut topic 2 is wrong.\nAnswer: topic 3",
    "answer": ["topic 3"],
}


def with_dataset(home: Path, tmp_path: Path) -> Settings:
    """A home with the dataset `mine`: five labels "topic N", ten documents."""
    settings = Settings(home=home)
    request = ImportRequest(
        "mine",
        json_lines(tmp_path / "labels.jsonl", LABELS),
        (json_lines(tmp_path / "documents.jsonl", documents(10)),),
    )
    made = import_dataset(settings, request, report=lambda *_: None, cancelled=lambda: False)
    assert made is not None
    return settings


def rows_file(tmp_path: Path, rows: Iterable[Any], name: str = "traces.jsonl") -> Path:
    return json_lines(tmp_path / name, rows)


def brought_in(
    settings: Settings, *files: Path, store: Store | None = None, **options: Any
) -> TraceImportReport:
    made = import_traces(
        settings,
        store or open_store(settings),
        TraceImportRequest(files, **options),
        report=lambda *_: None,
        cancelled=lambda: False,
    )
    assert made is not None
    return made


def stored(settings: Settings) -> list[StoredTrace]:
    """All traces, in the order in which they came in."""
    with open_store(settings).read() as session:
        return [load_trace(session, row.id) for row in reversed(page_of(session, TraceFilter()))]


def problems(report: TraceImportReport) -> dict[str, list[int]]:
    """kind -> rows."""
    return {p.kind: [place.row for place in p.first] for p in report.problems}


def lines(path: Path) -> list[dict[str, Any]]:
    # Not splitlines: a text may hold other line ends than ours.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
