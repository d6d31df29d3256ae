"""Near misses: wrong labels that lie close to right ones, by cosine of label vectors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.datasets.base import LabelSpace
from core.rerank.base import Candidate
from core.shortlist.exact import Vectors, clipped, cosines, top_rows
from core.traces.base import NearMiss


def nearest_wrong(
    labels: LabelSpace,
    vectors: Vectors,
    encoded: npt.NDArray[np.bool_],
    right: Sequence[int],
    k: int,
) -> list[NearMiss]:
    """The k wrong labels nearest to any of the `right` rows, nearest first, by exact search.

    `vectors` `(labels, dim)` are unit rows; only rows in `encoded` `(labels,)` count.
    """
    if not right or k < 1:
        return []
    scores = cosines(vectors, np.asarray(vectors[right]))  # (labels, right)
    nearest, best = scores.argmax(axis=1), scores.max(axis=1)
    best[~encoded] = -np.inf
    best[right] = -np.inf
    wrong = top_rows(best, min(k, int(encoded.sum()) - len(right))).tolist()
    return [
        NearMiss(
            labels.id(row),
            labels.name(row),
            labels.id(right[int(nearest[row])]),
            clipped(best[row]),
        )
        for row in wrong
    ]


def near_of(
    labels: LabelSpace, vectors: Vectors, left: Sequence[Candidate], right: Sequence[int]
) -> list[NearMiss]:
    """Candidates that were not chosen, each with the nearest of the chosen rows `right`, in the
    order given. Where nothing was chosen, `near` is "" and the cosine 0."""
    misses = []
    for candidate in left:
        row = labels.row(candidate.label_id)
        near, cosine = "", 0.0
        if row is not None and right:
            scores = np.asarray(vectors[right]) @ vectors[row]
            near = labels.id(right[int(scores.argmax())])
            cosine = clipped(scores.max())
        misses.append(NearMiss(candidate.label_id, candidate.name, near, cosine))
    return misses
