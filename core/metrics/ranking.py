"""All metrics of a run in one pass over its documents."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.metrics.at_k import (
    CUTS,
    first,
    ndcg_at,
    precision_at,
    psndcg_parts,
    psp_parts,
    recall_at,
)
from core.metrics.sets import SetCounts


@dataclass(frozen=True, slots=True)
class Scored:
    """What a run answered for one document: `ranking` best first, `selected` the answer's set."""

    document_id: str
    ranking: tuple[str, ...]
    selected: tuple[str, ...]
    gold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics in [0, 1], higher = better; the dicts have the keys "1", "3", "5", "10".

    `psp` and `psndcg` are None where no propensities were given.
    """

    documents: int
    p: dict[str, float]
    r: dict[str, float]
    ndcg: dict[str, float]
    psp: dict[str, float] | None
    psndcg: dict[str, float] | None
    micro_f1: float
    macro_f1: float
    example_f1: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(predictions: Iterable[Scored], propensity: Mapping[str, float] | None) -> Metrics:
    """Metrics over documents that have gold labels; those without are left out of all counts.

    `propensity`: label id -> propensity in (0, 1], see core.metrics.propensity.

    No documents give 0 everywhere. A document that was answered with nothing counts, with 0. A
    label that is ranked twice counts at its first place only.
    """
    sums: dict[str, dict[int, float]] = defaultdict(lambda: dict.fromkeys(CUTS, 0.0))
    sets = SetCounts()
    for scored in predictions:
        gold = frozenset(scored.gold)
        if not gold:
            continue
        ranking = first(scored.ranking, max(CUTS))
        sets.add(frozenset(scored.selected), gold)
        for k in CUTS:
            sums["p"][k] += precision_at(ranking, gold, k)
            sums["r"][k] += recall_at(ranking, gold, k)
            sums["ndcg"][k] += ndcg_at(ranking, gold, k)
            if propensity is not None:
                _add_weighted(sums, ranking, gold, propensity, k)
    n = sets.documents
    return Metrics(
        documents=n,
        p=_means(sums["p"], n),
        r=_means(sums["r"], n),
        ndcg=_means(sums["ndcg"], n),
        psp=_ratios(sums["psp"], sums["psp best"]) if propensity is not None else None,
        psndcg=_ratios(sums["psndcg"], sums["psndcg best"]) if propensity is not None else None,
        micro_f1=sets.micro_f1,
        macro_f1=sets.macro_f1,
        example_f1=sets.example_f1,
    )


def _add_weighted(
    sums: dict[str, dict[int, float]],
    ranking: tuple[str, ...],
    gold: frozenset[str],
    propensity: Mapping[str, float],
    k: int,
) -> None:
    for name, parts in (("psp", psp_parts), ("psndcg", psndcg_parts)):
        got, best = parts(ranking, gold, propensity, k)
        sums[name][k] += got
        sums[f"{name} best"][k] += best


def _means(sums: dict[int, float], n: int) -> dict[str, float]:
    return {str(k): total / n if n else 0.0 for k, total in sums.items()}


def _ratios(got: dict[int, float], best: dict[int, float]) -> dict[str, float]:
    return {str(k): got[k] / best[k] if best[k] else 0.0 for k in got}
