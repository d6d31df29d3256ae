"""Sentence-wise queries: a long text asks with each of its sentences, and with all of it.

One vector for an abstract is an average in which a topic of one sentence is lost. So a label's
score is its best cosine to a sentence plus half its cosine to the whole text, in [-1.5, 1.5];
for a text of one sentence, the cosine. With HNSW, what any of the queries finds is scored.
"""

import itertools
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core.shortlist.exact import cosines_of, scores_of, top_rows
from core.shortlist.index import LabelIndex

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

MOST_PARTS = 32  # of a text with more sentences, neighbours are put together
WHOLE = 0.5  # the weight of the whole text beside its best sentence
_END = re.compile(r"(?<=[.!?])\s+|\n+")
_FEWEST_WORDS = 3
_ROWS_AT_ONCE = 16_384


def sentences(text: str) -> list[str]:
    """The sentences of a text, at most 32 pieces of like length; [] when it has only one."""
    found: list[str] = []
    for piece in filter(None, (part.strip() for part in _END.split(text))):
        if found and len(piece.split()) < _FEWEST_WORDS:  # "et al.", a number: no sentence
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
        """The k best rows and their scores, best first; rows in `without` are never given."""
        index = self.index
        wanted = min(k + len(without), len(index.labels))
        if not index.uses_graph(wanted, exact) and len(self.parts):
            scores = self.scan
            rows = top_rows(scores, wanted)
            rows = rows[np.isfinite(scores[rows])]
            scores = scores[rows]
        elif not len(self.parts):
            rows, scores = index.search_rows(self.whole, wanted, ef, exact)
        else:
            found, _ = index.search_rows_many(self.queries, wanted, ef)
            rows = np.unique(found)
            scores = self.scores_of(rows)
            order = np.lexsort((rows, -scores))
            rows, scores = rows[order], scores[order]
        keep = ~np.isin(rows, without)
        return rows[keep][:k], scores[keep][:k]
