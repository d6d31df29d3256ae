"""The steps of a study, each saved when it is done: a killed study goes on with the next one.

A cell is done again only where something that decides it has changed: the preset, or what a cell
that it stands on has told. The code is not among it: after a change of core/distill that matters,
cells are removed by hand, and those that stand on them follow.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.atomic import write_text
from core.distill.crew import crew
from core.study.cell_files import mark_of

LOOK_S = 1.0

Work = Callable[[], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Cell:
    """`name`: what it makes; `after`: names of the cells it stands on; `deciding`: what else
    decides its result; `work` gives the result, plain JSON, or None where it was cancelled.
    `together`: all processes of a crew do it (core/distill/crew.py), else the first alone.
    `kept`: whether what it left for later cells, beside its result, is still there (an adapter, not
    all of which travel); where it is not, the cell is done again once a later one needs it."""

    name: str
    after: tuple[str, ...]
    deciding: Any
    work: Work
    together: bool = False
    kept: Callable[[], bool] = lambda: True


class Cells:
    """Results of cells, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._marks: dict[str, str] = {}  # of cells that were done, with what they told
        self._cells: dict[str, Cell] = {}

    def do(self, cell: Cell) -> dict[str, Any] | None:
        """The cell's result, from the folder where it is there; None where it was cancelled."""
        key, path = self._key(cell), self._path(cell)
        result = self._known(path, key)
        if result is None:
            before = [self._cells[name] for name in cell.after]
            for lost in (one for one in before if not one.kept()):
                again = self._done_anew(lost, self._key(lost))
                if again is None:
                    return None
                self._marks[lost.name] = mark_of(self._key(lost), again)
            key = self._key(cell)
            result = self._done_anew(cell, key)
            if result is None:
                return None
        self._marks[cell.name], self._cells[cell.name] = mark_of(key, result), cell
        return result

    def is_done(self, cell: Cell) -> bool:
        """Whether its result is in the folder; those that it stands on have been done."""
        return self._known(self._path(cell), self._key(cell)) is not None

    def _key(self, cell: Cell) -> str:
        below = list(self._below(cell).values())
        text = json.dumps([cell.name, cell.deciding, below], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _below(self, cell: Cell) -> dict[str, str]:
        return {name: self._marks[name] for name in cell.after}

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.name.replace('/', '_')}.json"

    def _done_anew(self, cell: Cell, key: str) -> dict[str, Any] | None:
        path = self._path(cell)
        if not crew().first:
            if cell.together:
                cell.work()
            return self._waited_for(path, key)
        result = cell.work()
        if result is None:
            return None
        whole = {"cell": cell.name, "key": key, "after": self._below(cell), "result": result}
        text = json.dumps(whole, indent=1)
        write_text(path, text)
        return dict(json.loads(text)["result"])  # as it will be read

    def _waited_for(self, path: Path, key: str) -> dict[str, Any]:
        """The result that the first process writes; where that one dies, the launcher ends all."""
        while (result := self._known(path, key)) is None:
            time.sleep(LOOK_S)
        return result

    def _known(self, path: Path, key: str) -> dict[str, Any] | None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return dict(data["result"]) if data.get("key") == key else None
