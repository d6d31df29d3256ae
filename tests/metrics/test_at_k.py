"""Ranking metrics against numbers worked out by hand."""

import math

import pytest

from core.errors import InputError
from core.metrics.at_k import (
    ndcg_at,
    precision_at,
    psndcg_parts,
    psp_parts,
    recall_at,
)

RANKING = ("a", "x", "b", "y", "z")
GOLD = frozenset({"a", "b", "c"})


def test_precision_counts_hits_among_the_first_k() -> None:
    assert precision_at(RANKING, GOLD, 1) == 1
    assert precision_at(RANKING, GOLD, 3) == pytest.approx(2 / 3)
    assert precision_at(RANKING, GOLD, 10) == pytest.approx(0.2)  # missing places are wrong


def test_recall_counts_gold_labels_found() -> None:
    assert recall_at(RANKING, GOLD, 1) == pytest.approx(1 / 3)
    assert recall_at(RANKING, GOLD, 5) == pytest.approx(2 / 3)


def test_ndcg_discounts_by_rank() -> None:
    # hits at ranks 1 and 3: 1/log2(2) + 1/log2(4) = 1.5; best: 1 + 1/log2(3) + 1/2
    assert ndcg_at(RANKING, GOLD, 3) == pytest.approx(1.5 / (1.5 + 1 / math.log2(3)))
    assert ndcg_at(("a", "b", "c"), GOLD, 3) == pytest.approx(1)
    # with fewer gold labels than places, the best has as many hits as gold labels
    assert ndcg_at(("a",), frozenset({"a"}), 10) == pytest.approx(1)


def test_no_gold_gives_zero() -> None:
    assert recall_at(RANKING, frozenset(), 3) == 0
    assert ndcg_at(RANKING, frozenset(), 3) == 0


def test_weighted_precision_prefers_rare_labels() -> None:
    propensity = {"a": 0.5, "b": 0.25, "c": 0.1}  # weights 2, 4, 10
    assert psp_parts(RANKING, GOLD, propensity, 1) == pytest.approx((2, 10))
    assert psp_parts(RANKING, GOLD, propensity, 3) == pytest.approx((6, 16))


def test_weighted_ndcg_discounts_weights() -> None:
    propensity = {"a": 0.5, "b": 0.25, "c": 0.1}
    got, best = psndcg_parts(RANKING, GOLD, propensity, 3)
    unweighted = 1 + 1 / math.log2(3) + 1 / 2  # three gold labels in the first three places
    assert got == pytest.approx((2 + 4 / 2) / unweighted)
    assert best == pytest.approx((10 + 4 / math.log2(3) + 2 / 2) / unweighted)


def test_a_document_with_one_gold_label_weighs_as_much_as_one_with_three() -> None:
    one = psndcg_parts(("a",), frozenset("a"), {"a": 0.5}, 3)
    three = psndcg_parts(("a", "b", "c"), GOLD, dict.fromkeys("abc", 0.5), 3)
    assert one == pytest.approx((2, 2))
    assert three == pytest.approx((2, 2))
    assert psndcg_parts(RANKING, frozenset(), {}, 3) == (0, 0)


def test_a_label_ranked_twice_counts_at_its_first_place_only() -> None:
    twice = ("x", "a", "a", "a", "b")
    assert precision_at(twice, GOLD, 3) == pytest.approx(2 / 3)  # x, a, b
    assert recall_at(("a", "a", "a", "a"), GOLD, 4) == pytest.approx(1 / 3)
    assert ndcg_at(("a", "a"), frozenset("a"), 2) == pytest.approx(1)


@pytest.mark.parametrize("k", [0, -1])
def test_a_cut_below_one_is_refused(k: int) -> None:
    with pytest.raises(InputError):
        precision_at(RANKING, GOLD, k)
