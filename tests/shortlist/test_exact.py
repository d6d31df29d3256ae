"""Exact search in blocks gives what sorting all cosines gives, ties and masks included."""

import numpy as np
import pytest

from core.shortlist import exact
from core.shortlist.exact import exact_ranks, exact_top, rank_of, ranks_of, top_rows


def units(count: int, dim: int, seed: int) -> np.ndarray:
    """Unit rows of few different values, so that cosines often tie exactly."""
    rows = np.random.default_rng(seed).integers(-1, 2, (count, dim)).astype(np.float32)
    rows[~rows.any(axis=1), 0] = 1
    return rows / np.float32(4)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("k", [1, 7, 60])
def test_blocks_find_what_sorting_finds(
    monkeypatch: pytest.MonkeyPatch, k: int, masked: bool
) -> None:
    monkeypatch.setattr(exact, "_SCORES_AT_ONCE", 300)
    monkeypatch.setattr(exact, "_QUERIES_AT_ONCE", 4)
    vectors, queries = units(500, 6, 1), units(11, 6, 2)
    mask = np.random.default_rng(3).random(500) < 0.5 if masked else None

    rows, scores = exact_top(vectors, queries, k, mask)

    for query, found, found_scores in zip(queries, rows, scores, strict=True):
        expected = vectors @ query
        if mask is not None:
            expected[~mask] = -np.inf
        best = np.lexsort((np.arange(500), -expected))[:k]
        np.testing.assert_array_equal(found, best)
        np.testing.assert_array_equal(found_scores, expected[best])


def test_fewer_rows_than_asked_for() -> None:
    mask = np.zeros(20, dtype=bool)
    mask[[3, 9]] = True

    rows, scores = exact_top(units(20, 6, 4), units(2, 6, 5), 10, mask)

    assert rows.shape == scores.shape == (2, 2)
    assert set(rows.ravel().tolist()) == {3, 9}
    none, _ = exact_top(units(20, 6, 4), units(2, 6, 5), 10, np.zeros(20, dtype=bool))
    assert none.shape == (2, 0)


@pytest.mark.parametrize("few", [0, 1000])
def test_many_ranks_are_those_of_one_at_a_time(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(exact, "_SORTED_AT_MOST", 100)
    monkeypatch.setattr(exact, "_FEW", few)
    scores = units(400, 6, 6) @ units(1, 6, 7)[0]
    rows = list(range(0, 400, 3))

    assert ranks_of(scores, rows) == [rank_of(scores, row) for row in rows]
    best = top_rows(scores, 50).tolist()
    assert ranks_of(scores, best) == list(range(1, 51))
    assert ranks_of(scores, []) == []


def test_ranks_of_given_rows_for_many_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_RANKED_AT_ONCE", 900)
    vectors, queries = units(300, 6, 8), units(7, 6, 9)
    mask = np.ones(300, dtype=bool)
    mask[5] = False

    ranks = exact_ranks(vectors, queries, [[0, 5, 9], *([[299]] * 6)], mask)

    scores = queries @ vectors.T
    scores[:, 5] = -np.inf
    assert ranks[0] == [rank_of(scores[0], 0), 0, rank_of(scores[0], 9)]
    assert [one for (one,) in ranks[1:]] == [rank_of(line, 299) for line in scores[1:]]
