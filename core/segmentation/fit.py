"""Fits the prose segmenter to traces whose phases are marked, and says how well it does.

    python -m core.segmentation.fit

fits to sample_data/segmentation: the training traces, and the check set's half "tune".
`phaselens traces check-segmentation` measures on the other half.
"""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.atomic import write_text
from core.segmentation.marked import CHECK_SET, TRAINING_SET, Marked, read_marked
from core.segmentation.segmenter import STATES, WEIGHTS, Table, Weights
from core.segmentation.step_features import NAMES, step_features

PENALTY = 0.3  # C of the regression, and
SHARPNESS = 1.0  # chosen by cross-validation within what is fitted to
SEEN_BEFORE = 0.3  # added to each count of transitions


def fit(marked: Sequence[Marked]) -> Weights:
    """Raises ValueError where some state never occurs."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    tables, states = zip(*(_steps(one) for one in marked), strict=True)
    weights = np.concatenate([np.full(len(some), len(some) ** -0.5) for some in states])
    every = np.concatenate(states)
    # A tight stop: else where it stops depends on the order of sums.
    regression = LogisticRegression(C=PENALTY, max_iter=20_000, tol=1e-8, fit_intercept=False)
    regression.fit(np.vstack(tables), every, sample_weight=weights / weights.mean())
    if len(regression.classes_) != len(STATES):
        raise ValueError("every state must occur in what is fitted to")
    transitions = np.full((len(STATES), len(STATES)), SEEN_BEFORE)
    starts = np.full(len(STATES), SEEN_BEFORE)
    for some in states:
        starts[some[0]] += 1
        for one, other in itertools.pairwise(some):
            transitions[one, other] += 1
    return Weights(
        regression.coef_,
        np.log(transitions / transitions.sum(axis=1, keepdims=True)),
        np.log(starts / starts.sum()),
        SHARPNESS,
    )


def _steps(one: Marked) -> tuple[Table, list[int]]:
    """Features and states of a trace's steps: of each step, the phase that has most of it."""
    spans, features = step_features(one.trace, one.candidates)
    return features, [_state(one, start, end) for start, end in spans]


def _state(one: Marked, start: int, end: int) -> int:
    shares = dict.fromkeys(STATES, 0)
    for kind, a, b in one.spans:
        shares[kind] += max(0, min(end, b) - max(start, a))
    return max(range(len(STATES)), key=lambda state: shares[STATES[state]])


def fitted_to() -> list[Marked]:
    """What the shipped weights are fitted to."""
    tune = [one for one in read_marked(CHECK_SET) if one.half == "tune"]
    return [*tune, *read_marked(TRAINING_SET)]


def main() -> None:
    some = fitted_to()
    data: dict[str, Any] = fit(some).to_json()
    write_text(WEIGHTS, json.dumps(data) + "\n")
    print(f"{WEIGHTS}: {len(NAMES)} features, fitted to {len(some)} traces")


if __name__ == "__main__":
    main()
