"""The steps of a study, each saved when it is done: a killed study goes on with the next one.

A cell is done again only where something that decides it has changed: the preset, or what a cell
that it stands on has told. The code is not among it: after a change of core/distill that matters,
cells of trainings are removed by hand, together with the trainings' own folders beside them (a
finished checkpoint is a finished training), and cells that stand on them follow.

What a cell has left for later ones may be lost, or not have travelled: an adapter, traces. It is
made again once a later cell needs it, and counts as what it was: cells that stood on it stay.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.atomic import write_text
from core.distill.crew import crew
from core.errors import ModelError
from core.study.cell_files import cell_path, mark_in

LOOK_S = 1.0

Work = Callable[[], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Cell:
    """`name`: what it makes; `after`: names of the cells it stands on; `deciding`: what else
    decides its result; `work` gives the result, plain JSON, or None where it was cancelled.
    `together`: all processes of a crew do it (core/distill/crew.py), else the first alone.
    `kept`: whether what it left for later cells, beside its result, is still there. `check`: raises
    PhaseLensError where something is missing that a cell above will need: before hours of work,
    not after."""

    name: str
    after: tuple[str, ...]
    deciding: Any
    work: Work
    together: bool = False
    kept: Callable[[], bool] = lambda: True
    check: Callable[[], None] = lambda: None


class Cells:
    """Results of cells, in a folder. `results`: of those that were done, by name, as they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: dict[str, dict[str, Any]] = {}
        self._marks: dict[str, str] = {}  # of cells that were done, with what they told
        self._cells: dict[str, Cell] = {}

    def do(self, cell: Cell) -> dict[str, Any] | None:
        """The cell's result, from the folder where it is there; None where it was cancelled. Raises
        ModelError in a crew where something is lost that it needs."""
        if self._read(cell) is None:
            if not self._has_found(cell):
                return None
            result = self._done_anew(cell, mark=None)
            if result is None:
                return None
        return self.results[cell.name]

    def is_done(self, cell: Cell) -> bool:
        """Whether its result is in the folder; those that it stands on have been done."""
        return self._known(self._path(cell), self._key(cell)) is not None

    def read_again(self) -> None:
        """What another process has made anew of what was lost."""
        for cell in self._cells.values():
            self._read(cell)

    def _has_found(self, cell: Cell) -> bool:
        """Makes again what is lost of what a cell stands on, from the ground up; False where that
        was cancelled."""
        for lost in (self._cells[name] for name in cell.after):
            if lost.kept():
                continue
            if crew().size > 1:  # the others would read what was told before it was made again
                raise ModelError(
                    f"What {lost.name} has left is not on this machine.",
                    "Give `phaselens distill` with the same options: one process makes it again.",
                )
            if not self._has_found(lost) or self._done_anew(lost, self._marks[lost.name]) is None:
                return False
        return True

    def _read(self, cell: Cell) -> dict[str, Any] | None:
        """Its result and mark, as the folder has them."""
        key = self._key(cell)
        found = self._known(self._path(cell), key)
        if found is None:
            return None
        self._remember(cell, found)
        return self.results[cell.name]

    def _remember(self, cell: Cell, data: Mapping[str, Any]) -> None:
        self._cells[cell.name], self.results[cell.name] = cell, dict(data["result"])
        self._marks[cell.name] = mark_in(data)

    def _key(self, cell: Cell) -> str:
        below = list(self._below(cell).values())
        text = json.dumps([cell.name, cell.deciding, below], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _below(self, cell: Cell) -> dict[str, str]:
        return {name: self._marks[name] for name in cell.after}

    def _path(self, cell: Cell) -> Path:
        return cell_path(self.folder, cell.name)

    def _done_anew(self, cell: Cell, mark: str | None) -> dict[str, Any] | None:
        """`mark`: what cells above go by, of one that is made again; None: by what it will tell."""
        key, path = self._key(cell), self._path(cell)
        if not crew().first:
            if cell.together:
                cell.work()
            self._remember(cell, self._waited_for(path, key))
            return self.results[cell.name]
        result = cell.work()
        if result is None:
            return None
        whole = {"cell": cell.name, "key": key, "after": self._below(cell), "result": result}
        if mark is not None:
            whole["mark"] = mark
        text = json.dumps(whole, indent=1)
        write_text(path, text)
        self._remember(cell, json.loads(text))  # as it will be read
        return self.results[cell.name]

    def _waited_for(self, path: Path, key: str) -> dict[str, Any]:
        """What the first process writes; where that one dies, the launcher ends all."""
        while (found := self._known(path, key)) is None:
            time.sleep(LOOK_S)
        return found

    def _known(self, path: Path, key: str) -> dict[str, Any] | None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return dict(data) if data.get("key") == key else None
