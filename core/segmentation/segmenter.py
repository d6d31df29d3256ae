"""Phases of free prose: a hidden Markov model over the steps of a trace.

1. Each step (sentence or line) shortlists, reasons, answers, or does none of these. How well it
   looks like each (core/segmentation/step_features.py) a logistic regression says.
2. That a phase lasts, and which follows which, the transitions say. A trace may have one phase,
   several that alternate, or none.
3. Where shortlisting first turns into reasoning is the median of what forward-backward thinks of
   that place: the guess of the least expected error. Around it, Viterbi gives the most likely
   sequence.
4. How sure a boundary is, forward-backward says: the probability that the change lies there or one
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
_SHORTLISTS, _REASONS = 0, 1  # places in STATES
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
    path = most_likely(looks, weights, first_turn(looks, weights))
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


def first_turn(looks: Table, weights: Weights) -> int | None:
    """The step at which shortlisting first turns into reasoning: the median over all sequences,
    those that never shortlist counted as before all steps, those that never reason afterwards as
    after them; None where the median is one of these. `looks` `(steps, states)`."""
    after = _backward(looks, weights)
    never = weights.starts + looks[0]  # sequences that have not shortlisted yet, by last state
    seen = np.full(len(STATES), -np.inf)  # those that have, and have not reasoned since
    seen[_SHORTLISTS], never[_SHORTLISTS] = never[_SHORTLISTS], -np.inf
    turns = [-np.inf]
    for at, step in enumerate(looks[1:], start=1):
        from_never = logsumexp(never[:, None] + weights.transitions, axis=0) + step
        from_seen = logsumexp(seen[:, None] + weights.transitions, axis=0) + step
        turns.append(float(from_seen[_REASONS] + after[at][_REASONS]))
        from_seen[_REASONS] = -np.inf
        from_seen[_SHORTLISTS] = np.logaddexp(from_seen[_SHORTLISTS], from_never[_SHORTLISTS])
        from_never[_SHORTLISTS] = -np.inf
        never, seen = from_never, from_seen
    places = np.array([logsumexp(never), *turns, logsumexp(seen)])
    shares = np.exp(places - logsumexp(places))
    median = int(np.searchsorted(np.cumsum(shares), 0.5))
    return median - 1 if 1 <= median <= len(turns) else None


def most_likely(looks: Table, weights: Weights, turn: int | None) -> list[int]:
    """The most likely state of each step (Viterbi) of all sequences that first turn from
    shortlisting to reasoning at step `turn`; None: of those that never do."""
    states = len(STATES)
    best = np.full((3, states), -np.inf)  # not shortlisted yet; shortlisted; turned
    best[0] = weights.starts + looks[0]
    best[1, _SHORTLISTS], best[0, _SHORTLISTS] = best[0, _SHORTLISTS], -np.inf
    came: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    for at, step in enumerate(looks[1:], start=1):
        ways = best[:, :, None] + weights.transitions[None]  # (layer, from, to)
        source, reach = ways.argmax(axis=1), ways.max(axis=1)
        layer = np.tile(np.arange(3)[:, None], (1, states))
        if reach[0, _SHORTLISTS] > reach[1, _SHORTLISTS]:
            reach[1, _SHORTLISTS], layer[1, _SHORTLISTS] = reach[0, _SHORTLISTS], 0
            source[1, _SHORTLISTS] = source[0, _SHORTLISTS]
        if at == turn:
            reach[2, :] = -np.inf
            reach[2, _REASONS], layer[2, _REASONS] = reach[1, _REASONS], 1
            source[2, _REASONS] = source[1, _REASONS]
        reach[0, _SHORTLISTS] = reach[1, _REASONS] = -np.inf
        came.append((layer, source))
        best = reach + step
    ends = best[2:] if turn is not None else best[:2]
    place, state = np.unravel_index(int(ends.argmax()), ends.shape)
    at_layer, at_state = int(place) + (2 if turn is not None else 0), int(state)
    path = [at_state]
    for layer, source in reversed(came):
        at_layer, at_state = int(layer[at_layer, at_state]), int(source[at_layer, at_state])
        path.append(at_state)
    return path[::-1]


def _backward(looks: Table, weights: Weights) -> list[Table]:
    """log P(the steps after each one | its state), `(steps, states)`."""
    found = [np.zeros(len(STATES))]
    for step in looks[:0:-1]:
        found.append(logsumexp(weights.transitions + step + found[-1], axis=1))
    return found[::-1]


def _changes(looks: Table, weights: Weights) -> Table:
    """P(step i in state a, step i + 1 in state b), `(steps - 1, states, states)`."""
    forward, backward = [weights.starts + looks[0]], _backward(looks, weights)
    for step in looks[1:]:
        forward.append(logsumexp(forward[-1][:, None] + weights.transitions, axis=0) + step)
    whole = logsumexp(forward[-1])
    found = [
        forward[at][:, None] + weights.transitions + looks[at + 1] + backward[at + 1] - whole
        for at in range(len(looks) - 1)
    ]
    shares: Table = np.exp(np.array(found).reshape(-1, len(STATES), len(STATES)))
    return shares
