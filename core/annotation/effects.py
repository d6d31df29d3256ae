"""What annotators' work changes: a run's scores against the dataset's gold and against revised
gold, and recall if what they found missing had been retrieved.

Differences are paired by document, with 95% bootstrap intervals (core/metrics/paired.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from core.annotation.gold import Revised, recalls
from core.metrics.at_k import ndcg_at, precision_at, recall_at
from core.metrics.paired import Difference, difference
from core.metrics.ranking import Metrics, Scored, evaluate
from core.metrics.sets import example_f1

RESAMPLES = 1_999  # of a permutation test; there are several a run
CUTS = (10, 20, 50)  # of recall if the misses were fixed


class Answer(Protocol):
    """What is needed of one document of a run: labels best first as ranked and as retrieved, the
    set that the answer names, and gold as the dataset has it."""

    @property
    def document_id(self) -> str: ...
    @property
    def ranking(self) -> Sequence[str]: ...
    @property
    def retrieved(self) -> Sequence[str]: ...
    @property
    def selected(self) -> Sequence[str]: ...
    @property
    def gold(self) -> Sequence[str]: ...


Score = Callable[[Answer, frozenset[str]], float]
MEASURES: dict[str, Score] = {
    "Example F1": lambda a, gold: example_f1(frozenset(a.selected), gold),
    "P@1": lambda a, gold: precision_at(a.ranking, gold, 1),
    "R@10": lambda a, gold: recall_at(a.ranking, gold, 10),
    "nDCG@10": lambda a, gold: ndcg_at(a.ranking, gold, 10),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A measure in [0, 1], higher = better, against the dataset's gold and against revised gold;
    `less`: revised less own."""

    own: float
    revised: float
    less: Difference


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall at k of the shortlist: against the dataset's gold, against revised gold, and the same
    if it had also held what annotators found missing; `gain`: fixed less revised."""

    k: int
    documents: int
    own: float
    revised: float
    fixed: float
    gain: Difference


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one run. `documents`: judged ones that it has answered and that have gold either way;
    `changed`: of these, with other gold than before; `own`, `revised`: all metrics."""

    documents: int
    changed: int
    own: Metrics
    revised: Metrics
    measures: Mapping[str, Change]
    recall: tuple[Recall, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def effect_of(
    answers: Iterable[Answer],
    judged: Mapping[str, Revised],
    flagged: Mapping[str, Revised],
    cuts: Sequence[int] = CUTS,
) -> Effect | None:
    """`judged`, `flagged`: revised gold by document; `flagged` has those that were only flagged
    too, which count for recall alone. None where no document of the run was judged or flagged and
    has gold either way."""
    every = {a.document_id: a for a in answers if a.gold}
    some = [a for a in every.values() if a.document_id in judged and judged[a.document_id].gold]
    recall = tuple(
        found for k in cuts if (found := _recall(every, {**flagged, **judged}, k)) is not None
    )
    if not some and not recall:
        return None
    own = {a.document_id: frozenset(a.gold) for a in some}
    new = {a.document_id: judged[a.document_id].gold for a in some}
    return Effect(
        documents=len(some),
        changed=sum(own[document] != new[document] for document in own),
        own=_metrics(some, own), revised=_metrics(some, new),
        measures={name: _change(some, own, new, score) for name, score in MEASURES.items()}
        if some else {},
        recall=recall,
    )  # fmt: skip


def _metrics(answers: Sequence[Answer], gold: Mapping[str, frozenset[str]]) -> Metrics:
    scored = (
        Scored(a.document_id, tuple(a.ranking), tuple(a.selected), tuple(gold[a.document_id]))
        for a in answers
    )
    return evaluate(scored, None)


def _change(
    answers: Sequence[Answer],
    own: Mapping[str, frozenset[str]],
    new: Mapping[str, frozenset[str]],
    score: Score,
) -> Change:
    before = [score(a, own[a.document_id]) for a in answers]
    after = [score(a, new[a.document_id]) for a in answers]
    count = len(answers)
    less = difference(after, before, resamples=RESAMPLES)
    return Change(sum(before) / count, sum(after) / count, less)


def _recall(answers: Mapping[str, Answer], found: Mapping[str, Revised], k: int) -> Recall | None:
    retrieved = {document: a.retrieved for document, a in answers.items()}
    gold = {document: a.gold for document, a in answers.items()}
    cases = recalls(retrieved, gold, found, k)
    if not cases:
        return None
    own, new, fixed = zip(*cases, strict=True)
    count = len(cases)
    gain = difference(fixed, new, resamples=RESAMPLES)
    return Recall(k, count, sum(own) / count, sum(new) / count, sum(fixed) / count, gain)
