"""A cell is done once, and again only where something that decides it has changed."""

from pathlib import Path
from typing import Any

from core.study.cells import Cell, Cells


def cells(folder: Path, deciding: Any, done: list[str], *, cancel: bool = False) -> list[Any]:
    def work(name: str) -> dict[str, Any] | None:
        done.append(name)
        return None if cancel else {"made": name, "of": deciding}

    here = Cells(folder)
    first = Cell("first", (), deciding, lambda: work("first"))
    second = Cell("a/second", ("first",), 1, lambda: work("a/second"))
    return [here.do(first), here.do(second)] if not cancel else [here.do(first)]


def test_a_finished_cell_is_not_done_again(tmp_path: Path) -> None:
    done: list[str] = []
    one = cells(tmp_path, 1, done)
    assert cells(tmp_path, 1, done) == one == [{"made": n, "of": 1} for n in ("first", "a/second")]
    assert done == ["first", "a/second"]


def test_what_stands_on_a_changed_cell_is_done_again(tmp_path: Path) -> None:
    done: list[str] = []
    cells(tmp_path, 1, done)
    cells(tmp_path, 2, done)
    assert done == ["first", "a/second"] * 2


def test_a_cancelled_or_damaged_cell_is_not_done(tmp_path: Path) -> None:
    done: list[str] = []
    assert cells(tmp_path, 1, done, cancel=True) == [None]
    cells(tmp_path, 1, done)
    (tmp_path / "first.json").write_text("{")
    cells(tmp_path, 1, done)
    assert done == ["first", "first", "a/second", "first"]
