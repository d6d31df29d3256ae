"""Finding labels of a label space by id or by words of their names."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.base import LabelSpace


def search_labels(labels: LabelSpace, query: str) -> Sequence[int]:
    """All rows whose id starts with the query, then those whose name has all its words.

    Case is ignored, and so is a dot in an id, as people write ICD codes with one and the files
    without. What stands before a colon in an id can be left out ("D000001" finds
    "mesh:D000001"). An empty query gives every row. 664,000 names: about 0.1 s.
    """
    words = query.split()
    if not words:
        return range(len(labels))
    by_id = _rows_by_id(labels.table["id"], query.strip())
    by_name = _rows_by_name(labels.table["name"], words)
    return [*by_id.tolist(), *np.setdiff1d(by_name, by_id, assume_unique=True).tolist()]


def _rows_by_id(ids: pa.ChunkedArray, query: str) -> np.ndarray:
    hit = np.zeros(len(ids), dtype=bool)
    for start in {query, query.replace(".", "")} - {""}:
        hit |= np.asarray(pc.starts_with(ids, start, ignore_case=True))
    if not hit.any() and any(character.isdigit() for character in query):
        hit |= np.asarray(pc.match_substring(ids, f":{query}", ignore_case=True))
    return np.flatnonzero(hit)


def _rows_by_name(names: pa.ChunkedArray, words: list[str]) -> np.ndarray:
    """The longest word first: it leaves the fewest names to look at for the others."""
    rows = np.arange(len(names))
    for word in sorted(words, key=len, reverse=True):
        hit = np.flatnonzero(np.asarray(pc.match_substring(names, word, ignore_case=True)))
        rows, names = rows[hit], names.take(pa.array(hit))
    return rows
