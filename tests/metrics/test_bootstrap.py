"""Bootstrap intervals: against every possible draw, against scipy, and at the edges."""

import itertools

import numpy as np
import pytest
from scipy import stats

from core.metrics.bootstrap import mean_interval, ratio_interval


def test_three_documents_give_the_quantiles_of_all_27_draws() -> None:
    values = np.array([0.0, 0.25, 1.0])
    draws = [np.mean(draw) for draw in itertools.product(values, repeat=3)]
    found = mean_interval(values[:, None], resamples=40_000, level=0.5)
    assert found.value[0] == pytest.approx(5 / 12)
    # The statistic has steps, so its exact quantiles are met, not neared.
    low, high = np.quantile(draws, [0.25, 0.75], method="inverted_cdf")
    assert (found.low[0], found.high[0]) == (pytest.approx(low), pytest.approx(high))


def test_intervals_agree_with_scipy() -> None:
    values = np.random.default_rng(1).beta(2, 1, size=400)
    mine = mean_interval(values[:, None], resamples=9000, seed=2)
    its = stats.bootstrap(
        (values,), np.mean, n_resamples=9000, method="percentile", rng=3
    ).confidence_interval
    error = values.std() / np.sqrt(len(values))
    assert mine.low[0] == pytest.approx(its.low, abs=0.1 * error)
    assert mine.high[0] == pytest.approx(its.high, abs=0.1 * error)


def test_a_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    found, total = np.array([[1.0], [9.0]]), np.array([[1.0], [10.0]])
    assert ratio_interval(found, total).value[0] == pytest.approx(10 / 11)


def test_columns_are_resampled_together_and_repeatably() -> None:
    values = np.random.default_rng(0).random((50, 1))
    both = mean_interval(np.hstack([values, values]), seed=5)
    alone = mean_interval(values, seed=5)
    np.testing.assert_allclose(both.low, alone.low[0])
    assert mean_interval(values, seed=6).low[0] != alone.low[0]


def test_a_part_that_nobody_has_has_no_share() -> None:
    found = ratio_interval(np.zeros((3, 2)), np.array([[0.0, 1.0]] * 3))
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
    assert (found.value[1], found.low[1], found.high[1]) == (0, 0, 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_interval(np.empty((0, 1))),
        lambda: mean_interval(np.ones((2, 1)), resamples=0),
        lambda: mean_interval(np.ones((2, 1)), level=1.0),
        lambda: ratio_interval(np.ones((2, 1)), np.ones((2, 2))),
    ],
)
def test_nothing_to_resample_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"resamples|tables"):
        call()  # type: ignore[operator]
