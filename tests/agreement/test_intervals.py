"""Intervals: the formulas that are resampled are the libraries', and the interval is that of a
plain bootstrap that calls a library for each draw."""

import time
from collections.abc import Callable

import krippendorff
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from core.agreement import alpha, cohen, fleiss
from core.agreement.alpha import krippendorff_alpha
from core.agreement.base import Agreement
from core.agreement.cohen import Weights, cohen_kappa
from core.agreement.fleiss import fleiss_kappa
from core.agreement.percent import percent_agreement
from core.agreement.ratings import Codes, Ratings
from core.agreement.resampling import disagreement_rows, interval
from core.metrics.bootstrap import Values, ratio_interval
from tests.agreement.examples import ORDER, drawn_ratings

SEEDS = range(5)


def pairable(seed: int, gaps: float = 0.3) -> Codes:
    counts = drawn_ratings(seed, gaps=gaps).counts()
    return counts[counts.sum(axis=1) >= 2]


def total(rows: Values) -> Values:
    """The sums of a draw that has every item once."""
    return rows.sum(axis=0, keepdims=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_alphas_formulas_are_the_packages(seed: int) -> None:
    counts = pairable(seed)
    nominal = alpha._nominal_of_sums(total(disagreement_rows(counts)))
    ordinal = alpha._ordinal_of_sums(total(alpha._ordinal_rows(counts)))
    for ours, level in ((nominal, "nominal"), (ordinal, "ordinal")):
        theirs = krippendorff.alpha(value_counts=counts, level_of_measurement=level)
        np.testing.assert_allclose(ours, [theirs], rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_fleiss_formula_is_statsmodels(seed: int) -> None:
    counts = pairable(seed, gaps=0)
    ours = fleiss._of_sums(total(disagreement_rows(counts)))
    np.testing.assert_allclose(ours, [inter_rater.fleiss_kappa(counts)], rtol=1e-12)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@pytest.mark.parametrize("seed", SEEDS)
def test_cohens_formula_is_scikit_learns(seed: int, weights: Weights | None) -> None:
    codes = drawn_ratings(seed, annotators=2, gaps=0).codes
    apart = cohen._apart(4, weights)
    ours = cohen._of_sums(total(cohen._rows(codes, apart)), apart)
    theirs = cohen_kappa_score(*codes.T, labels=range(4), weights=weights)
    np.testing.assert_allclose(ours, [theirs], rtol=1e-12)


def plain_bootstrap(
    items: npt.NDArray[np.int64], statistic: Callable[[npt.NDArray[np.int64]], float]
) -> npt.NDArray[np.float64]:
    chance = np.random.default_rng(11)
    picks = chance.integers(len(items), size=(600, len(items)))
    return np.quantile([statistic(items[pick]) for pick in picks], (0.025, 0.975))


def same(found: Agreement, plain: npt.NDArray[np.float64]) -> None:
    np.testing.assert_allclose([found.low, found.high], plain, atol=0.03)


def test_intervals_are_those_of_a_plain_bootstrap() -> None:
    ratings = drawn_ratings(3, items=80)
    counts = ratings.counts()
    counts = counts[counts.sum(axis=1) >= 2]

    def theirs(level: str) -> Callable[[Codes], float]:
        return lambda some: krippendorff.alpha(value_counts=some, level_of_measurement=level)

    same(krippendorff_alpha(ratings), plain_bootstrap(counts, theirs("nominal")))
    same(krippendorff_alpha(ratings, order=ORDER), plain_bootstrap(counts, theirs("ordinal")))
    full = drawn_ratings(4, items=80, gaps=0)
    same(fleiss_kappa(full), plain_bootstrap(full.counts(), inter_rater.fleiss_kappa))
    two = full.codes[:, :2]
    same(cohen_kappa(full, "a0", "a1"), plain_bootstrap(two, lambda s: cohen_kappa_score(*s.T)))


def test_percent_agreement_has_the_interval_of_a_ratio() -> None:
    ratings = drawn_ratings(5, items=200)
    counts = ratings.counts().astype(float)
    number = counts.sum(axis=1)
    agree, pairs = (counts * (counts - 1)).sum(axis=1), number * (number - 1)
    other = ratio_interval(agree[:, None], pairs[:, None])
    found = percent_agreement(ratings)
    assert found.value == pytest.approx(float(other.value[0]))
    assert found.low == pytest.approx(float(other.low[0]), abs=0.01)
    assert found.high == pytest.approx(float(other.high[0]), abs=0.01)


def test_the_seed_decides_the_draws_and_more_items_narrow_the_interval() -> None:
    small, large = drawn_ratings(6), drawn_ratings(6, items=1000)
    assert krippendorff_alpha(small) == krippendorff_alpha(small)
    assert krippendorff_alpha(small).low != krippendorff_alpha(small, seed=1).low
    widths = []
    for ratings in (small, large):
        found = krippendorff_alpha(ratings)
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


def test_what_cannot_be_resampled_is_refused() -> None:
    for rows, resamples in ((np.empty((0, 2)), 10), (np.ones((3, 2)), 0)):
        with pytest.raises(ValueError, match="resamples of"):
            interval(rows, lambda sums: sums[:, 0], resamples=resamples, seed=0)


def test_many_different_items_are_resampled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).random((50, 2))
    whole = interval(rows, lambda sums: sums[:, 0], resamples=200, seed=0)
    monkeypatch.setattr("core.agreement.resampling._CELLS_AT_ONCE", 500)
    parts = interval(rows, lambda sums: sums[:, 0], resamples=200, seed=0)
    assert parts == pytest.approx(whole)


@pytest.mark.parametrize(
    "measure",
    [
        percent_agreement,
        fleiss_kappa,
        krippendorff_alpha,
        lambda r: krippendorff_alpha(r, order=ORDER),
        lambda r: cohen_kappa(r, "a0", "a1"),
        lambda r: cohen_kappa(r, "a0", "a1", order=ORDER),
    ],
)
def test_two_thousand_items_and_five_annotators_take_less_than_a_second(
    measure: Callable[[Ratings], Agreement],
) -> None:
    ratings = drawn_ratings(7, items=2000, annotators=5)
    measure(drawn_ratings(7))  # imports the library
    start = time.perf_counter()
    found = measure(ratings)
    assert time.perf_counter() - start < 1
    assert found.draws == 1000
