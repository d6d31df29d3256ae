"""What a study's systems are measured by, by worked examples."""

import pytest

from core.rerank.base import Bucket
from core.study import measures
from core.study.figures import METRICS, comparisons_of, rows_of
from core.study.measures import by_document, macro_f1, micro_f1, over_arms
from db.runs import RunRecord

GOLD = {"a": "x", "b": "y", "c": "z"}


def answered(**selected: str) -> list[RunRecord]:
    """Documents with one gold label each, and what was answered, a letter a label."""
    return [
        RunRecord(
            f"t-{name}", name, None, tuple(answer), (), tuple(answer), (GOLD[name],), (),
            Bucket.OK, 10, 1.0,
        )
        for name, answer in selected.items()
    ]  # fmt: skip


def test_micro_f1_is_over_all_labels_and_a_mean_over_seeds() -> None:
    first, second = answered(a="x", b="xy", c=""), answered(a="x", b="y", c="z")
    one = micro_f1([first])
    assert one["mean"] == pytest.approx(2 * 2 / (3 + 3)), "two hits, three answered, three gold"
    both = micro_f1([first, second])
    assert both["mean"] == pytest.approx((2 / 3 + 1) / 2)
    assert both["low"] <= both["mean"] <= both["high"]
    assert (one["seeds"], both["seeds"]) == (1, 2)


def test_macro_f1_counts_each_label_once_and_has_no_interval() -> None:
    found = macro_f1([answered(a="x", b="xy", c="")])
    assert found["mean"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert (found["low"], found["high"]) == (None, None)


def test_figures_are_rows_of_arms_with_all_their_runs() -> None:
    records = {
        "standard-0": answered(a="x", b="y", c=""),
        "standard-1": answered(a="x", b="", c=""),
    }
    part = {
        "systems": {name: {"run": f"run of {name}"} for name in records},
        "measures": over_arms(by_document(records, {}, {}), records),
        "baselines": {"top": {"n": 1, "example_f1": 0.5, "low": 0.4, "high": 0.6}},
        "mechanistic_less": {}, "other_measures": {}, "teacher_less": {},
    }  # fmt: skip
    rows = {(one["system"], one["metric"]): one for one in rows_of({"icd": part})}
    told = rows["standard", "example_f1"]
    assert told["mean"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert told["runs"] == ["run of standard-0", "run of standard-1"]
    assert (told["dataset"], told["seeds"]) == ("icd", 2)
    assert rows["standard", "tokens"]["mean"] == 10
    assert rows["cosine_top_n", "example_f1"]["mean"] == 0.5
    assert not [row for row in rows.values() if row["metric"] == "focus"], "no curves, no figure"


def test_comparisons_name_both_sides_the_metric_and_the_corrected_p() -> None:
    less = {"mean": 0.1, "low": 0.05, "high": 0.15, "p": 0.01, "p_holm": 0.03}
    part = {
        "mechanistic_less": {"margin": less},
        "other_measures": {"Precision": less},
        "teacher_less": {"threshold": less, "base": less},
    }
    found = comparisons_of({"icd": part})
    assert [(one["a"], one["b"], one["metric"]) for one in found] == [
        ("mechanistic", "margin", "example_f1"), ("mechanistic", "standard", "precision"),
        ("teacher", "cosine_threshold", "example_f1"), ("teacher", "base", "example_f1"),
    ]  # fmt: skip
    assert found[0] == {
        "dataset": "icd", "a": "mechanistic", "b": "margin", "metric": "example_f1",
        "difference": 0.1, "low": 0.05, "high": 0.15, "p": 0.01, "corrected_p": 0.03,
    }  # fmt: skip


def test_every_compared_measure_is_known_by_one_name() -> None:
    assert {str(one) for one in measures.COMPARED} <= METRICS.keys()
    assert len(set(METRICS.values())) == len(METRICS)
