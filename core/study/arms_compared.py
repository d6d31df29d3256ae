"""Arms of a study against each other, over documents and over seeds.

Two arms are compared by the seeds that both have, each seed with its own: a mean over three
trainings is not set against one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from core.comparison.measures import Measure, score_of
from core.config import Settings
from core.datasets.base import Split
from core.datasets.catalogue import open_dataset
from core.distill.arm import HEADLINE, Arm
from core.metrics.bootstrap import mean_interval
from core.metrics.paired import difference, holm
from core.metrics.seeds import over_seeds_interval
from core.run_request import ids_of
from core.study.asked import asked_for
from core.study.cell_files import cells_folder, read_results, tests_in
from core.study.sizes import ARMS
from db.runs import run_records
from db.session import Store

Scores = dict[str, float]  # of documents, by id
Seeds = dict[int, Scores]
STANDARD, OURS = HEADLINE
COMPARED = tuple(arm.value for arm in Arm if arm is not Arm.MECHANISTIC)
TUNED_SEED = 0  # the better of two trainings on dev, where the others are one each
NO_SEED = 0  # of a system that is no arm of the study, such as the teacher


def arm_of(system: str) -> tuple[str, int]:
    """ "mechanistic-2" is the arm mechanistic with seed 2."""
    arm, _, seed = system.rpartition("-")
    return (arm, int(seed)) if arm and seed.isdigit() else (system, NO_SEED)


def by_arm(scores: Mapping[str, Scores]) -> dict[str, Seeds]:
    """`scores`: by system."""
    found: dict[str, Seeds] = {}
    for system, some in scores.items():
        arm, seed = arm_of(system)
        found.setdefault(arm, {})[seed] = some
    return found


def over_seeds(scores: Iterable[Scores]) -> Scores:
    """Means over seeds of the documents that all of them answered."""
    every = list(scores)
    both = set.intersection(*(set(one) for one in every))
    return {d: float(np.mean([one[d] for one in every])) for d in sorted(both)}


def summary(seeds: Seeds) -> dict[str, Any]:
    """The mean of an arm, by seed, and how far documents and seeds may move it."""
    each = [_mean(seeds[seed]) for seed in sorted(seeds)]
    return {
        "seeds": len(seeds),
        "by_seed": each,
        "between_seeds": _between(each),
        **interval_of(over_seeds(seeds.values())),
    }


def less(one: Seeds, other: Seeds) -> dict[str, Any] | None:
    """`one` less `other`, paired by document and by seed: mean, interval and p over documents of
    the mean over seeds, and the interval over seeds. None where they share no seed or document."""
    shared = sorted(one.keys() & other.keys())
    if not shared:
        return None
    pairs = [(one[seed], other[seed], sorted(one[seed].keys() & other[seed].keys()))
             for seed in shared]  # fmt: skip
    if not all(documents for *_, documents in pairs):
        return None
    found = paired(*(over_seeds(arm[seed] for seed in shared) for arm in (one, other)))
    each = [float(np.mean([a[d] - b[d] for d in documents])) for a, b, documents in pairs]
    return {**found, "seeds": len(shared), "between_seeds": _between(each)}


def paired(one: Scores, other: Scores) -> dict[str, Any]:
    """A paired difference over the documents that both have. Raises ValueError without any."""
    both = sorted(one.keys() & other.keys())
    return asdict(difference([one[d] for d in both], [other[d] for d in both]))


def interval_of(scores: Scores) -> dict[str, float]:
    """Mean example-based F1 with its 95% bootstrap interval over documents."""
    found = mean_of(scores)
    return {"example_f1": found["mean"], "low": found["low"], "high": found["high"]}


def mean_of(scores: Scores) -> dict[str, float]:
    """The mean with its 95% bootstrap interval over documents; nan without any."""
    if not scores:
        return dict.fromkeys(("mean", "low", "high"), float("nan"))
    found = mean_interval(np.array([[scores[d]] for d in sorted(scores)]))
    values = (found.value, found.low, found.high)
    return dict(zip(("mean", "low", "high"), (float(one[0]) for one in values), strict=True))


def _between(each: Sequence[float]) -> dict[str, Any] | None:
    return asdict(over_seeds_interval(each)) if len(each) > 1 else None


def _mean(scores: Scores) -> float:
    return float(np.mean(list(scores.values()))) if scores else float("nan")


def arms_over_seeds(settings: Settings, store: Store, study: str) -> dict[str, Any]:
    """By dataset, the headline and its controls alone: `over_seeds` and `mechanistic_less` as
    `results` has them, for a study by name. Empty where nothing of it was tested."""
    cells = read_results(cells_folder(settings, study))
    found: dict[str, dict[str, Scores]] = {}
    for system, dataset, test in tests_in(cells):
        with store.read() as session:
            records = [one for one in run_records(session, test["run"]) if one.gold]
        if len(records) > test.get("documents", len(records)):  # the run has gone on to others
            among = _tested(settings, dataset, test)
            records = [one for one in records if one.document_id in among]
        scores = {one.document_id: score_of(Measure.F1, one) for one in records}
        every = found.setdefault(dataset, {})
        if scores:
            every[system] = scores
    parts = {dataset: arms_of(by_arm(scores)) for dataset, scores in found.items()}
    asked = asked_for(settings, study)
    correct_arms(list(parts.values()), ARMS.get(asked.preset if asked else study, ()))
    return parts


def _tested(settings: Settings, dataset: str, test: Mapping[str, Any]) -> set[str]:
    """The documents that a test was over. `test`: what its cell told."""
    count = int(test["documents"]) + int(test.get("failed", 0))
    return set(ids_of(open_dataset(settings, dataset), Split.TEST, count))


def arms_of(f1_of: Mapping[str, Seeds]) -> dict[str, Any]:
    """`untuned`: the headline over the seeds that no choice was made by, or None."""
    pairs = {arm: less(f1_of[OURS], f1_of[arm])
             for arm in COMPARED if OURS in f1_of and arm in f1_of}  # fmt: skip
    further = [
        {seed: scores for seed, scores in f1_of.get(arm, {}).items() if seed != TUNED_SEED}
        for arm in reversed(HEADLINE)
    ]
    return {
        "over_seeds": {arm: summary(seeds) for arm, seeds in f1_of.items()},
        "mechanistic_less": {arm: one for arm, one in pairs.items() if one is not None},
        "untuned": less(*further),
    }


def correct_arms(parts: list[dict[str, Any]], planned: Collection[str]) -> None:
    """A dataset of the study whose runs are not here, and an arm of `planned` that was not tested
    yet, count as ones that tell nothing (p = 1), so that a corrected p is never below what it is
    where all are here."""
    tested = {arm for part in parts for arm in part["mechanistic_less"]}
    arms = (tested | {*planned}) - {*HEADLINE}
    correct([part["mechanistic_less"].get(STANDARD) for part in parts])
    correct([part["mechanistic_less"].get(arm) for part in parts for arm in sorted(arms)])


def correct(differences: list[dict[str, Any] | None]) -> None:
    """Adds `p_holm` to a family of differences; None: not made, which tells nothing (p = 1)."""
    family = {str(at): one for at, one in enumerate(differences)}
    p_values = {at: 1.0 if one is None else one["p"] for at, one in family.items()}
    for at, p in holm(p_values).items():
        one = family[at]
        if one is not None:
            one["p_holm"] = p
