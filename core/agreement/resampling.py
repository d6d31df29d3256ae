"""Percentile bootstrap over items (Efron and Tibshirani, 1993, chapter 13), for statistics that
sums over the items decide.

1. An item is a row of numbers, such as how many annotators put it into each category. The sums of
   the rows decide the statistic.
2. Items with equal rows are exchangeable. So a draw of n items with replacement is a multinomial
   draw over the kinds of row, of which there are few however many items there are.
3. The statistic of all draws is computed at once from their sums.

core/metrics/bootstrap.py has ratios of two sums only, and draws every document by itself.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from core.agreement.ratings import Codes
from core.metrics.bootstrap import LEVEL, Values

_CELLS_AT_ONCE = 4_000_000  # of the table of draws: 32 MB


class Interval(NamedTuple):
    """None where the statistic is defined in no draw. `draws`: in how many it is."""

    low: float | None
    high: float | None
    draws: int


def interval(
    rows: Values, statistic: Callable[[Values], Values], *, resamples: int, seed: int
) -> Interval:
    """`rows`: `(items, columns)`. `statistic`: from sums of rows, `(draws, columns)`, to values
    `(draws,)`, nan where undefined; such draws are passed over.

    Equal arguments give equal intervals. Raises ValueError for no items or no resamples.
    """
    if not len(rows) or resamples < 1:
        raise ValueError(f"{resamples} resamples of {len(rows)} items")
    kinds, times = _kinds(rows)
    chance = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    step = max(1, _CELLS_AT_ONCE // len(kinds))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        # (draws, kinds): how often each draw has each kind of row
        counts = chance.multinomial(len(rows), times / len(rows), size=size).astype(np.float64)
        drawn[start : start + size] = statistic(counts @ kinds)
    some = drawn[~np.isnan(drawn)]
    if not len(some):
        return Interval(None, None, 0)
    low, high = np.quantile(some, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(low), float(high), len(some))


def one_less_ratio(observed: Values, expected: Values) -> Values:
    """1 - observed / expected disagreement, `(draws,)` each; nan where none is expected."""
    out = np.full(observed.shape, np.nan)
    np.divide(observed, expected, out=out, where=expected > 0)
    return 1 - out


def disagreement_rows(counts: Codes) -> Values:
    """`(items, 1 + categories)`: ordered pairs of ratings of the item that disagree, over its
    ratings less one; and `counts`, `(items, categories)`, at least two of each item."""
    number = counts.sum(axis=1)
    pairs = number**2 - (counts**2).sum(axis=1)
    return np.column_stack([pairs / (number - 1), counts])


def unlike_pairs(totals: Values) -> Values:
    """Ordered pairs of different categories among all ratings of a draw, `(draws,)`; `totals`: how
    often it has each category, `(draws, categories)`. In whole numbers, so that a single category
    gives 0 and not almost 0."""
    unlike: Values = totals.sum(axis=1) ** 2 - (totals**2).sum(axis=1)
    return unlike


def _kinds(rows: Values) -> tuple[Values, Codes]:
    """The different rows, and how often each comes; in the order in which they first come, so that
    categories or annotators in another order give the same draws."""
    kinds, first, times = np.unique(rows, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    return kinds[order], times[order]
