"""Krippendorff's alpha: agreement beyond chance with any number of annotators and any gaps
(Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").

alpha = 1 - Do / De = 1 - (n - 1) sum o_ck d_ck / sum n_c n_k d_ck    over pairs c < k
o_ck   coincidences: pairs of ratings c and k of one item, over the ratings of that item less one
n_c    ratings c of items with two ratings or more; n: all of these
d_ck   nominal: 1; ordinal: (n_c / 2 + all between + n_k / 2)^2, which is the squared distance of
       the mean ranks of c and k

Written here, on sums over items, so that resampled values are quick. The package krippendorff
gives the same to twelve digits (tests/agreement); it is not used itself, for it is under the GPL.
An ordinal distance depends on how often categories come, so each draw has its own.
"""

from collections.abc import Sequence

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


def krippendorff_alpha(
    ratings: Ratings,
    *,
    order: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha, at most 1, 0 = as by chance, higher = more agreement.

    Over the items with two ratings or more, whoever gave them. Nominal, or with `order` (all
    categories, lowest first) ordinal. Undefined where a single category is used. Raises InputError
    for an order that lacks a category. Krippendorff 2011.
    """
    statistic = Statistic.ALPHA if order is None else Statistic.ALPHA_ORDINAL
    if order is not None:
        ratings = ratings.in_order(order)
    if reason := why_none_compares(ratings):
        return undefined(statistic, Used(0, len(ratings.items), 0), reason)
    counts = ratings.counts()
    rows = counts.sum(axis=1) >= 2
    counts, used = counts[rows], used_of(ratings, rows)
    if reason := why_no_chance(ratings.categories, counts.sum(axis=0)):
        return undefined(statistic, used, reason)
    counts = counts[:, counts.any(axis=0)]  # a category that nobody used has no part in it
    items = disagreement_rows(counts) if order is None else _ordinal_rows(counts)
    of_sums = _nominal_of_sums if order is None else _ordinal_of_sums
    around = interval(items, of_sums, resamples=resamples, seed=seed)
    value = float(of_sums(items.sum(axis=0)[None])[0])
    return defined(statistic, value, around, used)


def _nominal_of_sums(sums: Values) -> Values:
    """Alpha of each draw, `(draws,)`, from sums of `disagreement_rows`, which count both c, k and
    k, c."""
    ratings = sums[:, 1:].sum(axis=1)
    return one_less_ratio(sums[:, 0] * (ratings - 1), unlike_pairs(sums[:, 1:]))


def _ordinal_rows(counts: Codes) -> Values:
    """`(items, categories + pairs of categories)`: `counts`; o_ck for c < k."""
    c, k = np.triu_indices(counts.shape[1], 1)
    above_one = counts.sum(axis=1)[:, None] - 1
    return np.hstack([counts, counts[:, c] * counts[:, k] / above_one])


def _ordinal_of_sums(sums: Values) -> Values:
    """Alpha of each draw, `(draws,)`, from sums of `_ordinal_rows`."""
    width = _categories_of(sums.shape[1])
    totals, coincidences = sums[:, :width], sums[:, width:]
    c, k = np.triu_indices(width, 1)
    mean_rank = totals.cumsum(axis=1) - totals / 2  # but for a constant
    distance = (mean_rank[:, k] - mean_rank[:, c]) ** 2
    observed = (coincidences * distance).sum(axis=1) * (totals.sum(axis=1) - 1)
    return one_less_ratio(observed, (totals[:, c] * totals[:, k] * distance).sum(axis=1))


def _categories_of(columns: int) -> int:
    """w, where w + w (w - 1) / 2 columns are given."""
    return int((np.sqrt(8 * columns + 1) - 1) / 2)
