"""What a method found, as the rows of a shortlist."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.shortlist.base import ShortlistRow
from core.shortlist.exact import clipped
from core.shortlist.fusion import ranks_in
from core.shortlist.sentences import DenseQuery

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What a method found for one text: rows and their scores, best first, and the lists that
    they came from (empty where one was not asked)."""

    rows: Rows
    scores: Scores
    dense: Rows
    lexical: Rows


def listed(
    query: DenseQuery, found: Found, k: int, ranks: Sequence[int | None], by_graph: bool
) -> tuple[ShortlistRow, ...]:
    """The first k rows with their names, and what found each. `ranks`: their exact ranks by
    vectors; `by_graph`: whether HNSW made the list of vectors."""
    labels, rows = query.index.labels, found.rows[:k]
    vectors, mask = query.index.encoded
    cosines = vectors[rows] @ query.whole
    if mask is not None:
        cosines = np.where(mask[rows], cosines, 0.0)  # not encoded yet: nothing is known
    in_dense, in_words = ranks_in(found.dense, rows), ranks_in(found.lexical, rows)
    name = "hnsw" if by_graph else "exact"
    numbers = rows.tolist()
    return tuple(
        ShortlistRow(
            label_id=labels.id(row),
            name=label,
            rank=at + 1,
            cosine=clipped(cosines[at]),
            exact_rank=ranks[at],
            source=_source(name, bool(np.isfinite(in_dense[at])), bool(np.isfinite(in_words[at]))),
            lexical_rank=int(in_words[at]) if np.isfinite(in_words[at]) else None,
            score=float(found.scores[at]),
        )
        for at, (row, label) in enumerate(zip(numbers, labels.names(numbers), strict=True))
    )


def _source(vectors: str, dense: bool, words: bool) -> str:
    """Neither list has it: its family brought it in."""
    return "+".join([vectors] * dense + ["lexical"] * words) or "family"
