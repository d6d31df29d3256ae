"""How decisions are scored, on cases worked by hand."""

import math

import numpy as np
import pytest

from core.distill.decisions import (
    Cuts,
    Decided,
    Judged,
    auc,
    best_threshold,
    best_top,
    cuts_of,
    decided,
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


def test_the_best_number_of_labels_is_the_smallest_of_the_best() -> None:
    some = judged([3.0, 2.0, 1.0], [1, 1, 0], 2)
    assert best_top([some]) == 2
    assert list(kept_top(some, 2)) == [True, True, False]
    assert list(kept_above(some, 1.5)) == [True, True, False]
    assert best_top([judged([1.0, 2.0], [0, 0], 1)]) == 1


def test_labels_are_listed_and_kept_above_their_cuts() -> None:
    scores = np.array([1.4, 0.0, 2.1, 1.4])
    assert decided(scores, Cuts(0.5, 2.0)) == Decided(listed=(0, 2, 3), kept=(2,))
    assert decided(scores, Cuts(1.4, 1.4)) == Decided(listed=(2,), kept=(2,))
    assert decided(scores, Cuts(9.0, 9.0)) == Decided(listed=(2,), kept=()), "one in any case"
    assert decided(np.zeros(3), Cuts(9.0, 9.0)) == Decided(listed=(0,), kept=())


def test_cuts_list_so_many_in_the_mean_and_all_that_are_kept() -> None:
    some = [judged([4.0, 3.0, 2.0, 1.0], [1, 0, 0, 0], 1), judged([0.4, 0.3, 0.2, 0.1], [0] * 4, 1)]
    cuts = cuts_of(some, 1.5)
    listed = [decided(one.scores, cuts).listed for one in some]
    assert listed == [(0, 1, 2), (0,)], "three of eight, and one in any case"
    assert 3.0 < cuts.kept < 4.0
    every = [judged([4.0, 3.0], [1, 1], 2)]
    assert cuts_of(every, 1.0).listed == cuts_of(every, 1.0).kept < 3.0, "what is kept is listed"
    assert decided(every[0].scores, cuts_of(every, 9.0)).listed == (0, 1)
