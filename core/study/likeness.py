"""How alike a student's traces are to its teacher's, over the same documents and shown labels.

shortlists   Jaccard of the labels that phase 1 names: |both| / |either|, 1 where both are empty
verdicts     Cohen's kappa of keep, drop and no verdict, over all labels that either one names
curves       mean |difference| over t of Focus, and of Near-Miss Confusion
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from core.rerank.base import Candidate, Parsed
from core.traces.base import CurvePoint, PhaseKind, Trace

NO_VERDICT = "none"
SHORTLISTS, VERDICTS = "shortlists like the teacher's", "verdicts like the teacher's"
FOCUS, CONFUSION = "distance from its Focus", "distance from its Confusion"
ALIKE = (SHORTLISTS, VERDICTS, FOCUS, CONFUSION)


@dataclass(frozen=True, slots=True)
class Written:
    """One trace about a text, what was read in it, the labels that were shown to its writer, and
    those (ids) that it answers."""

    text: str
    trace: Trace
    parsed: Parsed
    candidates: Sequence[Candidate]
    selected: frozenset[str]

    @property
    def shortlist(self) -> list[str]:
        """The labels (ids) that phase 1 names; those it skips it does not name."""
        spans = [(p.start, p.end) for p in self.trace.phases if p.kind is PhaseKind.SHORTLISTING]
        return [
            one.label_id
            for one in self.trace.mentions
            if any(start <= one.start < end for start, end in spans)
        ]

    @property
    def points(self) -> Sequence[CurvePoint]:
        return self.trace.curves.points if self.trace.curves else ()


@dataclass(frozen=True, slots=True)
class Alike:
    """Two traces about one document. `verdicts`: what both make of each label that either one
    names; `focus` and `confusion`: the curves' distance, None where they have no t in common."""

    shortlists: float
    verdicts: tuple[tuple[str, str], ...]
    focus: float | None
    confusion: float | None


@dataclass(frozen=True, slots=True)
class Likeness:
    """`shortlists` in [0, 1], higher = more alike; `verdicts` in [-1, 1], 0 = chance; `focus` and
    `confusion` in [0, 2], lower = more alike. None where nothing could be compared."""

    documents: int
    shortlists: float | None
    verdicts: float | None
    focus: float | None
    confusion: float | None


def by_document(teacher: Mapping[str, Written], student: Mapping[str, Written]) -> dict[str, Alike]:
    """Over the documents, by id, that both have written about."""
    return {
        document: _alike(teacher[document], student[document])
        for document in sorted(teacher.keys() & student.keys())
    }


def likeness(alike: Mapping[str, Alike]) -> Likeness:
    """Of all documents together."""
    pairs = [pair for one in alike.values() for pair in one.verdicts]
    values = scores(alike)
    shortlists, focus, confusion = (
        mean(values[name].values()) if values[name] else None
        for name in (SHORTLISTS, FOCUS, CONFUSION)
    )
    return Likeness(len(alike), shortlists, kappa(pairs), focus, confusion)


def scores(alike: Mapping[str, Alike]) -> dict[str, dict[str, float]]:
    """Document by document, for paired tests: name -> document -> value. In place of kappa, which
    takes many labels, the share of labels with the same verdict, in [0, 1]. Documents in which a
    thing cannot be compared are left out of it."""
    found: dict[str, dict[str, float]] = {name: {} for name in ALIKE}
    for document, one in alike.items():
        same = [float(first == second) for first, second in one.verdicts]
        values = (one.shortlists, mean(same) if same else None, one.focus, one.confusion)
        for name, value in zip(ALIKE, values, strict=True):
            if value is not None:
                found[name][document] = value
    return found


def _alike(one: Written, other: Written) -> Alike:
    return Alike(
        jaccard(one.shortlist, other.shortlist),
        _verdicts(one.parsed, other.parsed),
        distance(one.points, other.points, "focus"),
        distance(one.points, other.points, "confusion"),
    )


def _verdicts(one: Parsed, other: Parsed) -> tuple[tuple[str, str], ...]:
    first, second = dict(one.verdicts), dict(other.verdicts)
    named = sorted({*one.shortlisted, *other.shortlisted, *first, *second})
    return tuple(
        (str(first.get(label, NO_VERDICT)), str(second.get(label, NO_VERDICT))) for label in named
    )


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
