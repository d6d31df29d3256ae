"""Phases of free prose: a hidden Markov model over the steps of a trace.

1. Each step (sentence or line) shortlists, reasons, answers, or does none of these. How well it
   looks like each (core/segmentation/step_features.py) a logistic regression says.
2. That a phase lasts, and which follows which, the transitions say. Viterbi gives the most likely
   sequence: it may have one phase, several that alternate, or none.
3. How sure a boundary is, forward-backward says: the probability that the change lies there or one
   step beside.

The weights are fitted to marked traces (core/segmentation/fit.py), and measured on others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp  # type: ignore[import-untyped]

from core.rerank.base import Candidate
from core.segmentation.step_features import NAMES, step_features
from core.traces.base import PhaseKind

Table = npt.NDArray[np.float64]

WEIGHTS = Path(__file__).with_name("weights.json")
STATES: tuple[PhaseKind | None, ...] = (
    PhaseKind.SHORTLISTING, PhaseKind.REASONING, PhaseKind.ANSWER, None,
)  # fmt: skip
BESIDE = 1  # steps by which a boundary may lie elsewhere and still be the same


@dataclass(frozen=True)
class Weights:
    """`coefficients` `(states, features)`; `transitions` `(states, states)` and `starts`
    `(states,)` are natural logarithms of probabilities; `sharpness` scales what steps look like
    against them."""

    coefficients: Table
    transitions: Table
    starts: Table
    sharpness: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Weights":
        """Raises ValueError where they belong to other features."""
        if tuple(data["features"]) != NAMES:
            raise ValueError("the weights are of other features: fit them again")
        return cls(
            np.array(data["coefficients"]), np.array(data["transitions"]),
            np.array(data["starts"]), float(data["sharpness"]),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        tables = {
            name: np.round(getattr(self, name), 4).tolist()
            for name in ("coefficients", "transitions", "starts")
        }
        return {"features": NAMES, **tables, "sharpness": self.sharpness}


@dataclass(frozen=True, slots=True)
class Part:
    """Characters start..end of a trace, and what they do (None: none of the phases).
    `confidence` in [0, 1]: how sure it is that this part begins here; of the first, 1."""

    kind: PhaseKind | None
    start: int
    end: int
    confidence: float


@lru_cache(maxsize=1)
def shipped_weights() -> Weights:
    return Weights.from_json(json.loads(WEIGHTS.read_text(encoding="utf-8")))


def parts_of(
    text: str, candidates: Sequence[Candidate], weights: Weights | None = None
) -> tuple[Part, ...]:
    """The parts of a trace, which cover it, in order; none for a blank text."""
    spans, features = step_features(text, candidates)
    if not spans:
        return ()
    weights = weights or shipped_weights()
    looks = weights.sharpness * log_shares(features @ weights.coefficients.T)
    path = most_likely(looks, weights)
    changes = _changes(looks, weights)
    parts: list[Part] = []
    for at, state in enumerate(path):
        start, end = spans[at]
        if at and state == path[at - 1]:
            parts[-1] = Part(parts[-1].kind, parts[-1].start, end, parts[-1].confidence)
            continue
        near = slice(max(at - 1 - BESIDE, 0), at + BESIDE)
        sure = float(changes[near, path[at - 1], state].sum()) if at else 1.0
        parts.append(Part(STATES[state], start, end, min(sure, 1.0)))
    return tuple(parts)


def log_shares(scores: Table) -> Table:
    """log softmax over the last axis."""
    shares: Table = scores - logsumexp(scores, axis=-1, keepdims=True)
    return shares


def most_likely(looks: Table, weights: Weights) -> list[int]:
    """The most likely state of each step (Viterbi). `looks` `(steps, states)`."""
    best = weights.starts + looks[0]
    came: list[Table] = []
    for step in looks[1:]:
        ways = best[:, None] + weights.transitions
        came.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + step
    path = [int(best.argmax())]
    for before in reversed(came):
        path.append(int(before[path[-1]]))
    return path[::-1]


def _changes(looks: Table, weights: Weights) -> Table:
    """P(step i in state a, step i + 1 in state b), `(steps - 1, states, states)`."""
    forward, backward = [weights.starts + looks[0]], [np.zeros(len(STATES))]
    for step in looks[1:]:
        forward.append(logsumexp(forward[-1][:, None] + weights.transitions, axis=0) + step)
    for step in looks[:0:-1]:
        backward.append(logsumexp(weights.transitions + step + backward[-1], axis=1))
    backward.reverse()
    whole = logsumexp(forward[-1])
    found = [
        forward[at][:, None] + weights.transitions + looks[at + 1] + backward[at + 1] - whole
        for at in range(len(looks) - 1)
    ]
    shares: Table = np.exp(np.array(found).reshape(-1, len(STATES), len(STATES)))
    return shares
