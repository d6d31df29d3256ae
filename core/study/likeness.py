"""How alike a student's traces are to its teacher's, over the same documents and shown labels.

shortlists   Jaccard of the labels that phase 1 names: |both| / |either|, 1 where both are empty
verdicts     Cohen's kappa of keep, drop and no verdict, over all labels that either one names
curves       mean |difference| over t of Focus, and of Near-Miss Confusion
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from core.rerank.base import Candidate, Parsed
from core.rerank.parser import parse
from core.traces.base import CurvePoint, Trace

NO_VERDICT = "none"
SHORTLISTS, VERDICTS = "shortlists like the teacher's", "verdicts like the teacher's"
FOCUS, CONFUSION = "distance from its Focus", "distance from its Confusion"
ALIKE = (SHORTLISTS, VERDICTS, FOCUS, CONFUSION)


@dataclass(frozen=True, slots=True)
class Written:
    """One trace about a text, with the labels that were shown to its writer and those (ids) that
    it answers."""

    text: str
    trace: Trace
    candidates: Sequence[Candidate]
    selected: frozenset[str]

    @property
    def parsed(self) -> Parsed:
        return parse(self.trace.text, self.candidates, self.trace.finish_reason)

    @property
    def points(self) -> Sequence[CurvePoint]:
        return self.trace.curves.points if self.trace.curves else ()


@dataclass(frozen=True, slots=True)
class Likeness:
    """`shortlists` in [0, 1], higher = more alike; `verdicts` in [-1, 1], 0 = chance; `focus` and
    `confusion` in [0, 2], lower = more alike. None where nothing could be compared."""

    documents: int
    shortlists: float | None
    verdicts: float | None
    focus: float | None
    confusion: float | None


def likeness(teacher: Mapping[str, Written], student: Mapping[str, Written]) -> Likeness:
    """Over the documents, by id, that both have written about."""
    alike = by_document(teacher, student)
    both = sorted(teacher.keys() & student.keys())
    pairs = [pair for d in both for pair in _verdicts(teacher[d].parsed, student[d].parsed)]
    shortlists, focus, confusion = (
        mean(alike[name].values()) if alike[name] else None
        for name in (SHORTLISTS, FOCUS, CONFUSION)
    )
    return Likeness(len(both), shortlists, kappa(pairs), focus, confusion)


def by_document(
    teacher: Mapping[str, Written], student: Mapping[str, Written]
) -> dict[str, dict[str, float]]:
    """The same document by document, for paired tests: name -> document -> value. In place of
    kappa, which takes many labels, the share of labels with the same verdict, in [0, 1]. Documents
    in which a thing cannot be compared are left out of it."""
    found: dict[str, dict[str, float]] = {name: {} for name in ALIKE}
    for document in sorted(teacher.keys() & student.keys()):
        one, other = teacher[document], student[document]
        first, second = one.parsed, other.parsed
        found[SHORTLISTS][document] = jaccard(first.shortlisted, second.shortlisted)
        if pairs := _verdicts(first, second):
            found[VERDICTS][document] = mean(float(a == b) for a, b in pairs)
        for name, curve in ((FOCUS, "focus"), (CONFUSION, "confusion")):
            gap = distance(one.points, other.points, curve)
            if gap is not None:
                found[name][document] = gap
    return found


def _verdicts(one: Parsed, other: Parsed) -> list[tuple[str, str]]:
    """What both make of each label that either one names."""
    first, second = dict(one.verdicts), dict(other.verdicts)
    named = sorted({*one.shortlisted, *other.shortlisted, *first, *second})
    return [
        (str(first.get(label, NO_VERDICT)), str(second.get(label, NO_VERDICT))) for label in named
    ]


def jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    """Of two sets, in [0, 1]; two empty ones are the same."""
    either = set(one) | set(other)
    return len(set(one) & set(other)) / len(either) if either else 1.0


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa: (agreed - by chance) / (1 - by chance), in [-1, 1]. None where there is no
    pair, or both always say the same one thing."""
    if len({word for pair in pairs for word in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score  # type: ignore[import-untyped]

    return float(cohen_kappa_score(*zip(*pairs, strict=True)))


def distance(one: Sequence[CurvePoint], other: Sequence[CurvePoint], name: str) -> float | None:
    """Mean |difference| of a curve over the t that both have; None without any."""
    values = {round(p.t, 4): getattr(p, name) for p in one}
    gaps = []
    for point in other:
        first, second = values.get(round(point.t, 4)), getattr(point, name)
        if first is not None and second is not None:
            gaps.append(abs(first - second))
    return mean(gaps) if gaps else None
