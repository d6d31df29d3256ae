"""How a study's students were made, out of what its cells told, and what its preset leaves out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.distill.arm import random_name
from core.study.presets import GPU, Preset
from db.session import Store
from db.trainings import trainings_of

PHASES = ("coarse", "refine")  # of the chosen heads
AT_ENDS = 5  # steps of a training, over which losses are told
TRAINED = (  # of a student's cell
    "setting", "learned_from", "traces", "with_phases", "tokens", "compute_seconds",
)  # fmt: skip


def sums_of(store: Store, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What a study has left, and what that took: `systems` (adapters), `runs` (ids), `tokens` that
    the adapters were trained on, `seconds` of these trainings and of runs by the clock. Trials of
    the tuning that no student came of are not among it."""
    every = [cells[name] for name in sorted(cells)]
    systems = [one["adapter"] for one in every if "adapter" in one]
    with store.read() as session:
        trained = trainings_of(session, systems)
    running = sum(float(one.get("seconds", 0.0)) for one in every if "run" in one)
    return {
        "systems": systems,
        "runs": [one["run"] for one in every if "run" in one],
        "tokens": sum(one.tokens for one in trained),
        "seconds": round(sum(one.seconds for one in trained) + running, 1),
    }


def learned_of(store: Store, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How far the losses of each student's training came: by student and the loss's name, its means
    over the `first` and the `last` steps (AT_ENDS), where a step without it counts 0, as it did in
    the training. A student whose training is not in the store has none."""
    names = {
        one["adapter"]: name.split("/", 1)[1].replace("/", "-")
        for name, one in sorted(cells.items())
        if name.startswith("student/")
    }
    with store.read() as session:
        trained = {names[one.system]: one.curves for one in trainings_of(session, list(names))}
    return {
        name: {
            loss: {"first": _mean(rows[:AT_ENDS], loss), "last": _mean(rows[-AT_ENDS:], loss)}
            for loss in _losses_in(rows)
        }
        for name, rows in sorted(trained.items())
        if rows
    }


def _losses_in(rows: Sequence[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row if name.startswith("L_")))


def _mean(rows: Sequence[Mapping[str, float]], loss: str) -> float:
    return float(np.mean([row.get(loss, 0.0) for row in rows]))


def of_students(cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How the students were made: layers kept, where the chosen heads lie, and every trial of the
    tuning with its example-based F1 on dev, by dataset."""
    kept = (cells.get("layers") or {}).get("layers", [])  # none of a student that was named
    heads = cells.get("heads") or {}
    arms = {name.split("/", 1)[1]: one for name, one in sorted(cells.items())
            if name.startswith("student/")}  # fmt: skip
    return {
        "trained": {
            name.replace("/", "-"): {key: one.get(key) for key in TRAINED}
            for name, one in arms.items()
        },
        "layers": kept,
        "heads": {
            phase: {
                "chosen": heads[phase]["teacher"],
                "scored": heads["scored"][phase],
                "in_kept_layers": sum(layer in kept for layer, _ in heads[phase]["teacher"])
                if kept
                else None,
                "student_heads_of_random_ones_too": _shared(heads, phase),
            }
            for phase in PHASES
            if phase in heads
        },
        "tuning": [
            {"arm": name.split("/")[1], **trial["setting"], "example_f1": trial["example_f1"]}
            for name, trial in sorted(cells.items())
            if name.startswith("tune/")
        ],
    }


def _shared(heads: Mapping[str, Any], phase: str) -> int | None:
    """How many of the student's heads for the chosen ones stand for random ones (of the first
    seed) as well."""
    by_chance = heads.get(random_name(phase, 0))
    if by_chance is None:
        return None
    ours = {tuple(head) for head in heads[phase]["student"]}
    return len(ours & {tuple(head) for head in by_chance["student"]})


def not_planned(preset: Preset) -> dict[str, Any]:
    """What the largest preset has and this one leaves out, with how much of it is tested."""
    arms = [arm.value for arm in GPU.arms if arm not in preset.arms]
    seeds = [seed for seed in GPU.seeds if seed not in preset.seeds]
    return {"arms": arms, "seeds": seeds, "test_documents": preset.test_documents}
