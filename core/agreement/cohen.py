"""Cohen's kappa: agreement of two annotators beyond chance.

kappa = 1 - sum w_ab n_ab / sum w_ab e_ab
n_ab   items that the one put into a and the other into b
e_ab   as many by chance, from how often each of them used a and b
w_ab   1 for different categories, else 0 (Cohen 1960); with an order of the categories, how far
       apart they are (weighted kappa, Cohen 1968)

The value is scikit-learn's; the resampled ones are by the same formula on sums over items.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from core.agreement.base import Agreement, Statistic, defined, undefined, used_of, why_no_chance
from core.agreement.ratings import NOTHING, Codes, Ratings
from core.agreement.resampling import interval, one_less_ratio
from core.metrics.bootstrap import RESAMPLES, Values

Weights = Literal["linear", "quadratic"]


def cohen_kappa(
    ratings: Ratings,
    one: str,
    other: str,
    *,
    order: Sequence[str] | None = None,
    weights: Weights = "quadratic",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Cohen's kappa of two annotators over the items that both have rated, in [-1, 1], 0 = as by
    chance, higher = more agreement; which of them is the one does not matter.

    With `order` (all categories, lowest first) weighted kappa: a disagreement counts by how many
    places it is apart, or by their square. Undefined where both use one and the same category
    only. Raises UnknownNameError for an annotator who has rated nothing, InputError for the same
    annotator twice or an order that lacks a category. Cohen 1960; weighted: Cohen 1968.
    """
    pair = ratings.only((one, other))
    weighted = weights if order is not None else None
    statistic = _NAMES[weighted]
    if order is not None:
        pair = pair.in_order(order)
    both = (pair.codes != NOTHING).all(axis=1)
    codes, width, used = pair.codes[both], len(pair.categories), used_of(pair, both)
    if not used.items:
        return undefined(statistic, used, f"{one} and {other} have rated no item in common.")
    if reason := why_no_chance(pair.categories, np.bincount(codes.ravel(), minlength=width)):
        return undefined(statistic, used, reason)
    from sklearn.metrics import cohen_kappa_score  # type: ignore[import-untyped]

    value = cohen_kappa_score(*codes.T, labels=np.arange(width), weights=weighted)
    apart = _apart(width, weighted)
    around = interval(
        _rows(codes, apart), lambda sums: _of_sums(sums, apart), resamples=resamples, seed=seed
    )
    return defined(statistic, float(value), around, used)


_NAMES: dict[Weights | None, Statistic] = {
    None: Statistic.COHEN,
    "linear": Statistic.COHEN_LINEAR,
    "quadratic": Statistic.COHEN_QUADRATIC,
}


def _apart(width: int, weights: Weights | None) -> Values:
    """w_ab, `(categories, categories)`."""
    places = np.arange(width, dtype=np.float64)
    gap = np.abs(places[:, None] - places)
    if weights is None:
        return (gap > 0).astype(np.float64)
    return gap if weights == "linear" else gap**2


def _rows(codes: Codes, apart: Values) -> Values:
    """`(items, 1 + 2 * categories)`: w_ab; the category of the one; that of the other."""
    each = np.eye(len(apart))
    one, other = codes.T
    return np.hstack([apart[one, other][:, None], each[one], each[other]])


def _of_sums(sums: Values, apart: Values) -> Values:
    """Kappa of each draw, `(draws,)`, from the sums of its rows."""
    one, other = np.split(sums[:, 1:], 2, axis=1)
    expected = ((one @ apart) * other).sum(axis=1) / one.sum(axis=1)
    return one_less_ratio(sums[:, 0], expected)
