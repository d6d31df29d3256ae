"""How well the prose segmenter finds marked boundaries, against three ways that know nothing.

    middle         half of the trace
    verdict word   the first word such as keep, drop, exclude; the middle where there is none
    random         anywhere: the mean over all places

Errors are over traces with one boundary between shortlisting and reasoning: in t (share of the
characters) and in steps (sentences, lines). Where the segmenter sees one phase alone, its boundary
is the trace's end, or its start. p: a paired permutation test of the errors, corrected by Holm.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from core.metrics.paired import difference, holm
from core.segmentation.fit import fit
from core.segmentation.marked import Marked
from core.segmentation.segmenter import Part, Weights, parts_of
from core.traces.base import PhaseKind
from core.traces.steps import steps_of

ONE_BOUNDARY = "two-phase"
_VERDICT = re.compile(
    r"\b(?:keep|kept|drop|dropped|reject\w*|exclud\w*|discard\w*|rule[sd]? out|remove[sd]?)\b",
    re.IGNORECASE,
)


def check(marked: Sequence[Marked], weights: Weights | None = None) -> dict[str, Any]:
    """Plain data."""
    parts = {one.id: parts_of(one.trace, one.candidates, weights) for one in marked}
    some = [one for one in marked if one.structure == ONE_BOUNDARY and one.turn is not None]
    guesses: dict[str, Callable[[Marked], float]] = {
        "segmenter": lambda one: turn_of(parts[one.id], one.trace),
        "middle": lambda one: len(one.trace) / 2,
        "verdict word": _first_verdict,
    }
    errors = {name: [_errors(one, guess(one)) for one in some] for name, guess in guesses.items()}
    errors["random"] = [_mean_error(one) for one in some]
    less = {unit: _less(errors, place) for place, unit in enumerate(("t", "steps"))}
    return {
        "traces": len(marked),
        "with_one_boundary": len(some),
        "errors": {name: _summary(found) for name, found in errors.items()},
        "segmenter_less": less,
        "without_cue_words": {
            name: _summary([e for e, one in zip(found, some, strict=True) if not one.cue_words])
            for name, found in errors.items()
        },
        "structures": _structures(marked, parts),
        "steps_right": float(np.mean([_right(one, parts[one.id]) for one in marked])),
    }


def _less(errors: Mapping[str, Sequence[tuple[float, float]]], place: int) -> dict[str, Any]:
    """The segmenter's errors less those of each other way, in t (place 0) or in steps (1)."""
    ours = [one[place] for one in errors["segmenter"]]
    found = {
        name: asdict(difference(ours, [one[place] for one in some]))
        for name, some in errors.items()
        if name != "segmenter"
    }
    for name, p in holm({name: one["p"] for name, one in found.items()}).items():
        found[name]["p_holm"] = p
    return found


def cross_validated(marked: Sequence[Marked], folds: int = 8) -> dict[str, float]:
    """Errors on traces with one boundary, each by weights that were fitted without its fold: for
    choosing among segmenters, where the half that is reported must not be looked at."""
    order = np.random.default_rng(0).permutation(len(marked))
    errors = []
    for fold in range(folds):
        held = {int(at) for at in order[fold::folds]}
        weights = fit([one for at, one in enumerate(marked) if at not in held])
        for one in (marked[at] for at in sorted(held)):
            if one.structure == ONE_BOUNDARY and one.turn is not None:
                parts = parts_of(one.trace, one.candidates, weights)
                errors.append(_errors(one, turn_of(parts, one.trace)))
    return _summary(errors)


def turn_of(parts: Sequence[Part], text: str) -> float:
    """The character where reasoning first follows shortlisting; the end where there is no
    reasoning, the start where nothing is shortlisted before it."""
    kinds = [part.kind for part in parts]
    if PhaseKind.REASONING not in kinds:
        return float(len(text))
    if PhaseKind.SHORTLISTING not in kinds:
        return 0.0
    first = kinds.index(PhaseKind.SHORTLISTING)
    for part in parts[first:]:
        if part.kind is PhaseKind.REASONING:
            return float(part.start)
    return 0.0  # reasons first, and shortlists afterwards


def _first_verdict(one: Marked) -> float:
    found = _VERDICT.search(one.trace)
    return float(found.start()) if found else len(one.trace) / 2


def _errors(one: Marked, at: float) -> tuple[float, float]:
    """(in t, in steps) of a boundary at a character."""
    turn = one.turn or 0
    starts = np.array([start for start, _ in steps_of(one.trace)])
    steps = abs(int((starts < at).sum()) - int((starts < turn).sum()))
    return abs(at - turn) / len(one.trace), float(steps)


def _mean_error(one: Marked) -> tuple[float, float]:
    """Of a boundary anywhere: over characters, and over steps."""
    t = (one.turn or 0) / len(one.trace)
    starts = [start for start, _ in steps_of(one.trace)]
    turn = sum(start < (one.turn or 0) for start in starts)
    steps = float(np.mean([abs(at - turn) for at in range(len(starts) + 1)]))
    return (t**2 + (1 - t) ** 2) / 2, steps


def _summary(errors: Sequence[tuple[float, float]]) -> dict[str, float]:
    t, steps = np.array(errors).reshape(-1, 2).T
    return {
        "traces": len(t),
        "mean_t": float(t.mean()),
        "median_t": float(np.median(t)),
        "mean_steps": float(steps.mean()),
        "median_steps": float(np.median(steps)),
    }


def _structures(
    marked: Sequence[Marked], parts: dict[str, tuple[Part, ...]]
) -> dict[str, dict[str, int]]:
    """For each marked structure, how often the segmenter sees which."""
    found: dict[str, Counter[str]] = {}
    for one in marked:
        found.setdefault(one.structure, Counter())[structure_of(parts[one.id])] += 1
    return {name: dict(counts) for name, counts in sorted(found.items())}


def structure_of(parts: Sequence[Part]) -> str:
    """In the words of the check set."""
    kinds = [p.kind for p in parts if p.kind in (PhaseKind.SHORTLISTING, PhaseKind.REASONING)]
    turns = [kind for at, kind in enumerate(kinds) if not at or kind is not kinds[at - 1]]
    if not turns:
        return "none"
    if len(turns) == 1:
        return f"only-{turns[0]}"
    return ONE_BOUNDARY if turns == [PhaseKind.SHORTLISTING, PhaseKind.REASONING] else "interleaved"


def _right(one: Marked, parts: Sequence[Part]) -> float:
    """The share of a trace's characters whose phase is the marked one."""
    same = sum(
        max(0, min(part.end, end) - max(part.start, start))
        for part in parts
        for kind, start, end in one.spans
        if kind is part.kind
    )
    return same / len(one.trace)
