"""Texts as 8-byte hashes: which were seen, and where a label is, in 8 bytes a text.

Two of n different texts share a hash with a probability of about n^2 / 2^65: less than one in
a million for 5 million texts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pandas.util import hash_array

Hashes = NDArray[np.uint64]


def hashes_of(texts: Sequence[str]) -> Hashes:
    """(n,) uint64: the SipHash of each text."""
    values = np.empty(len(texts), dtype=object)
    values[:] = texts
    if not len(values):
        return np.empty(0, dtype=np.uint64)
    return hash_array(values, categorize=False)


class Seen:
    """Which hashes were met before.

    Sorted runs that are merged when they are of like size, so that n hashes take 8 n bytes (16 n
    while two are merged) and a look-up a few binary searches.
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def add(self, hashes: Hashes) -> NDArray[np.bool_]:
        """(n,): whether each was met before, in an earlier call or further left in this one."""
        _, first = np.unique(hashes, return_index=True)
        again = np.ones(len(hashes), dtype=bool)
        again[first] = False
        for run in self._runs:
            again |= _in(run, hashes)
        self._push(np.sort(hashes[~again]))
        return again

    def _push(self, run: Hashes) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")  # merges two sorted runs
        if len(run):
            self._runs.append(run)


class Rows:
    """Rows of texts by their hashes: the inverse of a column, in 12 bytes a text."""

    def __init__(self, hashes: Hashes) -> None:
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._sorted = hashes[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def of(self, hashes: Hashes) -> NDArray[np.int32]:
        """(n,): the row of each, -1 where there is none."""
        if not len(self._sorted):
            return np.full(len(hashes), -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(self._sorted, hashes), len(self._sorted) - 1)
        return np.where(self._sorted[at] == hashes, self._order[at], -1).astype(np.int32)


def _in(run: Hashes, hashes: Hashes) -> NDArray[np.bool_]:
    at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
    found: NDArray[np.bool_] = run[at] == hashes
    return found
