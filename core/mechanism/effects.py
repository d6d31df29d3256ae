"""Scores of labels as the answer, their ranking and the margin of right over wrong ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log1p

import numpy as np


@dataclass(frozen=True, slots=True)
class LabelScores:
    """`scores`: (label id, log-probability <= 0, higher = likelier), in the order shown.

    `margin`: mean score of the right labels less that of the wrong ones, higher = better; None
    where one of them is not among the labels.
    """

    scores: tuple[tuple[str, float], ...]
    margin: float | None

    @property
    def ranking(self) -> tuple[str, ...]:
        """Label ids, likeliest first; of equals, the one shown first."""
        return tuple(label for label, _ in sorted(self.scores, key=lambda pair: -pair[1]))

    @classmethod
    def of(
        cls,
        found: Mapping[str, float],
        endings: Mapping[str, Sequence[int]],
        right: Sequence[str],
        wrong: Sequence[str],
        exclusive: bool,
    ) -> "LabelScores":
        """`exclusive`: a label whose tokens begin another's ("1" and "10") is not credited with
        the other's probability."""
        scores = dict(found)
        if exclusive:
            scores = {label: _without_longer(label, found, endings) for label in found}
        rights = [scores[label] for label in right if label in scores]
        wrongs = [scores[label] for label in wrong if label in scores]
        margin = float(np.mean(rights) - np.mean(wrongs)) if rights and wrongs else None
        return cls(tuple(scores.items()), margin)


def _without_longer(
    label: str, found: Mapping[str, float], endings: Mapping[str, Sequence[int]]
) -> float:
    """log(P(label) - P of the labels whose tokens go on from it)."""
    own = list(endings[label])
    longer = {
        tuple(other): found[name]
        for name, other in endings.items()
        if len(other) > len(own) and list(other[: len(own)]) == own
    }
    # "100" is within "10": only the shortest of those that go on count
    shortest = [
        score
        for tokens, score in longer.items()
        if not any(len(t) < len(tokens) and tokens[: len(t)] == t for t in longer)
    ]
    share = min(sum(exp(score - found[label]) for score in shortest), 1 - 1e-6)
    return found[label] + log1p(-share)
