"""Fleiss' kappa: agreement of any number of annotators beyond chance (Fleiss 1971, equations 3-7).

kappa = (P - Pe) / (1 - Pe)
P    share of the pairs of ratings of one item that agree, mean over items
Pe   sum over categories of the squared share of all ratings

The value is statsmodels'; the resampled ones are by the same formula on sums over items.
"""

import numpy as np

from core.agreement.base import (
    Agreement,
    Statistic,
    Used,
    defined,
    undefined,
    used_of,
    why_no_chance,
    why_none_compares,
)
from core.agreement.ratings import Codes, Ratings
from core.agreement.resampling import disagreement_rows, interval, one_less_ratio, unlike_pairs
from core.metrics.bootstrap import RESAMPLES, Values


def fleiss_kappa(ratings: Ratings, *, resamples: int = RESAMPLES, seed: int = 0) -> Agreement:
    """Fleiss' kappa, at most 1, 0 = as by chance, higher = more agreement.

    It needs items with the same number of ratings: those with the most common number from two up
    (the larger where two are equally common); `left_out` says how many others there are. Who rated
    an item does not matter. Undefined where a single category is used. Fleiss 1971.
    """
    if reason := why_none_compares(ratings):
        return undefined(Statistic.FLEISS, Used(0, len(ratings.items), 0), reason)
    counts = ratings.counts()
    rows = counts.sum(axis=1) == _most_common_number(counts)
    counts, used = counts[rows], used_of(ratings, rows)
    if reason := why_no_chance(ratings.categories, counts.sum(axis=0)):
        return undefined(Statistic.FLEISS, used, reason)
    from statsmodels.stats import inter_rater  # type: ignore[import-untyped]

    value = float(inter_rater.fleiss_kappa(counts, method="fleiss"))
    around = interval(disagreement_rows(counts), _of_sums, resamples=resamples, seed=seed)
    return defined(Statistic.FLEISS, value, around, used)


def _most_common_number(counts: Codes) -> int:
    numbers = counts.sum(axis=1)
    found, times = np.unique(numbers[numbers >= 2], return_counts=True)
    return int(found[times == times.max()].max())


def _of_sums(sums: Values) -> Values:
    """Kappa of each draw, `(draws,)`, from the sums of its rows: with R ratings in all,
    1 - P = disagreement / R and 1 - Pe = unlike pairs / R^2."""
    ratings = sums[:, 1:].sum(axis=1)
    return one_less_ratio(sums[:, 0] * ratings, unlike_pairs(sums[:, 1:]))
