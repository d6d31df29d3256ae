"""Families in a label hierarchy: siblings, one step below the same parent, and children.

The hierarchy is turned round once a label space, in Arrow and numpy: rows grouped by parent.
A lookup is then a few slices.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.base import LabelSpace


@dataclass(frozen=True, slots=True)
class _Children:
    """Rows grouped by parent: those of parent p are `rows[starts[p]:starts[p + 1]]`, sorted."""

    parents: dict[str, int]
    starts: np.ndarray  # (n_parents + 1,)
    rows: np.ndarray  # (n_links,)


_INVERTED: WeakKeyDictionary[LabelSpace, _Children] = WeakKeyDictionary()


def siblings(labels: LabelSpace, label_id: str, limit: int) -> list[str]:
    """Ids of labels that share a parent with `label_id`, at most `limit`, without itself.

    Of many, those nearest in the order of ids: codes near each other mean things near each other.
    Returned nearest first. [] for an unknown id and where there is no hierarchy.
    """
    row = labels.row(label_id)
    if row is None:
        return []
    return [labels.id(int(other)) for other in sibling_rows(labels, row, limit)]


def sibling_rows(labels: LabelSpace, row: int, limit: int) -> np.ndarray:
    """As `siblings`, by row number. int64, (at most limit,)."""
    if not labels.has_hierarchy:
        return np.empty(0, np.int64)
    inverted = _children(labels)
    groups = [_group(inverted, parent) for parent in labels.parents(row)]
    rows = np.unique(np.concatenate([np.empty(0, np.int64), *groups]))
    rows = rows[rows != row]
    nearest: np.ndarray = rows[np.argsort(np.abs(rows - row), kind="stable")]
    return nearest[: max(limit, 0)]


def child_rows(labels: LabelSpace, row: int, limit: int) -> np.ndarray:
    """Rows of the labels one step below a label, in the order of ids. int64, (at most limit,)."""
    if not labels.has_hierarchy:
        return np.empty(0, np.int64)
    return _group(_children(labels), labels.id(row))[: max(limit, 0)]


def _group(inverted: _Children, parent: str) -> np.ndarray:
    at = inverted.parents.get(parent)
    if at is None:
        return np.empty(0, np.int64)
    return inverted.rows[inverted.starts[at] : inverted.starts[at + 1]]


def _children(labels: LabelSpace) -> _Children:
    """The hierarchy turned round; kept as long as the label space is."""
    found = _INVERTED.get(labels)
    if found is None:
        found = _INVERTED[labels] = _invert(labels.table["parents"].combine_chunks())
    return found


def _invert(parents: pa.ListArray) -> _Children:
    links = pc.list_flatten(parents).dictionary_encode()
    children = np.asarray(pc.list_parent_indices(parents)).astype(np.int64)
    codes = np.asarray(links.indices).astype(np.int64)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=len(links.dictionary))
    return _Children(
        parents={name: at for at, name in enumerate(links.dictionary.to_pylist())},
        starts=np.concatenate([[0], np.cumsum(counts)]),
        rows=children[order],
    )
