"""Families first: where labels have parents among the labels, such as a heading and its pairs with
qualifiers, a flat list is crowded by a few families. So families are ranked too.

1. The leaders (labels with children) are ranked by vectors and by words among themselves, and the
   two rankings are fused. A label without parent or children is a family of its own where flat
   search finds it, and takes no place of a family with members: a label space can have more such
   labels than families.
2. Candidates are the members of the best families, and what vectors and words find flat.
3. The candidates are ranked by vectors and by words. The two, fused, order each family.
4. A third ranking takes the families in turn: the first of family r stands at r, and each further
   member 10 places behind the one before. The three rankings are fused.

Nothing here knows one dataset from another: parents are a column of the label space.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.base import LabelSpace
from core.shortlist.exact import top_rows
from core.shortlist.fusion import fuse, fuse_ranks, ranks_in
from core.shortlist.lexical import LexicalIndex
from core.shortlist.sentences import DenseQuery

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

FAMILIES = 50  # whose members become candidates
LEADERS = 200  # taken of each list of leaders
BEHIND = 10  # places that a member of a family stands behind the one before it
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Families:
    """Which labels lead, and who belongs to whom.

    `leaders` `(f,)`: rows, ascending. `parent` `(labels,)`: the row of each label's first parent
    among the labels, or -1. `children`, sorted by parent; `starts` `(labels + 1,)`: those of row r
    are children[starts[r]:starts[r + 1]].
    """

    leaders: Rows
    parent: Rows
    children: Rows
    starts: Rows

    @classmethod
    def of(cls, labels: LabelSpace) -> "Families | None":
        """The families of a label space; None where no label has a parent among the labels."""
        if not labels.has_hierarchy:
            return None
        parent = first_parents(labels)
        children = np.flatnonzero(parent >= 0)
        if not len(children):
            return None
        children = children[np.argsort(parent[children], kind="stable")]
        counts = np.bincount(parent[children], minlength=len(labels))
        return cls(
            np.flatnonzero(counts > 0), parent, children, np.concatenate([[0], np.cumsum(counts)])
        )

    def single(self, rows: Rows) -> Rows:
        """Those of some rows that have neither a parent nor children among the labels."""
        alone = self.starts[rows] == self.starts[rows + 1]
        single: Rows = rows[(self.parent[rows] < 0) & alone]
        return single

    def members(self, leader: int) -> Rows:
        """A leader and its children."""
        children = self.children[self.starts[leader] : self.starts[leader + 1]]
        return np.concatenate([np.array([leader], np.int64), children])


def first_parents(labels: LabelSpace) -> Rows:
    """The row of each label's first parent among the labels `(labels,)`, or -1."""
    found = np.full(len(labels), -1, np.int64)
    lists = labels.table["parents"].combine_chunks()
    ids = labels.table["id"].combine_chunks()
    owners = np.asarray(pc.list_parent_indices(lists), np.int64)
    rows = pc.index_in(pc.list_flatten(lists), value_set=ids)
    rows = np.asarray(pc.fill_null(rows, pa.scalar(-1, pa.int32())), np.int64)
    known = rows >= 0
    owners, rows = owners[known][::-1], rows[known][::-1]  # the first of each is written last
    found[owners] = rows
    return found


def two_step(
    families: Families,
    query: DenseQuery,
    text: str,
    words: LexicalIndex,
    dense: Rows,
    lexical: Rows,
    without: Rows,
) -> tuple[Rows, Scores]:
    """Candidates, best first, and their fused scores. `dense`, `lexical`: what is found flat;
    rows in `without` are never given."""
    shared, by_words = words.scored(text)
    flat = np.union1d(dense, lexical)
    best = best_leaders(families, query, shared, by_words, families.single(flat))
    leaders = best[np.isin(best, families.leaders)][:FAMILIES]
    members = [families.members(int(leader)) for leader in leaders]
    candidates = np.unique(np.concatenate([*members, flat]))
    candidates = np.setdiff1d(candidates, without)
    cosines = query.scores_of(candidates)
    known = np.isfinite(cosines)
    order = np.lexsort((candidates, -cosines))[: int(known.sum())]
    in_vectors = ranks_in(candidates[order], candidates)
    at = np.minimum(np.searchsorted(shared, candidates), max(0, len(shared) - 1))
    has = shared[at] == candidates if len(shared) else np.zeros(len(candidates), bool)
    worded = candidates[has]
    in_words = ranks_in(worded[np.lexsort((worded, -by_words[at[has]]))], candidates)
    in_families = family_ranks(
        families, candidates, best, fuse_ranks(candidates, [in_vectors, in_words])[0]
    )
    return fuse_ranks(candidates, [in_vectors, in_words, in_families])


def family_ranks(families: Families, candidates: Rows, best: Rows, order: Rows) -> Scores:
    """The rank of each candidate when the families are taken in turn; infinite where its family is
    not among `best`. `order`: the candidates, best first, which orders each family."""
    place_of_family = ranks_in(best, candidates)
    of_parent = ranks_in(best, families.parent[candidates])
    leads = place_of_family <= of_parent
    family = np.where(leads, candidates, families.parent[candidates])
    place = ranks_in(order, candidates)
    turns = np.lexsort((place, family))
    starts = np.flatnonzero(np.diff(family[turns], prepend=-2))
    within = np.empty(len(candidates))
    sizes = np.diff(np.append(starts, len(turns)))
    within[turns] = np.arange(len(turns)) - np.repeat(starts, sizes)
    ranks: Scores = np.minimum(place_of_family, of_parent) + BEHIND * within
    return ranks


def best_leaders(
    families: Families,
    query: DenseQuery,
    shared: Rows,
    by_words: npt.NDArray[np.float32],
    singles: Rows,
) -> Rows:
    """Leaders and `singles`, best first: by vectors and by words among these alone, fused; of each
    list the first LEADERS leaders, and all singles."""
    scores = query.scores_of(families.leaders)
    best = top_rows(scores, LEADERS)
    by_vectors = _ordered(
        np.concatenate([families.leaders[best], singles]),
        np.concatenate([scores[best], query.scores_of(singles)]),
    )
    leads = np.flatnonzero(np.isin(shared, families.leaders, assume_unique=True))
    leads = leads[top_rows(by_words[leads], LEADERS)]
    at = np.concatenate([leads, np.flatnonzero(np.isin(shared, singles, assume_unique=True))])
    return fuse([by_vectors, _ordered(shared[at], by_words[at])])[0]


def _ordered(rows: Rows, scores: npt.NDArray[np.float32]) -> Rows:
    """Rows by score, best first, of equals the lower row; those not encoded yet are left out."""
    known = np.isfinite(scores)
    rows, scores = rows[known], scores[known]
    return rows[np.lexsort((rows, -scores))]
