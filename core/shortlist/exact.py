"""Exact search: cosines of every label, the k best, and ranks; of equal cosines the lower row
comes first.

A scan of all labels is bound by memory, not by arithmetic: one query reads the whole file of
vectors once, and so does a block of hundreds of queries. So many queries are asked together.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROWS_AT_ONCE = 65_536
_QUERIES_AT_ONCE = 256
_SCORES_AT_ONCE = 1 << 23  # 32 MB of cosines
_RANKED_AT_ONCE = 1 << 25  # 128 MB
_SORTED_AT_MOST, _FEW = 32_768, 32


def cosines(vectors: Vectors, queries: Vectors) -> Vectors:
    """Cosines in [-1, 1], `(labels, queries)`, of unit rows; reads the file in pieces."""
    out = np.empty((len(vectors), len(queries)), dtype=np.float32)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        np.matmul(
            vectors[start : start + ROWS_AT_ONCE],
            queries.T,
            out=out[start : start + ROWS_AT_ONCE],
        )
    return out


def cosines_of(vectors: Vectors, query: Vectors) -> Vectors:
    """Cosines of all rows to one unit vector `(dim,)`, `(labels,)`."""
    out = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        piece = vectors[start : start + ROWS_AT_ONCE]
        np.matmul(piece, query, out=out[start : start + ROWS_AT_ONCE])
    return out


def top_rows(scores: Vectors, k: int) -> Rows:
    """The k rows of highest score, best first; of equal scores the lower row comes first."""
    k = min(k, len(scores))
    if k < 1:
        return np.empty(0, dtype=np.int64)
    threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
    rows = np.flatnonzero(scores >= threshold)
    return rows[np.lexsort((rows, -scores[rows]))][:k]


def exact_top(
    vectors: Vectors, queries: Vectors, k: int, mask: Mask | None = None
) -> tuple[Rows, Vectors]:
    """The k nearest rows of each query and their cosines, `(queries, k)` each, best first.

    `mask` `(labels,)` says which rows count (default: all); k becomes their number where that is
    smaller. Uses the file of vectors once for every 256 queries.
    """
    allowed = len(vectors) if mask is None else int(mask.sum())
    k = max(0, min(k, allowed))
    rows = np.empty((len(queries), k), dtype=np.int64)
    best = np.empty((len(queries), k), dtype=np.float32)
    for start in range(0, len(queries) if k else 0, _QUERIES_AT_ONCE):
        part = slice(start, start + _QUERIES_AT_ONCE)
        rows[part], best[part] = _top_of_block(vectors, queries[part], k, mask)
    return rows, best


def _top_of_block(
    vectors: Vectors, queries: Vectors, k: int, mask: Mask | None
) -> tuple[Rows, Vectors]:
    """As `exact_top`. After the first piece of rows only those above the k-th best so far are
    looked at, which are few."""
    step = max(2 * k, _SCORES_AT_ONCE // len(queries))
    kept: list[tuple[Rows, Vectors]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(
        queries
    )
    least = np.full(len(queries), -np.inf, dtype=np.float32)
    for start in range(0, len(vectors), step):
        scores = queries @ vectors[start : start + step].T  # (queries, rows of this piece)
        if mask is not None:
            scores[:, ~mask[start : start + step]] = -np.inf
        # A row that only equals the k-th best comes after it: the rows before are lower.
        better = scores > least[:, None]
        for at in np.flatnonzero(better.any(axis=1)).tolist():
            new = np.flatnonzero(better[at])
            if len(new) > 4 * k:
                new = top_rows(scores[at], k)
            all_rows = np.concatenate([kept[at][0], new + start])
            all_scores = np.concatenate([kept[at][1], scores[at, new]])
            order = np.lexsort((all_rows, -all_scores))[:k]
            kept[at] = all_rows[order], all_scores[order]
            if len(order) == k:
                least[at] = kept[at][1][-1]
    return np.stack([pair[0] for pair in kept]), np.stack([pair[1] for pair in kept])


def rank_of(scores: Vectors, row: int) -> int:
    """The rank of a row, from 1, in the order of `top_rows`."""
    score = scores[row]
    better = np.count_nonzero(scores > score)
    return int(better + np.count_nonzero(scores[:row] == score)) + 1


def ranks_of(scores: Vectors, rows: Sequence[int]) -> list[int]:
    """As `rank_of`, of several rows at once: sorts only the scores that can matter, or counts
    row by row where these are too many to sort."""
    if len(rows) == 0:
        return []
    asked = np.asarray(rows, dtype=np.int64)
    can_matter = scores >= scores[asked].min()
    if len(asked) < _FEW and np.count_nonzero(can_matter) > _SORTED_AT_MOST:
        return [rank_of(scores, row) for row in asked.tolist()]
    high = np.sort(scores[can_matter])
    below = np.searchsorted(high, scores[asked], "left")
    up_to = np.searchsorted(high, scores[asked], "right")
    ranks = len(high) - up_to + 1
    for at in np.flatnonzero(up_to - below > 1).tolist():  # ties: the lower row comes first
        row = int(asked[at])
        ranks[at] += np.count_nonzero(scores[:row] == scores[row])
    return [int(rank) for rank in ranks]


def exact_ranks(
    vectors: Vectors,
    queries: Vectors,
    rows_of: Sequence[Sequence[int]],
    mask: Mask | None = None,
) -> list[list[int]]:
    """The exact rank, from 1, of given rows for each query; 0 for a row that `mask` leaves out."""
    ranks: list[list[int]] = []
    step = max(1, _RANKED_AT_ONCE // max(1, len(vectors)))
    for start in range(0, len(queries), step):
        scores = scores_of(vectors, queries[start : start + step], mask)
        for at, line in enumerate(scores):
            asked = rows_of[start + at]
            known = [row for row in asked if mask is None or mask[row]]
            rank = dict(zip(known, ranks_of(line, known), strict=True))
            ranks.append([rank.get(row, 0) for row in asked])
    return ranks


def scores_of(vectors: Vectors, queries: Vectors, mask: Mask | None = None) -> Vectors:
    """Cosines `(queries, labels)`, a contiguous line for each query; -inf where not in `mask`."""
    out = np.empty((len(queries), len(vectors)), dtype=np.float32)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        out[:, part] = queries @ vectors[part].T
    if mask is not None:
        out[:, ~mask] = -np.inf
    return out


def clipped(cosine: float | np.floating[Any]) -> float:
    """A cosine without the rounding that can put it a hair outside [-1, 1]."""
    return float(min(1.0, max(-1.0, cosine)))
