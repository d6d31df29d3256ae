"""Percent agreement: how often two annotators said the same of one item. It takes no account of
chance: with one frequent category it is high whatever anyone thinks."""

import numpy as np

from core.agreement.base import (
    Agreement,
    Statistic,
    Used,
    defined,
    undefined,
    used_of,
    why_none_compares,
)
from core.agreement.ratings import Ratings
from core.agreement.resampling import interval, one_less_ratio
from core.metrics.bootstrap import RESAMPLES, Values


def percent_agreement(ratings: Ratings, *, resamples: int = RESAMPLES, seed: int = 0) -> Agreement:
    """Share of the pairs of ratings of one item that agree, over all pairs of all items, in [0, 1],
    higher = more agreement.

    An item with more ratings has more pairs. For two annotators among several, give
    `ratings.only((one, other))`. Undefined where no item has two ratings.
    """
    if reason := why_none_compares(ratings):
        return undefined(Statistic.PERCENT, Used(0, len(ratings.items), 0), reason)
    counts = ratings.counts()
    number = counts.sum(axis=1)
    rows = number >= 2
    pairs = number**2 - number
    unlike = number**2 - (counts**2).sum(axis=1)
    each = np.column_stack([unlike, pairs])[rows].astype(np.float64)
    value = float(_of_sums(each.sum(axis=0, keepdims=True))[0])
    around = interval(each, _of_sums, resamples=resamples, seed=seed)
    return defined(Statistic.PERCENT, value, around, used_of(ratings, rows))


def _of_sums(sums: Values) -> Values:
    """Of each draw, `(draws,)`, from sums of (pairs that disagree, pairs)."""
    return one_less_ratio(sums[:, 0], sums[:, 1])
