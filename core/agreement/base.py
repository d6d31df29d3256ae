"""What an agreement statistic is called, what it returns, and when there is none."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.agreement.ratings import NOTHING, Codes, Ratings
from core.agreement.resampling import Interval


class Statistic(StrEnum):
    """Percent agreement is in [0, 1]; the others are at most 1, 0 = as by chance, below 0 = less
    than by chance. Higher = more agreement."""

    PERCENT = "Percent agreement"
    COHEN = "Cohen's kappa"
    COHEN_LINEAR = "Cohen's kappa, linear weights"
    COHEN_QUADRATIC = "Cohen's kappa, quadratic weights"
    FLEISS = "Fleiss' kappa"
    ALPHA = "Krippendorff's alpha, nominal"
    ALPHA_ORDINAL = "Krippendorff's alpha, ordinal"


class Used(NamedTuple):
    """What a statistic rests on. `left_out`: items that are rated, but not as it needs them.
    `annotators`: with a rating of an item that is used."""

    items: int
    left_out: int
    annotators: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """A statistic and its 95% percentile bootstrap interval over items.

    `value`, `low` and `high` are None where the statistic is undefined, and `reason` says why, in
    a sentence; it is empty otherwise. `draws`: resamples the interval rests on, which are those in
    which the statistic is defined. Counts: see `Used`.
    """

    statistic: Statistic
    value: float | None
    low: float | None
    high: float | None
    draws: int
    reason: str
    items: int
    left_out: int
    annotators: int


def defined(statistic: Statistic, value: float, around: Interval, used: Used) -> Agreement:
    """A value with its interval."""
    return Agreement(statistic, value, around.low, around.high, around.draws, "", *used)


def undefined(statistic: Statistic, used: Used, reason: str) -> Agreement:
    """No value, and why."""
    return Agreement(statistic, None, None, None, 0, reason, *used)


def used_of(ratings: Ratings, rows: npt.NDArray[np.bool_]) -> Used:
    """`rows`: `(items,)`, true for the items a statistic uses."""
    said = (ratings.codes[rows] != NOTHING).any(axis=0)
    return Used(int(rows.sum()), int((~rows).sum()), int(said.sum()))


def why_none_compares(ratings: Ratings) -> str:
    """Why no two ratings can be compared; empty where some can."""
    if not ratings.items:
        return "There are no ratings."
    if len(ratings.annotators) < 2:
        return f"Only one annotator, {ratings.annotators[0]}, has rated; agreement needs two."
    if (ratings.counts().sum(axis=1) < 2).all():
        return "No item has been rated by two annotators."
    return ""


def why_no_chance(categories: tuple[str, ...], totals: Codes) -> str:
    """Why agreement beyond chance is undefined; empty where it is not. `totals`: how often each
    category was used, `(categories,)`, some of them at least once."""
    used = np.flatnonzero(totals)
    if len(used) > 1:
        return ""
    return (
        f"Every rating that can be compared is {categories[used[0]]}; with a single category, "
        "agreement is certain, so none of it is beyond chance."
    )
