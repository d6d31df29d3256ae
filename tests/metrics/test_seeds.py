"""Intervals over seeds."""

import math
from statistics import mean, stdev

import pytest

from core.metrics.seeds import over_seeds_interval


def test_three_seeds_by_hand() -> None:
    values = (0.30, 0.34, 0.38)
    found = over_seeds_interval(values)
    half = 4.302652729911275 * stdev(values) / math.sqrt(3)  # t of 2 degrees, a table's 4.303
    assert found.by_seed == values
    assert found.mean == pytest.approx(mean(values))
    assert (found.low, found.high) == pytest.approx((0.34 - half, 0.34 + half))


def test_seeds_that_agree_leave_no_width() -> None:
    found = over_seeds_interval([0.5, 0.5])
    assert (found.low, found.mean, found.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_one_seed_says_nothing_about_others(values: list[float]) -> None:
    with pytest.raises(ValueError, match="how much seeds differ"):
        over_seeds_interval(values)
