"""How far each annotator agrees with the others."""

from dataclasses import dataclass

import numpy as np

from core.agreement.ratings import NOTHING, Ratings


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """`agreement`: mean over the shared items of the share of the others who said the same, in
    [0, 1], higher = more agreement; None where no item is shared. `items`: rated by this annotator;
    `shared`: by another one too."""

    annotator: str
    agreement: float | None
    items: int
    shared: int


def annotator_agreement(ratings: Ratings) -> list[AnnotatorAgreement]:
    """Each annotator against all others, in the order of `ratings.annotators`. Not corrected for
    chance; an item counts once however many others have rated it."""
    counts = ratings.counts()
    others = counts.sum(axis=1) - 1
    found = []
    for name, codes in zip(ratings.annotators, ratings.codes.T, strict=True):
        rated = codes != NOTHING
        rows = np.flatnonzero(rated & (others > 0))
        same = (counts[rows, codes[rows]] - 1) / others[rows]
        mean = float(same.mean()) if len(rows) else None
        found.append(AnnotatorAgreement(name, mean, int(rated.sum()), len(rows)))
    return found
