"""What the tests of a study are measured by, document by document, and over an arm's seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.comparison.measures import Measure, score_of
from core.metrics.bootstrap import macro_ratio_interval
from core.metrics.sets import SetCounts
from core.study.arms_compared import (
    OURS,
    STANDARD,
    Scores,
    Seeds,
    arm_of,
    by_arm,
    less,
    mean_of,
    over_seeds,
)
from core.study.likeness import ALIKE, Alike, Written, scores
from db.runs import RunRecord

FOCUS, CONFUSION, TOKENS = "Focus", "Confusion", "Tokens"
MICRO, MACRO = "Micro F1", "Macro F1"
COMPARED = (Measure.PRECISION, Measure.RECALL, Measure.WELL_FORMED, *ALIKE)  # beside the headline
LEVELS = {FOCUS: "mean_focus", CONFUSION: "mean_confusion"}

Records = Mapping[str, Sequence[RunRecord]]  # by system
ByMeasure = dict[str, dict[str, Scores]]  # measure -> system -> document -> value


def by_document(
    records: Records,
    written: Mapping[str, Mapping[str, Written]],
    alike: Mapping[str, Mapping[str, Alike]],
) -> ByMeasure:
    """All that has a value at a document; one that has none there is left out of it."""
    found: ByMeasure = {
        measure.value: {
            system: {one.document_id: score_of(measure, one) for one in some}
            for system, some in records.items()
        }
        for measure in Measure
    }
    found[TOKENS] = {
        system: {one.document_id: float(one.tokens) for one in some}
        for system, some in records.items()
    }
    for measure, name in LEVELS.items():
        found[measure] = {system: _level(some, name) for system, some in written.items()}
    for system, pairs in alike.items():
        for measure, values in scores(pairs).items():
            found.setdefault(measure, {})[system] = values
    return found


def _level(written: Mapping[str, Written], name: str) -> Scores:
    """Of a curve: its mean over each trace that has it."""
    curves = ((document, one.trace.curves) for document, one in written.items())
    values = ((document, getattr(one, name)) for document, one in curves if one is not None)
    return {document: value for document, value in values if value is not None}


def over_arms(measured: ByMeasure, records: Records) -> dict[str, dict[str, Any]]:
    """measure -> arm -> its mean over seeds, with seeds and interval over documents."""
    found: dict[str, dict[str, Any]] = {}
    for measure, by_system in measured.items():
        arms = by_arm({system: some for system, some in by_system.items() if some})
        found[measure] = {
            arm: {**mean_of(over_seeds(seeds.values())), "seeds": len(seeds)}
            for arm, seeds in arms.items()
        }
    by_arms: dict[str, list[Sequence[RunRecord]]] = {}
    for system, some in records.items():
        by_arms.setdefault(arm_of(system)[0], []).append(some)
    found[MICRO] = {arm: micro_f1(seeds) for arm, seeds in by_arms.items()}
    found[MACRO] = {arm: macro_f1(seeds) for arm, seeds in by_arms.items()}
    return found


def micro_f1(seeds: Sequence[Sequence[RunRecord]]) -> dict[str, Any]:
    """Mean over seeds of F1 over the counts of all documents, with its interval over documents."""
    by_seed = [{one.document_id: one for one in some} for some in seeds]
    documents = sorted(set.intersection(*(set(some) for some in by_seed)))
    found = [[set(some[d].selected) for some in by_seed] for d in documents]
    gold = [[set(some[d].gold) for some in by_seed] for d in documents]
    rows = list(zip(found, gold, strict=True))
    hits = np.array([[2.0 * len(a & b) for a, b in zip(*row, strict=True)] for row in rows])
    sizes = np.array([[float(len(a) + len(b)) for a, b in zip(*row, strict=True)] for row in rows])
    interval = macro_ratio_interval(hits, sizes)
    mean, low, high = (float(x[0]) for x in (interval.value, interval.low, interval.high))
    return {"mean": mean, "low": low, "high": high, "seeds": len(seeds)}


def macro_f1(seeds: Sequence[Sequence[RunRecord]]) -> dict[str, Any]:
    """Mean over seeds; without an interval: a draw of documents is one of labels too."""
    values = []
    for some in seeds:
        counts = SetCounts()
        for one in some:
            counts.add(set(one.selected), set(one.gold))
        values.append(counts.macro_f1)
    return {"mean": float(np.mean(values)), "low": None, "high": None, "seeds": len(seeds)}


def mechanistic_less_standard(measured: ByMeasure) -> dict[str, Any]:
    """In what answers are scored by beside F1, and in how alike traces are to the teacher's."""
    found = {}
    for measure in COMPARED:
        arms: dict[str, Seeds] = by_arm(measured.get(measure, {}))
        if OURS in arms and STANDARD in arms:
            found[str(measure)] = less(arms[OURS], arms[STANDARD])
    return {measure: one for measure, one in found.items() if one is not None}
