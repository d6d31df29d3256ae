"""Small files to import."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from core.config import Settings
from core.datasets.importing import ImportReport, ImportRequest, import_dataset

LABELS = [{"id": f"L{n}", "name": f"topic {n}"} for n in range(5)]


def documents(count: int) -> Iterable[dict[str, Any]]:
    for n in range(count):
        yield {"id": f"d{n}", "text": f"about topic {n % 5}", "gold": [f"L{n % 5}"]}


def json_lines(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def brought_in(
    home: Path,
    labels: Path,
    *docs: Path,
    cancelled: Callable[[], bool] = lambda: False,
    **options: Any,
) -> ImportReport:
    """Imports as "mine"; the test fails when it is cancelled."""
    request = ImportRequest("mine", labels, docs, **options)
    made = import_dataset(Settings(home=home), request, report=lambda *_: None, cancelled=cancelled)
    assert made is not None
    return made


def problems(report: ImportReport) -> dict[str, tuple[int, list[tuple[str, int]]]]:
    """kind -> (count, [(file, row)])."""
    return {
        problem.kind: (problem.count, [(place.file, place.row) for place in problem.first])
        for problem in report.problems
    }
