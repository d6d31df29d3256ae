"""Metrics of ranked labels at k, each in [0, 1], higher = better.

With y_i = 1 where the label at rank i is gold, G = gold labels, w = 1 / propensity,
d_i = 1 / log2(i+1):

    P@k       = (1/k) sum_{i<=k} y_i
    R@k       = (1/|G|) sum_{i<=k} y_i
    nDCG@k    = sum_{i<=k} y_i d_i          /  sum_{i<=min(k,|G|)} d_i
    PSP@k     = (1/k) sum_{i<=k} y_i w_i    /  the same for the best possible ranking
    PSnDCG@k  = sum_{i<=k} y_i w_i d_i / sum_{i<=min(k,|G|)} d_i  /  the same for the best possible

P, R and nDCG are means over documents. PSP and PSnDCG divide the sum over all documents by the
sum of the best possible over all documents, as Jain et al. 2016 and the XMC repository's scripts
(pyxclib) do: a ratio of sums, so that one document with rare labels counts for more.

A ranking is an ordered list: there are no scores here, so no ties. Whoever sorts by score breaks
them (our shortlists: the lower label row first). A label that is ranked twice counts at its
first place only; the later ones close up. Where there are fewer than k labels the missing places
are wrong: P@k still divides by k. An id that no vocabulary knows is a wrong answer, or a gold
label that cannot be found.
"""

import math
from collections.abc import Collection, Mapping, Sequence, Set
from itertools import islice

from core.errors import InputError

CUTS = (1, 3, 5, 10)


def precision_at(ranking: Sequence[str], gold: Set[str], k: int) -> float:
    """Share of the first k places that hold a gold label; a missing place counts as wrong."""
    return _hits(ranking, gold, k) / k


def recall_at(ranking: Sequence[str], gold: Set[str], k: int) -> float:
    """Share of the gold labels among the first k; 0 where there is no gold."""
    hits = _hits(ranking, gold, k)
    return hits / len(gold) if gold else 0.0


def ndcg_at(ranking: Sequence[str], gold: Set[str], k: int) -> float:
    """Discounted gain over the best possible; 0 where there is no gold."""
    best = ideal_at(len(gold), k)
    return dcg_at(ranking, dict.fromkeys(gold, 1.0), k) / best if best else 0.0


def psp_parts(
    ranking: Sequence[str], gold: Set[str], propensity: Mapping[str, float], k: int
) -> tuple[float, float]:
    """(weighted hits of the first k, the most there could be) of one document.

    Both without the 1/k, which the ratio of the sums does not need; (0, 0) without gold.
    """
    weights = {label: 1 / propensity[label] for label in gold}
    best = math.fsum(sorted(weights.values(), reverse=True)[: _checked(k)])
    return math.fsum(weights.get(label, 0.0) for label in first(ranking, k)), best


def psndcg_parts(
    ranking: Sequence[str], gold: Set[str], propensity: Mapping[str, float], k: int
) -> tuple[float, float]:
    """(weighted discounted hits of the first k, the most there could be) of one document.

    Both over the unweighted best, so that a document with few gold labels weighs as much as one
    with many; (0, 0) without gold.
    """
    weights = {label: 1 / propensity[label] for label in gold}
    scale = ideal_at(len(gold), k)
    if not scale:
        return 0.0, 0.0
    ordered = sorted(weights.values(), reverse=True)[:k]
    best = math.fsum(weight * discount(rank) for rank, weight in enumerate(ordered, start=1))
    return dcg_at(ranking, weights, k) / scale, best / scale


def dcg_at(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    """Sum of gain / log2(rank + 1) over the first k places; any number from 0."""
    places = enumerate(first(ranking, k), start=1)
    return math.fsum(gains.get(label, 0.0) * discount(rank) for rank, label in places)


def ideal_at(gold: int, k: int) -> float:
    """The most that unweighted discounted hits of `gold` labels can be at k."""
    return math.fsum(discount(rank) for rank in range(1, min(_checked(k), gold) + 1))


def discount(rank: int) -> float:
    """1 / log2(rank + 1) for ranks from 1."""
    return 1 / math.log2(rank + 1)


def first(ranking: Sequence[str], k: int) -> tuple[str, ...]:
    """The first k labels, each counted once; fewer where there are fewer. Raises InputError."""
    return tuple(islice(dict.fromkeys(ranking), _checked(k)))


def _hits(ranking: Sequence[str], gold: Collection[str], k: int) -> int:
    return sum(label in gold for label in first(ranking, k))


def _checked(k: int) -> int:
    if k < 1:
        raise InputError(f"A metric at {k} makes no sense.", "Use a k of 1 or more.")
    return k
