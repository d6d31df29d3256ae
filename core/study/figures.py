"""A study's figures as two flat lists, for `phaselens results --json`: one row a dataset, system
and metric, and one comparison a pair of systems. Systems are arms here, means over their seeds;
other names are the teacher, the untuned model (`base`) and the rules that a teacher must beat."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.comparison.measures import Measure
from core.distill.arm import TEACHER
from core.study.arms_compared import OURS, STANDARD, arm_of
from core.study.likeness import CONFUSION, FOCUS, SHORTLISTS, VERDICTS
from core.study.measures import CONFUSION as CONFUSION_LEVEL
from core.study.measures import FOCUS as FOCUS_LEVEL
from core.study.measures import MACRO, MICRO, TOKENS

METRICS = {
    Measure.F1.value: "example_f1", MICRO: "micro_f1", MACRO: "macro_f1",
    Measure.PRECISION.value: "precision", Measure.RECALL.value: "recall",
    Measure.WELL_FORMED.value: "well_formed", TOKENS: "tokens",
    FOCUS_LEVEL: "focus", CONFUSION_LEVEL: "confusion",
    SHORTLISTS: "shortlist_jaccard", VERDICTS: "verdict_agreement",
    FOCUS: "focus_distance", CONFUSION: "confusion_distance",
}  # fmt: skip
RULES = {
    "top": "cosine_top_n", "threshold": "cosine_threshold", "scorer": "base_scorer",
}  # fmt: skip
F1 = METRICS[Measure.F1.value]
ENDS = ("low", "high")

Part = Mapping[str, Any]


def rows_of(datasets: Mapping[str, Part]) -> list[dict[str, Any]]:
    """`mean` with its 95% interval over documents (`low`, `high`; None where there is none), over
    so many `seeds`, from `runs`. `datasets`: as core.study.results.results has them."""
    return [row for name, part in datasets.items() for row in _rows(name, part)]


def comparisons_of(datasets: Mapping[str, Part]) -> list[dict[str, Any]]:
    """`a` less `b`, paired by document and seed: `difference` with its 95% interval, `p` and
    `corrected_p` (Holm, in the families that `results` names)."""
    return [one for name, part in datasets.items() for one in _comparisons(name, part)]


def _rows(dataset: str, part: Part) -> Iterator[dict[str, Any]]:
    runs: dict[str, list[str]] = {}
    for system, one in part["systems"].items():
        runs.setdefault(arm_of(system)[0], []).append(one["run"])
    for measure, arms in part["measures"].items():
        for arm, found in sorted(arms.items()):
            values = {key: found[key] for key in ("mean", *ENDS, "seeds")}
            yield _row(dataset, arm, METRICS[measure]) | values | {"runs": runs[arm]}
    for rule, found in part["baselines"].items():
        values = {"mean": found["example_f1"], **{key: found[key] for key in ENDS}}
        yield _row(dataset, RULES[rule], F1) | values | {"seeds": 1, "runs": []}


def _row(dataset: str, system: str, metric: str) -> dict[str, Any]:
    return {"dataset": dataset, "system": system, "metric": metric}


def _comparisons(dataset: str, part: Part) -> Iterator[dict[str, Any]]:
    for arm, less in part["mechanistic_less"].items():
        yield _comparison(dataset, OURS, arm, F1, less)
    for measure, less in part["other_measures"].items():
        yield _comparison(dataset, OURS, STANDARD, METRICS[measure], less)
    for rule, less in part["teacher_less"].items():
        yield _comparison(dataset, TEACHER, RULES.get(rule, rule), F1, less)


def _comparison(dataset: str, a: str, b: str, metric: str, less: Part) -> dict[str, Any]:
    return {
        "dataset": dataset, "a": str(a), "b": str(b), "metric": metric,
        "difference": less["mean"], **{key: less[key] for key in ENDS},
        "p": less["p"], "corrected_p": less["p_holm"],
    }  # fmt: skip
