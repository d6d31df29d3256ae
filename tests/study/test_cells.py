"""A cell is done once, and again only where something that decides it has changed."""

from pathlib import Path
from typing import Any

from core.study.cell_files import read_results, write_result
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


def test_what_is_lost_is_made_anew_only_where_it_is_needed(tmp_path: Path) -> None:
    done: list[str] = []
    adapter = tmp_path / "adapter"

    def study(*, tested: int) -> None:
        def work(name: str) -> dict[str, Any]:
            done.append(name)
            if name == "student":
                adapter.touch()
            assert adapter.exists()
            return {}

        here = Cells(tmp_path / "cells")
        here.do(Cell("student", (), 1, lambda: work("student"), kept=adapter.exists))
        here.do(Cell("test", ("student",), tested, lambda: work("test")))

    study(tested=1)
    adapter.unlink()
    study(tested=1)
    assert done == ["student", "test"], "nothing needs the adapter"
    study(tested=2)
    assert done == ["student", "test", "student", "test"]


def test_what_is_lost_is_made_again_from_the_ground_up_and_counts_as_what_it_was(
    tmp_path: Path,
) -> None:
    done: list[str] = []
    left = {name: tmp_path / name for name in ("warm-up", "traces")}

    def study(*, run: str, tested: int = 1) -> dict[str, Any]:
        def make(name: str, needs: str = "") -> dict[str, Any]:
            assert not needs or left[needs].exists(), f"{name} without {needs}"
            done.append(name)
            left[name].touch()
            return {"run": f"{run} {name}"}

        def test() -> dict[str, Any]:
            done.append("test")
            return {"of": here.results["traces"]["run"]}

        here = Cells(tmp_path / "cells")
        here.do(Cell("warm-up", (), 1, lambda: make("warm-up"), kept=left["warm-up"].exists))
        here.do(
            Cell("traces", ("warm-up",), 1, lambda: make("traces", "warm-up"),
                 kept=left["traces"].exists)
        )  # fmt: skip
        here.do(Cell("heads", ("traces",), 1, lambda: {"heads": done.append("heads")}))
        here.do(Cell("test", ("traces",), tested, test))
        return here.results

    study(run="first")
    for path in left.values():
        path.unlink()
    study(run="second")
    assert done == ["warm-up", "traces", "heads", "test"], "nothing needs them"
    found = study(run="third", tested=2)
    assert done[4:] == ["warm-up", "traces", "test"]
    assert found["test"] == {"of": "third traces"}, "what was made again is what is read"
    assert study(run="fourth", tested=2) == found
    assert len(done) == 7, "heads stand on what counts as the traces that were lost"
    assert read_results(tmp_path / "cells") == found


def test_what_stands_on_a_cell_that_tells_something_else_is_done_again(tmp_path: Path) -> None:
    done: list[str] = []

    def study(told: int) -> list[dict[str, Any] | None]:
        def work(name: str) -> dict[str, Any]:
            done.append(name)
            return {"told": told}

        here = Cells(tmp_path)
        first = Cell("heads", (), 1, lambda: work("heads"))
        return [here.do(first), here.do(Cell("student", ("heads",), 1, lambda: work("student")))]

    study(1)
    (tmp_path / "heads.json").unlink()  # by hand, as after a change of the code
    assert read_results(tmp_path) == {}, "a student of heads that nobody knows is no result"
    study(1)
    assert done == ["heads", "student", "heads"], "the same heads: the student may stay"
    (tmp_path / "heads.json").unlink()
    assert study(2) == [{"told": 2}, {"told": 2}]
    assert done[3:] == ["heads", "student"]
    assert read_results(tmp_path) == {"heads": {"told": 2}, "student": {"told": 2}}


def test_a_result_left_beside_the_steps_goes_with_what_it_stands_on(tmp_path: Path) -> None:
    Cells(tmp_path).do(Cell("test/a", (), 1, lambda: {"run": "one"}))
    write_result(tmp_path, "curves", ["test/a"], {"of": "one"})
    assert read_results(tmp_path)["curves"] == {"of": "one"}
    Cells(tmp_path).do(Cell("test/a", (), 2, lambda: {"run": "two"}))
    assert "curves" not in read_results(tmp_path)
