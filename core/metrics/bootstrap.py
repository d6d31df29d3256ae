"""Percentile bootstrap over documents (Efron and Tibshirani, 1993, chapter 13).

1. Draw n documents with replacement, many times; a draw is how often each document comes.
2. The statistic of a draw is a matrix product, so all columns are resampled together and stay
   paired: the curves of one draw are curves of the same documents.
3. The interval is what the middle share of the draws covers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

RESAMPLES = 1000
LEVEL = 0.95
_CELLS_AT_ONCE = 4_000_000  # of the table of draws: 32 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic of m columns, `(m,)` each, and the interval around it; nan where there is
    nothing to divide by."""

    value: Values
    low: Values
    high: Values


def mean_interval(
    values: Values, *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> Interval:
    """The mean of each column of `values` `(documents, m)` with its interval."""
    return ratio_interval(values, np.ones_like(values), resamples=resamples, seed=seed, level=level)


def ratio_interval(
    numerators: Values,
    denominators: Values,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """sum(numerators) / sum(denominators) of each column, `(documents, m)` each.

    Equal arguments give equal intervals. A draw with a denominator of 0 is passed over.
    Raises ValueError for no documents, no resamples, shapes that differ, or a level that is not
    between 0 and 1.
    """
    drawn = _drawn(numerators, denominators, resamples, seed)
    return _interval(_divided(numerators.sum(axis=0), denominators.sum(axis=0)), drawn, level)


def macro_ratio_interval(
    numerators: Values,
    denominators: Values,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """The mean over columns of such ratios, which counts small columns as much as large ones: one
    statistic, `(1,)`. The rest as there."""
    drawn = _drawn(numerators, denominators, resamples, seed).mean(axis=1, keepdims=True)
    value = _divided(numerators.sum(axis=0), denominators.sum(axis=0)).mean(keepdims=True)
    return _interval(value, drawn, level)


def _drawn(numerators: Values, denominators: Values, resamples: int, seed: int) -> Values:
    """The ratios of each draw, `(resamples, m)`; nan where a denominator is 0."""
    if numerators.shape != denominators.shape or numerators.ndim != 2 or not len(numerators):
        raise ValueError(f"two tables of documents: {numerators.shape}, {denominators.shape}")
    if resamples < 1:
        raise ValueError(f"{resamples} resamples")
    n, columns = numerators.shape
    chance = np.random.default_rng(seed)
    drawn = np.empty((resamples, columns))
    step = max(1, _CELLS_AT_ONCE // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        # (draws, documents): how often each draw has each document
        times = chance.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64)
        drawn[start : start + size] = _divided(times @ numerators, times @ denominators)
    return drawn


def _interval(value: Values, drawn: Values, level: float) -> Interval:
    if not 0 < level < 1:
        raise ValueError(f"an interval of resamples at level {level}")
    low, high = (_quantiles(drawn, q) for q in ((1 - level) / 2, (1 + level) / 2))
    return Interval(value, low, high)


def _divided(above: Values, below: Values) -> Values:
    out = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def _quantiles(drawn: Values, q: float) -> Values:
    """The quantile of each column without its nans; nan for a column of nothing else."""
    out = np.full(drawn.shape[1], np.nan)
    some = np.isfinite(drawn).any(axis=0)
    if some.any():
        out[some] = np.nanquantile(drawn[:, some], q, axis=0)
    return out
