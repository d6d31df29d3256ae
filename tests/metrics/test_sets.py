"""F1 of sets against numbers worked out by hand."""

import pytest

from core.metrics.sets import SetCounts, example_f1, f1


def test_f1_of_counts() -> None:
    assert f1(2, 1, 3) == pytest.approx(4 / 8)
    assert f1(0, 1, 1) == 0
    assert f1(0, 0, 0) == 1


def test_example_f1() -> None:
    assert example_f1({"a", "b"}, {"b", "c", "d"}) == pytest.approx(2 / 5)
    assert example_f1(set(), {"a"}) == 0


def test_micro_macro_and_example_f1_of_two_documents() -> None:
    counts = SetCounts()
    counts.add({"a", "b"}, {"a"})  # TP a; FP b            -> 2/3
    counts.add({"c"}, {"a", "c"})  # TP c; FN a            -> 2/3
    # micro: TP 2, FP 1, FN 1 -> 4/6
    # macro: a: TP 1 FN 1 -> 2/3; b: FP 1 -> 0; c: TP 1 -> 1 -> mean 5/9
    assert counts.micro_f1 == pytest.approx(4 / 6)
    assert counts.macro_f1 == pytest.approx(5 / 9)
    assert counts.example_f1 == pytest.approx(2 / 3)


def test_nothing_counted_is_zero() -> None:
    empty = SetCounts()
    assert (empty.micro_f1, empty.macro_f1, empty.example_f1) == (0, 0, 0)
