"""All metrics of a run."""

import json
import math

import pytest

from core.metrics.propensity import Propensities
from core.metrics.ranking import Scored, evaluate


def test_means_over_documents_and_ratio_of_sums() -> None:
    propensity = {"a": 0.5, "b": 0.1}  # weights 2 and 10
    metrics = evaluate(
        [
            Scored("1", ("a", "b"), ("a",), ("a",)),
            Scored("2", ("a", "b"), ("a",), ("b",)),
        ],
        propensity,
    )

    assert metrics.documents == 2
    assert metrics.p == pytest.approx({"1": 0.5, "3": 1 / 3, "5": 0.2, "10": 0.1})
    assert metrics.r == pytest.approx({"1": 0.5, "3": 1, "5": 1, "10": 1})
    assert metrics.ndcg["3"] == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert metrics.psp == pytest.approx({"1": 2 / 12, "3": 1, "5": 1, "10": 1})
    assert metrics.psndcg is not None
    assert metrics.psndcg["3"] == pytest.approx((2 + 10 / math.log2(3)) / 12)
    assert metrics.micro_f1 == pytest.approx(0.5)
    assert metrics.example_f1 == pytest.approx(0.5)
    json.dumps(metrics.to_json())


def test_a_perfect_run_scores_one_where_one_is_possible() -> None:
    metrics = evaluate(
        [Scored("1", ("b", "c", "a"), ("a", "b", "c"), ("a", "b", "c"))],  # a is the common one
        Propensities({"a": 5}, 100),
    )

    for values in (metrics.ndcg, metrics.psp, metrics.psndcg):
        assert values == pytest.approx(dict.fromkeys(("1", "3", "5", "10"), 1.0))
    assert (metrics.micro_f1, metrics.macro_f1, metrics.example_f1) == (1, 1, 1)


def test_documents_without_gold_are_left_out() -> None:
    with_gold = Scored("1", ("a",), ("a",), ("a",))
    without = Scored("2", ("a",), ("a",), ())

    assert evaluate([with_gold, without], None) == evaluate([with_gold], None)


def test_a_label_ranked_twice_counts_once() -> None:
    metrics = evaluate([Scored("1", ("a", "a", "b"), (), ("a", "b"))], None)

    assert metrics.p["3"] == pytest.approx(2 / 3)


def test_no_documents_give_zero_and_no_propensities_give_none() -> None:
    metrics = evaluate([], None)

    assert metrics.documents == 0
    assert metrics.p == dict.fromkeys(("1", "3", "5", "10"), 0.0)
    assert metrics.psp is None
