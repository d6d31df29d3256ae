"""What several annotators say of one task, side by side: how far they differ, what most of them
say, and who said what."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.annotation.judgement import PHASES, Judgement

Said = TypeVar("Said")
Named = tuple[str, Judgement]  # annotator's name, what they say


@dataclass(frozen=True, slots=True)
class Difference:
    """`verdict`: share of the pairs of annotators who disagree on what the task asks, in [0, 1],
    higher = more; of a trace the mean of its two phases. `labels`: how many labels different
    verdicts were given to, or only some added as missing; `boundary`: whether it was put at
    different places."""

    verdict: float
    labels: int
    boundary: bool

    @property
    def any(self) -> bool:
        return bool(self.verdict or self.labels or self.boundary)

    @property
    def rank(self) -> tuple[float, int, bool]:
        """Sorts the most disputed last."""
        return self.verdict, self.labels, self.boundary

    def in_words(self) -> str:
        parts = ["the verdict"] if self.verdict else []
        if self.labels:
            parts.append(f"{self.labels} label{'s' * (self.labels != 1)}")
        parts += ["the boundary"] if self.boundary else []
        return " and ".join(", ".join(parts).rsplit(", ", 1)) or "nothing"


def difference(judgements: Sequence[Judgement]) -> Difference:
    """Of the judgements of one task, one an annotator. A label that some judged and others passed
    over is no difference; one that some, but not all, added as missing is."""
    main: list[list[Any]] = [
        [j.shortlist for j in judgements if j.shortlist],
        [j.preference for j in judgements if j.preference],
        *([j.phases[phase] for j in judgements if phase in j.phases] for phase in PHASES),
    ]
    compared = [_apart(said) for said in main if len(said) > 1]
    labels = {label for j in judgements for label in j.labels}
    disputed = sum(
        len({j.labels[label] for j in judgements if label in j.labels}) > 1 for label in labels
    )
    added = Counter(label for j in judgements for label in set(j.missing))
    disputed += sum(count < len(judgements) for label, count in added.items())
    places = {j.boundary for j in judgements if j.boundary is not None}
    mean = sum(compared) / len(compared) if compared else 0.0
    return Difference(mean, disputed, len(places) > 1)


def _apart(said: Sequence[Any]) -> float:
    pairs = len(said) * (len(said) - 1)
    return 1 - sum(count * (count - 1) for count in Counter(said).values()) / pairs


def consensus_judgement(judgements: Sequence[Judgement]) -> Judgement:
    """What most annotators say: the start of a settlement, never more. Nothing where as many say
    one thing as another; a label is missing where more than half of all added it."""
    labels = {label for j in judgements for label in j.labels}
    phases = {
        phase: _most([j.phases[phase] for j in judgements if phase in j.phases]) for phase in PHASES
    }
    said = {
        label: _most([j.labels[label] for j in judgements if label in j.labels]) for label in labels
    }
    added = Counter(label for j in judgements for label in dict.fromkeys(j.missing))
    reasons = Counter(reason for j in judgements for reason in set(j.reasons))
    half = len(judgements) / 2
    return Judgement(
        shortlist=_most([j.shortlist for j in judgements if j.shortlist]),
        labels={label: verdict for label, verdict in sorted(said.items()) if verdict},
        missing=tuple(label for label, count in added.items() if count > half),
        phases={phase: verdict for phase, verdict in phases.items() if verdict},
        boundary=_most([j.boundary for j in judgements if j.boundary is not None]),
        preference=_most([j.preference for j in judgements if j.preference]),
        reasons=tuple(reason for reason, count in reasons.items() if count > half),
    )


def _most(said: Sequence[Said]) -> Said | None:
    """What more say than anything else."""
    ranked = Counter(said).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def who_said_what(
    judgements: Sequence[Named],
    label_name: Callable[[str], str],
    reason_names: Mapping[str, str],
) -> dict[str, Any]:
    """For a page, as plain data: names of annotators by verdict (`verdict`), by label and verdict
    (`labels`), by phase and verdict (`phases`), and what else each of them said (`said`)."""
    verdict: dict[str, list[str]] = {}
    labels: dict[str, dict[str, list[str]]] = {}
    phases: dict[str, dict[str, list[str]]] = {}
    said = []
    for name, one in judgements:
        for given in filter(None, (one.shortlist, one.preference)):
            verdict.setdefault(str(given), []).append(name)
        for label, given_label in one.labels.items():
            labels.setdefault(label, {}).setdefault(str(given_label), []).append(name)
        for phase, given_phase in one.phases.items():
            phases.setdefault(str(phase), {}).setdefault(str(given_phase), []).append(name)
        said.append(
            {
                "who": name,
                "comment": one.comment,
                "reasons": [reason_names.get(reason, reason) for reason in one.reasons],
                "missing": [label_name(label) for label in one.missing],
                "boundary": one.boundary,
            }
        )
    return {"verdict": verdict, "labels": labels, "phases": phases, "said": said}
