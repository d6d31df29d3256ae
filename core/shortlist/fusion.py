"""Reciprocal rank fusion: one list out of several (Cormack, Clarke and Büttcher, SIGIR 2009).

A label's score is the sum of 1 / (60 + its rank) over the lists that have it. It needs no scores
that can be compared, only ranks; 60 is the paper's constant.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

CONSTANT = 60
DEPTH = 100  # rows taken of each list, or k where that is more


def fuse(lists: Sequence[Rows]) -> tuple[Rows, Scores]:
    """The rows of all lists (each best first, without repeats), best first, and their scores.

    Of equal scores the row that stands higher in the first list comes first, then in the second,
    and so on; so the order is the same on every machine.
    """
    rows = np.unique(np.concatenate(lists)) if lists else np.empty(0, np.int64)
    return fuse_ranks(rows, [ranks_in(found, rows) for found in lists])


def fuse_ranks(
    rows: Rows, ranks_of_lists: Sequence[npt.NDArray[np.float64]]
) -> tuple[Rows, Scores]:
    """As `fuse`, from the rank of each of `rows` in each list, infinite where the list lacks it.
    Rows may share a rank."""
    ranks = np.stack(ranks_of_lists) if ranks_of_lists else np.empty((0, 0))
    # Added in the order of rank, not of list: the sum of two floats must not depend on which
    # list is first.
    scores = (1.0 / (CONSTANT + np.sort(ranks, axis=0))).sum(axis=0)
    order = np.lexsort((rows, *ranks[::-1], -scores))
    return rows[order], scores[order]


def ranks_in(found: Rows, rows: Rows) -> npt.NDArray[np.float64]:
    """The rank from 1 of each of `rows` in a list; infinite where the list lacks it."""
    ranks = np.full(len(rows), np.inf)
    if len(found):
        order = np.argsort(found)
        at = np.minimum(np.searchsorted(found, rows, sorter=order), len(found) - 1)
        known = found[order[at]] == rows
        ranks[known] = order[at[known]] + 1
    return ranks
