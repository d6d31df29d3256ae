"""Propensities: how likely a relevant label is to be marked at all, given how often it is seen.

Jain, Prabhu and Varma, "Extreme Multi-label Loss Functions for Recommendation, Tagging, Ranking
and Other Missing Label Applications" (KDD 2016), section 4.1:

    p_l = 1 / (1 + C exp(-A ln(N_l + B))),   C = (ln N - 1) (B + 1)^A

N: training documents; N_l: those with label l. A and B belong to the dataset. `constants_of` has
those of the paper and of pyxclib for the sets they name, and for the sets with label features those
that the authors of these sets use (DeepXML's and DECAF's configurations). An imported dataset
keeps what was found by its name or folder (`constants_for`).
"""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from core.datasets.base import Dataset, DatasetInfo
from core.datasets.catalogue import TRAIN, label_frequencies
from core.errors import InputError


class Constants(NamedTuple):
    """The two constants of the formula, each above 0."""

    a: float
    b: float


STANDARD = "standard"
CONSTANTS = {
    STANDARD: Constants(0.55, 1.5),  # most datasets, AmazonCat-13K among them
    "amazon": Constants(0.6, 2.6),
    "wikipedia": Constants(0.5, 0.4),
}
_SETS = {
    "amazon": (
        "amazon-670k", "amazontitles-670k", "amazon-3m", "amazontitles-3m", "lf-amazon-131k",
        "lf-amazontitles-131k", "lf-amazontitles-1.3m",
    ),
    "wikipedia": (
        "wikilshtc-325k", "wikipedialarge-500k", "wikipedia-500k", "wikititles-500k",
        "lf-wikipedia-500k", "lf-wikititles-500k",
    ),
}  # fmt: skip
_CHOICE = {name: choice for choice, names in _SETS.items() for name in names}
A, B = CONSTANTS[STANDARD]


def constants_of(dataset: str, choice: str | None = None) -> Constants:
    """The constants for a dataset, by its name: those published for it, else the standard ones.

    `choice`: the name of another set, or two numbers "A,B". Raises InputError for anything else.
    """
    if choice is None:
        return CONSTANTS[_CHOICE.get(dataset.lower(), STANDARD)]
    if choice in CONSTANTS:
        return CONSTANTS[choice]
    try:
        a, b = (float(part) for part in choice.split(","))
    except ValueError:
        a = b = math.nan
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise InputError(
            f"{choice!r} names no constants of the propensity formula.",
            f"Use {', '.join(CONSTANTS)}, or two numbers above 0, as in 0.55,1.5.",
        )
    return Constants(a, b)


def constants_for(info: DatasetInfo, choice: str | None = None) -> Constants:
    """The constants for a dataset: `choice` (see `constants_of`), else what was found when it was
    imported, else by its name. Raises InputError for a choice that is none."""
    if choice is None and info.propensity is not None:
        return Constants(*info.propensity)
    return constants_of(info.name, choice)


class Propensities(Mapping[str, float]):
    """Label id -> propensity in (0, 1]; a frequent label has a high one.

    Iterates over the labels seen in training, but has a value for every id: that of an unseen
    label is the lowest. `frequencies`: label id -> training documents that have it.
    `documents`: training documents in all, at least 3 (below that the formula makes no sense).
    """

    def __init__(
        self, frequencies: Mapping[str, int], documents: int, a: float = A, b: float = B
    ) -> None:
        if documents < 3:
            raise InputError(
                f"Propensities need at least 3 training documents, not {documents}.",
                "Use a dataset with more training documents.",
            )
        self.frequencies = frequencies
        self.documents = documents
        self.a = a
        self.b = b

    def __getitem__(self, label_id: str) -> float:
        seen = self.frequencies.get(label_id, 0)
        return 1.0 / (1.0 + self._c * math.exp(-self.a * math.log(seen + self.b)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.frequencies)

    def __len__(self) -> int:
        return len(self.frequencies)

    @cached_property
    def _c(self) -> float:
        c: float = (math.log(self.documents) - 1.0) * (self.b + 1.0) ** self.a
        return c


def propensities_of(dataset: Dataset, constants: Constants | None = None) -> Propensities:
    """Propensities by the label counts of a dataset's train splits. Raises InputError.

    `constants`: default: those of the dataset (`constants_for`).
    """
    a, b = constants or constants_for(dataset.info)
    documents = sum(len(dataset.rows_of(split)) for split in TRAIN)
    return Propensities(label_frequencies(dataset), documents, a, b)
