"""How decisions are scored, on cases worked by hand."""

import math

import numpy as np
import pytest

from core.distill.decisions import (
    MOST_MORE,
    Decided,
    Judged,
    auc,
    best_threshold,
    best_top,
    decided,
    keep_weight,
    kept_above,
    kept_top,
    mean_f1,
    mean_f1_of_top,
)


def judged(scores: list[float], right: list[int], gold: int) -> Judged:
    return Judged(np.array(scores), np.array(right, dtype=bool), gold)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    assert auc([judged([3, 1, 2], [1, 0, 0], 1)]) == 1.0
    assert auc([judged([1, 2, 3], [1, 0, 0], 1)]) == 0.0
    assert auc([judged([1, 1], [1, 0], 1)]) == 0.5
    # over documents together: 2 beats 1 and 0, 0.5 beats 0 alone
    pairs = [judged([2, 1], [1, 0], 1), judged([0.5, 0], [1, 0], 1)]
    assert auc(pairs) == 0.75
    assert math.isnan(auc([judged([1, 2], [0, 0], 0)]))


def test_f1_counts_gold_that_was_not_shown() -> None:
    one = judged([2, -1, 1], [1, 1, 0], 3)
    assert mean_f1([one], 0.0) == pytest.approx(2 * 1 / (2 + 3))
    assert mean_f1([one], -2.0) == pytest.approx(2 * 2 / (3 + 3))
    assert mean_f1([one], 5.0) == 0.0
    assert mean_f1_of_top([one], 1) == pytest.approx(2 / 4)
    assert mean_f1_of_top([one, judged([1], [0], 0)], 1) == pytest.approx((2 / 4 + 0) / 2)


def test_nothing_kept_is_right_where_nothing_was_to_be_found() -> None:
    assert mean_f1([judged([-1], [0], 0)], 0.0) == 1.0


def test_the_best_threshold_is_found_among_all() -> None:
    some = [judged([0.9, 0.8, 0.1], [1, 1, 0], 2), judged([0.7, 0.6], [0, 0], 0)]
    assert 0.7 < best_threshold(some) < 0.8
    assert best_threshold([judged([0.3, 0.2], [1, 1], 2)]) < 0.2


def test_right_labels_count_as_much_more_as_the_threshold_lies_below_the_middle() -> None:
    assert keep_weight(0.0) == 1.0
    assert keep_weight(-math.log(3)) == pytest.approx(3.0), "where one in four is worth an answer"
    assert keep_weight(2.0) == 1.0
    assert keep_weight(-50.0) == MOST_MORE


def test_the_best_number_of_labels_is_the_smallest_of_the_best() -> None:
    some = judged([3.0, 2.0, 1.0], [1, 1, 0], 2)
    assert best_top([some]) == 2
    assert list(kept_top(some, 2)) == [True, True, False]
    assert list(kept_above(some, 1.5)) == [True, True, False]
    assert best_top([judged([1.0, 2.0], [0, 0], 1)]) == 1


def test_the_likeliest_are_listed_and_those_above_the_cut_are_kept() -> None:
    scores = np.array([1.4, 0.0, 2.1, 1.4])
    assert decided(scores, 1.0, 3) == Decided(listed=(2, 0, 3), kept=3)
    assert decided(scores, 1.4, 3) == Decided(listed=(2, 0, 3), kept=1)
    assert decided(scores, -1.0, 2) == Decided(listed=(2, 0), kept=2), "what is kept is listed"
    assert decided(scores, 9.0, 9) == Decided(listed=(2, 0, 3, 1), kept=0)
