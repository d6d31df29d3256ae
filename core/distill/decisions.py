"""How good keep-or-drop decisions are: area under the ROC curve, and F1 of what is kept.

A decision's score is logit(keep) - logit(drop); cosine to the text is the baseline in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.metrics.sets import f1

Scores = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """One document's decisions: `scores` `(candidates,)`, higher = keep; which of them are right;
    and how many gold labels it has, shown or not."""

    scores: Scores
    right: npt.NDArray[np.bool_]
    gold: int


def auc(judged: Sequence[Judged]) -> float:
    """The chance that a right label of the shown ones scores higher than a wrong one, over all
    documents together; 0.5 is chance. Ties count half. NaN without both kinds."""
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    scores = np.concatenate([one.scores for one in judged])
    right = np.concatenate([one.right for one in judged])
    positive, negative = int(right.sum()), int((~right).sum())
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[right].sum() - positive * (positive + 1) / 2) / (positive * negative))


def mean_f1(judged: Sequence[Judged], threshold: float) -> float:
    """Mean example-based F1 of the labels that score above a threshold, in [0, 1]."""
    return float(np.mean([f1_of(one, kept_above(one, threshold)) for one in judged]))


def mean_f1_of_top(judged: Sequence[Judged], n: int) -> float:
    """The same of each document's n best labels."""
    return float(np.mean([f1_of(one, kept_top(one, n)) for one in judged]))


def kept_above(one: Judged, threshold: float) -> Chosen:
    """`(candidates,)`: the labels that score above a threshold."""
    return one.scores > threshold


def kept_top(one: Judged, n: int) -> Chosen:
    """`(candidates,)`: the n labels that score best; of equals, the first."""
    kept = np.zeros(len(one.scores), dtype=bool)
    kept[np.argsort(-one.scores, kind="stable")[:n]] = True
    return kept


@dataclass(frozen=True, slots=True)
class Decided:
    """What a model decided on the labels that it was shown: places of those on the shortlist, and
    of those of them that are kept; both rise."""

    listed: tuple[int, ...]
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Above which scores labels are listed and kept."""

    listed: float
    kept: float


def cuts_of(judged: Sequence[Judged], listed: float) -> Cuts:
    """To be chosen on dev: labels are kept where their F1 is best, and listed so that `listed` of a
    document are in the mean, or more where more are kept."""
    scores = np.concatenate([one.scores for one in judged])
    share = min(listed * len(judged) / len(scores), 1.0)
    keep = best_threshold(judged)
    return Cuts(min(float(np.quantile(scores, 1 - share)), keep), keep)


def decided(scores: Scores, cuts: Cuts) -> Decided:
    """What `scores` `(candidates,)` say; the best one, of equals the first, is listed anyway."""
    listed = np.flatnonzero(scores > cuts.listed)
    if not len(listed):
        listed = np.argmax(scores, keepdims=True)
    return Decided(tuple(map(int, listed)), tuple(map(int, np.flatnonzero(scores > cuts.kept))))


def best_top(judged: Sequence[Judged]) -> int:
    """The n of the highest mean F1 among these documents: to be chosen on dev. Of equals, the
    lowest."""
    most = max((len(one.scores) for one in judged), default=1)
    return max(range(1, most + 1), key=lambda n: (mean_f1_of_top(judged, n), -n))


def f1_of(one: Judged, kept: Chosen) -> float:
    """Example-based F1 of the labels kept, `(candidates,)`, against all gold ones."""
    hits = int((kept & one.right).sum())
    return f1(hits, int(kept.sum()) - hits, one.gold - hits)


def best_threshold(judged: Sequence[Judged]) -> float:
    """The threshold of the highest mean F1 among these documents: to be chosen on dev. Of equals,
    the lowest."""
    scores = np.unique(np.concatenate([one.scores for one in judged]))
    middles = (scores[:-1] + scores[1:]) / 2
    if len(middles) > 400:  # the curve is flat between neighbours of so many
        middles = np.quantile(middles, np.linspace(0, 1, 400))
    tried = [float(scores[0] - 1), *map(float, middles)]
    return max(tried, key=lambda threshold: (mean_f1(judged, threshold), -threshold))
