"""What the cells of a study have told, as files: read without the study, and without torch."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.atomic import write_text
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
    return {name: result for name, (result, _) in _standing(folder).items()}


def write_result(folder: Path, name: str, after: Sequence[str], result: Mapping[str, Any]) -> None:
    """Leaves a result beside those of a study's own steps; it goes once one of the cells that it
    stands on (`after`, which are there) tells something else."""
    marks = {cell: mark for cell, (_, mark) in _standing(folder).items()}
    below = {cell: marks[cell] for cell in after}
    whole = {"cell": name, "key": "", "after": below, "result": result}
    write_text(cell_path(folder, name), json.dumps(whole, indent=1))


def cell_path(folder: Path, name: str) -> Path:
    """The file of a cell."""
    return folder / f"{name.replace('/', '_')}.json"


def _standing(folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """(result, mark) of the cells that count, by name."""
    found, after = {}, {}
    for path in sorted(folder.glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            name, result, mark = str(data["cell"]), dict(data["result"]), mark_in(data)
            after[name] = dict(data["after"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged: it will be done again
        found[name] = (result, mark)
    stale = {""}
    while stale:
        marks = {name: mark for name, (_, mark) in found.items()}
        stale = {name for name in found if any(marks.get(b) != m for b, m in after[name].items())}
        for name in stale:
            del found[name]
    return found


def tests_in(cells: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(system, dataset, what its test told) of a study's cells (name -> result)."""
    for name, told in cells.items():
        kind, *rest = name.split("/")
        if kind == "test":
            system, dataset = rest
            yield system, dataset, told
