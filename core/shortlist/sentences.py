"""Sentence-wise queries: a long text asks with each of its sentences, and with all of it.

One vector for an abstract is an average in which a topic of one sentence is lost. So a label's
score is its best cosine to a sentence plus half its cosine to the whole text, in [-1.5, 1.5];
for a text of one sentence, the cosine. What any of the queries finds is scored, whether HNSW or
exact search finds it; so the two differ only in what HNSW loses.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core.shortlist.exact import cosines_of, ranks_of, scores_of
from core.shortlist.index import LabelIndex

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

MOST_PARTS = 32  # of a text with more sentences, neighbours are put together
WHOLE = 0.5  # the weight of the whole text beside its best sentence
_END = re.compile(r"(?<=[.!?])\s+|\n+")
FEWEST_WORDS = 3  # of a sentence
_ROWS_AT_ONCE = 16_384


def sentences(text: str) -> list[str]:
    """The sentences of a text, at most 32 pieces of like length; [] when it has only one."""
    found: list[str] = []
    for piece in filter(None, (part.strip() for part in _END.split(text))):
        if found and len(piece.split()) < FEWEST_WORDS:  # "et al.", a number: no sentence
            found[-1] += f" {piece}"
        else:
            found.append(piece)
    if len(found) > MOST_PARTS:
        ends = np.linspace(0, len(found), MOST_PARTS + 1).astype(int)
        found = [" ".join(found[a:b]) for a, b in itertools.pairwise(ends)]
    return found if len(found) > 1 else []


@dataclass(frozen=True)
class DenseQuery:
    """What the vectors of an index are asked: the whole text `(dim,)` and its sentences
    `(m, dim)`, m >= 0."""

    index: LabelIndex
    whole: Vectors
    parts: Vectors
    _exact: dict[int, Rows] = field(default_factory=dict, compare=False, repr=False)

    @property
    def queries(self) -> Vectors:
        return np.concatenate([self.whole[None, :], self.parts])

    def combined(self, cosines: Vectors) -> Vectors:
        """Scores `(n,)` of n labels from their cosines `(1 + m, n)` to `queries`."""
        if not len(self.parts):
            alone: Vectors = cosines[0]
            return alone
        best: Vectors = cosines[1:].max(axis=0) + np.float32(WHOLE) * cosines[0]
        return best

    @cached_property
    def scan(self) -> Vectors:
        """The score of every label `(labels,)`; -inf where a label is not encoded yet."""
        vectors, mask = self.index.encoded
        if not len(self.parts):  # as the index itself does it: ranks agree to the last digit
            scores = cosines_of(vectors, self.whole)
            if mask is not None:
                scores[~mask] = -np.inf
            return scores
        return self.combined(scores_of(vectors, self.queries, mask))

    def scores_of(self, rows: Rows) -> Vectors:
        """The scores of some labels, in the order given; -inf where not encoded yet."""
        vectors, mask = self.index.encoded
        scores = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            scores[part] = self.combined(self.queries @ vectors[rows[part]].T)
        if mask is not None:
            scores[~mask[rows]] = -np.inf
        return scores

    def rows(self, k: int, ef: int | None, exact: bool, without: Rows) -> tuple[Rows, Vectors]:
        """The k best rows and their scores, best first; rows in `without` are never given.

        `ef` is at least what the rows looked for need. Of several queries, the k + len(without)
        best rows of each are scored.
        """
        index = self.index
        wanted = min(k + len(without), len(index.labels))
        ef = None if ef is None else max(ef, wanted)
        if not len(self.parts):
            rows, scores = index.search_rows(self.whole, wanted, ef, exact)
        elif index.uses_graph(wanted, exact):
            rows = np.unique(index.search_rows_many(self.queries, wanted, ef)[0])
            rows, scores = _best_first(rows, self.scores_of(rows))
        else:  # scores of the scan: ranks agree to the last digit
            rows = self._exact_union(wanted)
            rows, scores = _best_first(rows, self.scan[rows])
        keep = ~np.isin(rows, without)
        return rows[keep][:k], scores[keep][:k]

    def ranks(self, rows: Rows, k: int, without: Rows) -> list[int | None]:
        """The ranks of some rows, from 1, when `rows(k, ...)` goes on to the last label by exact
        search: first what any query finds among its k best, then the rest, each by score.

        None for a row that is not encoded yet, or is in `without`.
        """
        scores = self.scores_without(without)
        if not len(self.parts):
            return ranks_by(scores, rows.tolist())
        wanted = min(k + len(without), len(self.index.labels))
        found = np.setdiff1d(self._exact_union(wanted), without)
        return ranks_behind(_best_first(found, scores[found])[0], scores, rows.tolist())

    def scores_without(self, without: Rows) -> Vectors:
        """`scan`, with -inf for the rows in `without`."""
        if not len(without):
            return self.scan
        scores: Vectors = self.scan.copy()
        scores[without] = -np.inf
        return scores

    def _exact_union(self, k: int) -> Rows:
        """Rows that are among the k best of any query by exact search, ascending; kept."""
        if k not in self._exact:
            found, _ = self.index.search_rows_many(self.queries, k, exact=True)
            self._exact[k] = np.unique(found)
        return self._exact[k]


def ranks_by(scores: Vectors, rows: Sequence[int]) -> list[int | None]:
    """Ranks from 1 by score; None for a row of score -inf: not encoded yet."""
    known = [row for row in rows if np.isfinite(scores[row])]
    rank = dict(zip(known, ranks_of(scores, known), strict=True))
    return [rank.get(row) for row in rows]


def ranks_behind(first: Rows, scores: Vectors, rows: Sequence[int]) -> list[int | None]:
    """Ranks from 1 when the rows of `first` come first, in its order, and all others follow by
    score; None for one of these others that is not encoded yet."""
    place = {int(row): at for at, row in enumerate(first, start=1)}
    inside = np.array([rank for rank in ranks_by(scores, first.tolist()) if rank is not None])
    return [
        place.get(row) or (None if rank is None else len(first) + rank - int((inside < rank).sum()))
        for row, rank in zip(rows, ranks_by(scores, rows), strict=True)
    ]


def _best_first(rows: Rows, scores: Vectors) -> tuple[Rows, Vectors]:
    """Rows and their scores by score; of equal scores the lower row comes first."""
    order = np.lexsort((rows, -scores))
    return rows[order], scores[order]
