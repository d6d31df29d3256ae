"""What the cells of a study have told, as files: read without the study, and without torch."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.config import Settings


def study_folder(settings: Settings, study: str) -> Path:
    """Where a study, by name, keeps what is its own beside runs and adapters."""
    return settings.home / "distill" / study


def cells_folder(settings: Settings, study: str) -> Path:
    """Where it keeps its cells."""
    return study_folder(settings, study) / "cells"


def mark_in(data: Mapping[str, Any]) -> str:
    """What cells above go by: a cell, and what it told; of one that was made again, what it told at
    first. `data`: of its file."""
    text = json.dumps([data["key"], data["result"]], sort_keys=True)
    return str(data.get("mark") or hashlib.sha256(text.encode()).hexdigest()[:16])


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The results that a study has left in a folder, by the names of their cells; without those
    that stand on a cell which has told something else since, or is gone: they will be done again.
    """
    found, marks, after = {}, {}, {}
    for path in sorted(folder.glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            name, result, mark = str(data["cell"]), dict(data["result"]), mark_in(data)
            after[name] = dict(data["after"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged: it will be done again
        found[name], marks[name] = result, mark
    stale = {""}
    while stale:
        stale = {name for name in found if any(marks.get(b) != m for b, m in after[name].items())}
        for name in stale:
            del found[name], marks[name]
    return found


def tests_in(cells: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(system, dataset, what its test told) of a study's cells (name -> result)."""
    for name, told in cells.items():
        kind, *rest = name.split("/")
        if kind == "test":
            system, dataset = rest
            yield system, dataset, told
