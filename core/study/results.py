"""What a study found: every system's scores on test, and whether mechanistic beats standard.

All of it is computed anew from the runs in the store, whose ids stand beside the figures. Scores of
an arm with several seeds are, document by document, means over its seeds.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from core.comparison.measures import Measure
from core.comparison.parts import LOSSES
from core.config import Settings
from core.datasets.base import Split
from core.datasets.catalogue import open_dataset
from core.datasets.getting import is_ready
from core.distill.arm import TEACHER
from core.evaluation import evaluate_run, propensity_of
from core.metrics.sets import best_f1
from core.models.catalogue import BASE
from core.rerank.base import Fate
from core.run_request import ids_of
from core.study import measures
from core.study.arms_compared import (
    Scores,
    Seeds,
    arms_of,
    by_arm,
    correct,
    correct_arms,
    interval_of,
    mean_of,
    paired,
)
from core.study.cell_files import cells_folder, read_results
from core.study.curves import CELL as CURVES
from core.study.figures import comparisons_of, rows_of
from core.study.likeness import Written, by_document, likeness
from core.study.made import learned_of, not_planned, of_students, sums_of
from core.study.presets import Preset
from core.study.simulatability import SIMULATOR, simulatability
from core.study.tested import Tests, runs_are_away, tests_of
from core.study.written import answers_in, written_in
from db.runs import RunRecord, answered_traces, run_records
from db.session import Store


def results(settings: Settings, store: Store, preset: Preset) -> dict[str, Any]:
    """Plain data. Raises InputError where nothing of the study was tested yet.

    p-values are corrected by Holm within a family: the headline's over datasets; those of other
    arms over arms and datasets; those of other measures over measures and datasets; and what the
    teacher must beat, over these, of each dataset.
    """
    tests = tests_of(settings, preset.name)
    cells = read_results(cells_folder(settings, preset.name))
    parts, absent = {}, []
    for dataset in preset.datasets:
        of_it = tests.get(dataset, {})
        here = {system: test for system, test in of_it.items() if is_here(store, test)}
        if of_it and (here.keys() < of_it.keys() or not is_ready(settings, dataset)):
            absent.append(dataset)
            here = {}
        rules = cells.get(f"baselines/{dataset}", {}) if here else {}
        parts[dataset] = of_dataset(settings, store, dataset, here, rules, preset.test_documents)
    if absent and not any(part["systems"] for part in parts.values()):
        raise runs_are_away(preset.name, absent)
    correct_arms(list(parts.values()), preset.arms)
    others = [part["other_measures"] for part in parts.values()]
    correct([other.get(name) for other in others for name in map(str, measures.COMPARED)])
    return {
        "preset": preset.name,
        "rows": rows_of(parts),
        "comparisons": comparisons_of(parts),
        "datasets": parts,
        "teacher": cells.get(TEACHER),
        "students": of_students(cells),
        "learned": learned_of(store, cells),
        "took": sums_of(store, cells),
        "curves": cells.get(CURVES),
        "absent": absent,
        "not_run": _not_run(preset, tests),
        "not_planned": not_planned(preset),
        "planned_seeds": len(preset.seeds),
    }


def is_here(store: Store, test: Mapping[str, Any]) -> bool:
    """Whether all traces of a test are in the store; they may be on their way. `test`: what its
    cell told."""
    with store.read() as session:
        return answered_traces(session, test["run"]) >= max(int(test.get("documents", 1)), 1)


def of_dataset(
    settings: Settings,
    store: Store,
    dataset: str,
    tests: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Any],
    count: int | None = None,
) -> dict[str, Any]:
    """Systems (with their seeds) on the test documents of one dataset. `tests`: what the cells of
    their tests told, by system; `rules`: what the baselines' cell told; `count`: so many documents
    alone, for a run may have gone on to more (None: all)."""
    records: dict[str, list[RunRecord]] = {}
    propensity = None
    if tests:
        opened = open_dataset(settings, dataset)
        propensity, among = propensity_of(opened), set(ids_of(opened, Split.TEST, count))
        for system, test in tests.items():
            with store.read() as session:
                every = list(run_records(session, test["run"]))
            records[system] = [one for one in every if one.gold and one.document_id in among]
    written = {system: written_in(store, some) for system, some in records.items()}
    alike = {
        system: by_document(written[TEACHER], some)
        for system, some in written.items()
        if TEACHER in written and system not in (BASE, TEACHER)
    }
    measured = measures.by_document(records, written, alike)
    f1 = measured[Measure.F1]
    precision, recall = measured[Measure.PRECISION], measured[Measure.RECALL]
    systems: dict[str, Any] = {}
    for system, some in records.items():
        systems[system] = {
            "run": tests[system]["run"],
            **evaluate_run(tests[system]["run"], some, propensity),
            "interval": interval_of(f1[system]),
            "precision": mean_of(precision[system])["mean"],
            "recall": mean_of(recall[system])["mean"],
            "answered_labels": float(np.mean([len(one.selected) for one in some])),
            "seconds_per_document": _seconds(tests[system]),
            "failed": tests[system].get("failed", 0),
            "ceiling": float(np.mean([ceiling(one) for one in some])),
            "mean_focus": _level(measured[measures.FOCUS][system]),
            "mean_confusion": _level(measured[measures.CONFUSION][system]),
            "simulatability": _simulatability(written[system]),
        }
        if system in alike:
            systems[system]["teacher_likeness"] = asdict(likeness(alike[system]))
    f1_of = by_arm(f1)
    return {
        "simulator": SIMULATOR,
        "systems": systems,
        **arms_of(f1_of),
        "measures": measures.over_arms(measured, records),
        "other_measures": measures.mechanistic_less_standard(measured),
        "baselines": of_baselines(rules),
        "teacher_less": teacher_less(f1_of, rules),
        "teacher_not_beside": [] if BASE in f1_of else [BASE],
    }


def ceiling(record: RunRecord) -> float:
    """The best example-based F1 that an answer among the labels that were shown can have."""
    shown = sum(Fate(fate) not in LOSSES["not shown"] for fate in record.fates)
    return best_f1(shown, len(set(record.gold)))


def _seconds(test: Mapping[str, Any]) -> float | None:
    """Wall seconds a document of the test's last part, 8 drafted side by side."""
    answered = test.get("answered", test.get("documents"))
    return test["seconds"] / answered if answered else None


def _level(values: Scores) -> dict[str, float] | None:
    """None without any."""
    return {**mean_of(values), "documents": len(values)} if values else None


def _simulatability(written: Mapping[str, Written]) -> dict[str, Any] | None:
    found = simulatability(answers_in(written))
    return None if found is None else asdict(found)


def of_baselines(found: Mapping[str, Any]) -> dict[str, Any]:
    """Each rule with its mean example-based F1 on test, and the number chosen on dev."""
    return {
        rule: {**{k: v for k, v in values.items() if k != "f1"}, **interval_of(values["f1"])}
        for rule, values in found.items()
    }


def teacher_less(f1_of: Mapping[str, Seeds], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The teacher less the untuned model and each rule, paired by document; p-values corrected by
    Holm over them. `f1_of`: by system."""
    if TEACHER not in f1_of:
        return {}
    (teacher,) = f1_of[TEACHER].values()
    others = {rule: values["f1"] for rule, values in rules.items()}
    if BASE in f1_of:
        (others[BASE],) = f1_of[BASE].values()
    found = {name: paired(teacher, other) for name, other in others.items()}
    missing = [None] if BASE not in f1_of else []  # it will be in the family: p is not to rise then
    correct([*found.values(), *missing])
    return found


def _not_run(preset: Preset, tests: Tests) -> list[str]:
    names = [BASE, TEACHER, *(f"{arm.value}-{seed}" for arm, seed in preset.students())]
    return sorted(
        f"test/{name}/{dataset}"
        for name in names
        for dataset in preset.datasets
        if name not in tests.get(dataset, {})
    )
