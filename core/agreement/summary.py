"""All agreement statistics of the same ratings, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.agreement.alpha import krippendorff_alpha
from core.agreement.base import Agreement, Statistic, Used, undefined
from core.agreement.cohen import Weights, cohen_kappa
from core.agreement.fleiss import fleiss_kappa
from core.agreement.percent import percent_agreement
from core.agreement.ratings import Ratings
from core.metrics.bootstrap import RESAMPLES


@dataclass(frozen=True, slots=True)
class Summary:
    """`cohen` is undefined, with the reason, for other than two annotators."""

    percent: Agreement
    cohen: Agreement
    fleiss: Agreement
    alpha: Agreement


def summary(
    ratings: Ratings,
    *,
    order: Sequence[str] | None = None,
    weights: Weights = "quadratic",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Summary:
    """With `order` (all categories, lowest first) kappa is weighted and alpha ordinal; Fleiss'
    kappa is nominal always. Raises InputError for an order that lacks a category."""
    people = ratings.annotators
    if len(people) == 2:
        cohen = cohen_kappa(
            ratings, *people, order=order, weights=weights, resamples=resamples, seed=seed
        )
    else:
        reason = f"Cohen's kappa is of two annotators, and here are {len(people)}."
        cohen = undefined(Statistic.COHEN, Used(0, len(ratings.items), 0), reason)
    return Summary(
        percent_agreement(ratings, resamples=resamples, seed=seed),
        cohen,
        fleiss_kappa(ratings, resamples=resamples, seed=seed),
        krippendorff_alpha(ratings, order=order, resamples=resamples, seed=seed),
    )
