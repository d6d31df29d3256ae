"""One example, every way to shortlist it: the method asked for, exact search, the other methods."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.datasets.base import Document
from core.shortlist.base import GoldRank, Method, Shortlist, ShortlistRow
from core.shortlist.retriever import Retriever

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Compared:
    """`found`: by the method asked for, as a run would get it; `exact`: the same with exact
    search in the place of HNSW. `others` and `gold` by name of method; `gold` has each gold
    label's exact rank by that method, also beyond k."""

    document: Document
    found: Shortlist
    exact: Shortlist
    others: dict[str, Shortlist]
    gold: dict[str, tuple[GoldRank, ...]]
    index: str  # identity of the index that was searched

    @property
    def method(self) -> str:
        return self.found.method

    @property
    def overlap(self) -> float:
        """The share of exact search's labels that the search found, in [0, 1]."""
        true = {row.label_id for row in self.exact.rows}
        return len(true & {row.label_id for row in self.found.rows}) / max(1, len(true))


def compare(
    retriever: Retriever,
    document: Document,
    vector: Vectors,
    k: int,
    *,
    ef: int | None = None,
    method: Method | None = None,
    ms_encode: float = 0.0,
) -> Compared:
    """Searches one document by every method. Raises InputError for a k or ef that cannot be."""
    text, out = document.text, document.excluded
    chosen = method or retriever.default

    def searched(by: Method, exact: bool = False, ranks: bool = False) -> Shortlist:
        return retriever.search(
            text, vector, k, method=by, ef=ef, exact=exact, exact_ranks=ranks,
            ms_encode=ms_encode, excluded=out,
        )  # fmt: skip

    others = {by.value: searched(by, ranks=by is chosen) for by in Method}
    return Compared(
        document=document,
        found=others[chosen.value],
        exact=searched(chosen, exact=True),
        others=others,
        gold={
            by.value: retriever.gold_ranks(text, vector, document.gold, by, k=k, excluded=out)
            if document.gold
            else ()
            for by in Method
        },
        index=retriever.index.identity,
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """One rank of two lists: the labels there, and what became of each in the other list.

    `moved`: the other rank of `found` in `exact`, None where exact search has it beyond k.
    `lost`: whether `exact` is missing from the first list.
    """

    rank: int
    found: ShortlistRow | None
    exact: ShortlistRow | None
    moved: int | None
    lost: bool

    @property
    def same(self) -> bool:
        return (
            self.found is not None
            and self.exact is not None
            and self.found.label_id == self.exact.label_id
        )


def rank_by_rank(found: Sequence[ShortlistRow], exact: Sequence[ShortlistRow]) -> list[Pair]:
    """The two lists beside each other, one pair a rank."""
    place = {row.label_id: row.rank for row in exact}
    have = {row.label_id for row in found}
    pairs = []
    for at in range(max(len(found), len(exact))):
        left = found[at] if at < len(found) else None
        right = exact[at] if at < len(exact) else None
        pairs.append(
            Pair(
                at + 1, left, right, place.get(left.label_id) if left else None,
                right is not None and right.label_id not in have,
            )
        )  # fmt: skip
    return pairs
