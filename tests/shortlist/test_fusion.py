"""Reciprocal rank fusion, worked by hand."""

import numpy as np
import pytest

from core.shortlist.fusion import fuse, ranks_in


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_a_label_of_both_lists_comes_before_one_at_the_top_of_one() -> None:
    found, scores = fuse([rows(1, 7, 3), rows(5, 7)])
    assert found.tolist() == [7, 1, 5, 3]
    assert scores == pytest.approx([2 / 62, 1 / 61, 1 / 61, 1 / 63])


def test_of_equal_scores_the_first_list_decides_whatever_the_row_numbers() -> None:
    assert fuse([rows(9), rows(1)])[0].tolist() == [9, 1]
    assert fuse([rows(4, 8), rows(8, 4)])[0].tolist() == [4, 8]


def test_the_same_ranks_in_another_order_of_lists_give_the_same_scores() -> None:
    generator = np.random.default_rng(3)
    lists = [generator.permutation(50)[:30].astype(np.int64) for _ in range(3)]
    scores = {
        tuple(order): dict(
            zip(*(part.tolist() for part in fuse([lists[i] for i in order])), strict=True)
        )
        for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    }
    first, *others = scores.values()
    assert all(other == first for other in others)


@pytest.mark.parametrize("lists", [[], [rows()], [rows(), rows()]])
def test_nothing_found_gives_nothing(lists: list[np.ndarray]) -> None:
    assert fuse(lists)[0].tolist() == []


def test_one_list_keeps_its_order() -> None:
    assert fuse([rows(3, 1, 2), rows()])[0].tolist() == [3, 1, 2]


def test_a_row_that_a_list_lacks_has_no_rank_in_it() -> None:
    assert ranks_in(rows(5, 2), rows(2, 3, 5)).tolist() == [2, np.inf, 1]
    assert ranks_in(rows(), rows(1)).tolist() == [np.inf]
