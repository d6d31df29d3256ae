"""What a study found: every system's scores on test, and whether mechanistic beats standard.

All of it is computed anew from the runs in the store, whose ids stand beside the figures. Scores of
an arm with several seeds are, document by document, means over its seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from core.comparison import Measure, score_of
from core.config import Settings
from core.datasets.catalogue import open_dataset
from core.distill.arms import Arm
from core.errors import InputError
from core.evaluation import evaluate_run, propensity_of
from core.metrics.bootstrap import mean_interval
from core.metrics.paired import difference, holm
from core.metrics.seeds import over_seeds_interval
from core.metrics.sets import example_f1
from core.models.catalogue import BASE
from core.study.cells import read_results
from core.study.likeness import likeness
from core.study.presets import Preset
from core.study.simulability import SIMULATOR, simulability
from core.study.written import answers_in, written_in
from db.runs import run_records
from db.session import Store

OTHERS = (Measure.P_1, Measure.R_10, Measure.WELL_FORMED)  # beside the headline's example F1
COMPARED = tuple(arm for arm in Arm if arm is not Arm.MECHANISTIC)

Scores = dict[str, float]  # of documents, by id


def results(settings: Settings, store: Store, preset: Preset) -> dict[str, Any]:
    """Plain data. Raises InputError where nothing of the study was tested yet."""
    cells = read_results(settings.home / "distill" / preset.name / "cells")
    tests = {name: found for name, found in cells.items() if name.startswith("test/")}
    if not tests:
        raise InputError(
            f"Nothing of the study {preset.name} was tested yet.",
            f"Run `phaselens distill --preset {preset.name}` first.",
        )
    found: dict[str, Any] = {"preset": preset.name, "datasets": {}, "teacher": cells.get("teacher")}
    p_values = {}
    for dataset in preset.datasets:
        runs = {name.split("/")[1]: t["run"] for name, t in tests.items() if name.endswith(dataset)}
        part = of_dataset(settings, store, dataset, runs)
        part["baselines"] = of_baselines(cells.get(f"baselines/{dataset}", {}))
        part["teacher_less"] = teacher_less(
            part.pop("scores"), cells.get(f"baselines/{dataset}", {})
        )
        found["datasets"][dataset] = part
        if Arm.STANDARD.value in part["mechanistic_less"]:
            p_values[dataset] = part["mechanistic_less"][Arm.STANDARD.value]["p"]
    for dataset, p in holm(p_values).items():
        found["datasets"][dataset]["mechanistic_less"][Arm.STANDARD.value]["p_holm"] = p
    others = {
        (dataset, measure): less
        for dataset, part in found["datasets"].items()
        for measure, less in part["other_measures"].items()
    }
    corrected = holm({f"{d}/{m}": less["p"] for (d, m), less in others.items()})
    for (dataset, measure), less in others.items():
        less["p_holm"] = corrected[f"{dataset}/{measure}"]
    found["not_run"] = sorted(_planned(preset) - tests.keys())
    return found


def of_dataset(
    settings: Settings, store: Store, dataset: str, runs: Mapping[str, str]
) -> dict[str, Any]:
    """Systems (with their seeds) on the test documents of one dataset. `runs`: by system."""
    propensity = propensity_of(open_dataset(settings, dataset))
    written = {system: written_in(store, run) for system, run in runs.items()}
    by_system: dict[str, list[Scores]] = {}
    others: dict[Measure, dict[str, list[Scores]]] = {measure: {} for measure in OTHERS}
    systems: dict[str, Any] = {}
    for system, run in sorted(runs.items()):
        with store.read() as session:
            records = list(run_records(session, run))
        scores = {r.document_id: example_f1(set(r.selected), set(r.gold)) for r in records}
        by_system.setdefault(arm_of(system), []).append(scores)
        for measure, kept in others.items():
            found_by = {r.document_id: score_of(measure, r) for r in records if r.gold}
            kept.setdefault(arm_of(system), []).append(found_by)
        data = evaluate_run(run, records, propensity)
        systems[system] = {"run": run, **data, "interval": interval_of(scores)}
        found = simulability(answers_in(written[system]))
        systems[system]["simulability"] = None if found is None else asdict(found)
        if "teacher" in runs and system not in (BASE, "teacher"):
            alike = likeness(written["teacher"], written[system])
            systems[system]["teacher_likeness"] = asdict(alike)
    pooled = {name: over_seeds(some) for name, some in by_system.items()}
    ours, less = Arm.MECHANISTIC.value, {}
    for arm in (a.value for a in COMPARED):
        if ours in pooled and arm in pooled:
            between = _less_by_seed(by_system[ours], by_system[arm])
            less[arm] = {**_less(pooled[ours], pooled[arm]), "between_seeds": between}
    measures = {}
    for measure, kept in others.items():
        if ours in kept and Arm.STANDARD.value in kept:
            pair = (over_seeds(kept[name]) for name in (ours, Arm.STANDARD.value))
            measures[measure.value] = _less(*pair)
    return {
        "scores": {name: pooled[name] for name in (BASE, "teacher") if name in pooled},
        "simulator": SIMULATOR,
        "systems": systems,
        "over_seeds": {
            name: {
                "seeds": len(by_system[name]),
                "by_seed": [_mean(one) for one in by_system[name]],
                "between_seeds": _between([_mean(one) for one in by_system[name]]),
                **interval_of(scores),
            }
            for name, scores in pooled.items()
        },
        "mechanistic_less": less,
        "other_measures": measures,
    }


def of_baselines(found: Mapping[str, Any]) -> dict[str, Any]:
    """Each rule with its mean example-based F1 on test, and the number chosen on dev."""
    return {
        rule: {**{k: v for k, v in values.items() if k != "f1"}, **interval_of(values["f1"])}
        for rule, values in found.items()
    }


def teacher_less(scores: Mapping[str, Scores], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The teacher less the untuned model and each rule, paired by document; p-values corrected by
    Holm over them. `scores`: of teacher and untuned model."""
    teacher = scores.get("teacher")
    if teacher is None:
        return {}
    others = {rule: values["f1"] for rule, values in rules.items()}
    others |= {name: found for name, found in scores.items() if name != "teacher"}
    less = {name: _less(teacher, other) for name, other in others.items()}
    for name, p in holm({name: one["p"] for name, one in less.items()}).items():
        less[name]["p_holm"] = p
    return less


def _less(one: Scores, other: Scores) -> dict[str, Any]:
    """A paired difference over the documents that both have."""
    both = sorted(one.keys() & other.keys())
    return asdict(difference([one[d] for d in both], [other[d] for d in both]))


def _less_by_seed(ones: Sequence[Scores], others: Sequence[Scores]) -> dict[str, Any] | None:
    """Mean differences of trainings with the same seed; None where there are not two such."""
    if len(ones) != len(others):
        return None
    pairs = [
        (one, other, sorted(one.keys() & other.keys()))
        for one, other in zip(ones, others, strict=True)
    ]
    return _between([float(np.mean([a[d] - b[d] for d in both])) for a, b, both in pairs])


def _between(by_seed: Sequence[float]) -> dict[str, Any] | None:
    return asdict(over_seeds_interval(by_seed)) if len(by_seed) > 1 else None


def _mean(scores: Scores) -> float:
    return float(np.mean(list(scores.values()))) if scores else float("nan")


def arm_of(system: str) -> str:
    """ "mechanistic-2" is the arm mechanistic with seed 2."""
    arm, _, seed = system.rpartition("-")
    return arm if seed.isdigit() and arm else system


def over_seeds(scores: Sequence[Scores]) -> Scores:
    """Means over seeds of the documents that all of them answered."""
    both = set.intersection(*(set(one) for one in scores))
    return {d: float(np.mean([one[d] for one in scores])) for d in sorted(both)}


def interval_of(scores: Scores) -> dict[str, float]:
    """Mean example-based F1 with its 95% bootstrap interval over documents."""
    if not scores:
        return {"example_f1": float("nan"), "low": float("nan"), "high": float("nan")}
    table = np.array([[scores[d]] for d in sorted(scores)])
    found = mean_interval(table)
    return {
        "example_f1": float(found.value[0]),
        "low": float(found.low[0]),
        "high": float(found.high[0]),
    }


def _planned(preset: Preset) -> set[str]:
    names = [BASE, "teacher"]
    for arm in preset.arms:
        seeds = preset.seeds if arm in preset.repeated else preset.seeds[:1]
        names += [f"{arm.value}-{seed}" for seed in seeds]
    return {f"test/{name}/{dataset}" for name in names for dataset in preset.datasets}
