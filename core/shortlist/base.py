"""A shortlist: the labels retrieved for one document, best first."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic_core import to_jsonable_python


class Method(StrEnum):
    """How labels are found: by vectors (HNSW), by words (BM25), or by both, fused by rank.

    SENTENCES is FUSION in which a long text asks with each of its sentences too; TWO_STEP is
    SENTENCES in which families of labels are ranked too, where labels have parents.
    """

    DENSE = "dense"
    LEXICAL = "lexical"
    FUSION = "fusion"
    SENTENCES = "sentences"
    TWO_STEP = "two-step"


@dataclass(frozen=True, slots=True)
class ShortlistRow:
    """One retrieved label. `rank` counts from 1; `cosine` in [-1, 1], higher = closer.

    `exact_rank` is the label's rank by exact search over the same vectors, from 1,
    or None where exact search was not run. `lexical_rank` is its rank by BM25, or None where
    words did not find it (or were not searched). `score` is what the rows are ordered by where
    that is not the cosine (BM25, or the sum of reciprocal ranks); higher = better.
    """

    label_id: str
    name: str
    rank: int
    cosine: float
    exact_rank: int | None = None
    source: str = "hnsw"  # what found it: hnsw | exact | lexical | hnsw+lexical | exact+lexical |
    # family (two-step: neither list has it, but one of its family is near)
    lexical_rank: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class GoldRank:
    """Where a gold label stands: `exact_rank` from 1 over the encoded labels.

    `in_vocabulary` is False for an id outside the label space; `exact_rank` is then None.
    It is also None for a label that a partial index has not encoded yet.
    """

    label_id: str
    name: str
    in_vocabulary: bool
    exact_rank: int | None


@dataclass(frozen=True, slots=True)
class Shortlist:
    """k labels for one query text, with everything that decided them."""

    rows: tuple[ShortlistRow, ...]
    k: int
    ef: int | None  # None: exact search
    encoder: str  # name and weights hash
    index: str  # fingerprint of the index, or "partial"
    searched: int  # labels the search covered
    labels: int  # labels in the label space; searched < labels = a partial index
    ms_encode: float
    ms_search: float
    method: str = "dense"  # how it was retrieved: dense | lexical | fusion (see Method)

    @property
    def partial(self) -> bool:
        return self.searched < self.labels

    def to_json(self) -> dict[str, Any]:
        """Plain data for the store; `from_json` restores an equal object."""
        return dict(to_jsonable_python(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Shortlist":
        rows = tuple(ShortlistRow(**row) for row in data["rows"])
        return cls(**{**data, "rows": rows})


Found = tuple[Shortlist, tuple[GoldRank, ...]]  # what retrieval has for a document
