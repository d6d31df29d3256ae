"""What a dataset is: documents with gold labels, and the label space they come from.

On disk a dataset is one folder with three files, written once by its loader and
read memory-mapped from then on:

    labels.arrow      id (utf8, sorted by code point), name (utf8), description (utf8, may be ""),
                      parents (list of utf8: ids one step up the hierarchy; only where there is one)
    documents.arrow   id, text, gold (list of utf8), split,
                      excluded (list of utf8: Document.excluded; only where there are any)
    dataset.json      name, title, what, kind, licence, source, fingerprint, counts
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import UnknownNameError


class Split(StrEnum):
    """Who may see a document. Nobody trains on dev or test."""

    TRAIN_TEACHER = "train-teacher"
    TRAIN_STUDENT = "train-student"
    DEV = "dev"
    TEST = "test"


def split_of(document_id: str) -> Split:
    """The split of a document: 40% train-teacher, 40% train-student, 10% dev, 10% test.

    By SHA-256 of the id, so it does not move when documents come or go.
    """
    bucket = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8], "big") % 100
    if bucket < 40:
        return Split.TRAIN_TEACHER
    if bucket < 80:
        return Split.TRAIN_STUDENT
    return Split.DEV if bucket < 90 else Split.TEST


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the ids of its gold labels (possibly outside the label space).

    `excluded`: ids that must never be retrieved for it, such as a gloss's own synset.
    """

    id: str
    text: str
    gold: tuple[str, ...]
    split: Split | None = None
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """One label as a person reads it."""

    id: str
    name: str
    description: str = ""
    parents: tuple[str, ...] = ()  # ids one step up, where the dataset has a hierarchy


class LabelSpace(Sequence[Label]):
    """All labels of a dataset, memory-mapped; rows are sorted by id.

    A row number is the label's position here and in every vector file and index built from it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with pa.memory_map(str(path)) as source:
            self.table: pa.Table = pa.ipc.open_file(source).read_all()
        self._ids = self.table["id"].combine_chunks()
        self._names = self.table["name"].combine_chunks()
        self._descriptions = self.table["description"].combine_chunks()
        hierarchy = "parents" in self.table.column_names
        self._parents = self.table["parents"].combine_chunks() if hierarchy else None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, row: int) -> Label:  # type: ignore[override]  # rows only, no slices
        return Label(
            self.id(row), self.name(row), self._descriptions[row].as_py(), self.parents(row)
        )

    def __iter__(self) -> Iterator[Label]:
        return (self[row] for row in range(len(self)))

    def id(self, row: int) -> str:
        return str(self._ids[row].as_py())

    def name(self, row: int) -> str:
        return str(self._names[row].as_py())

    @property
    def has_hierarchy(self) -> bool:
        return self._parents is not None

    def parents(self, row: int) -> tuple[str, ...]:
        """Ids one step up the hierarchy; () at the top and where there is no hierarchy."""
        return () if self._parents is None else tuple(self._parents[row].as_py() or ())

    def names(self, rows: Sequence[int]) -> list[str]:
        """Names of many rows at once, in the order given."""
        return list(self._names.take(pa.array(rows, pa.int64())).to_pylist())

    def row(self, label_id: str) -> int | None:
        """The row of an id by binary search, or None when it is not in the vocabulary."""
        at = bisect_left(range(len(self)), label_id, key=self.id)
        return at if at < len(self) and self.id(at) == label_id else None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids and names; an index built from other labels is refused by it."""
        digest = hashlib.sha256()
        for column in (self._ids, self._names):
            for buffer in _text_buffers(column):
                digest.update(buffer)
        return digest.hexdigest()


def _text_buffers(column: pa.Array) -> tuple[pa.Buffer, pa.Buffer]:
    """Offsets and bytes of a text column, the same for the same texts however it was stored.

    Hashing these takes milliseconds where hashing text by text takes seconds.
    """
    wide = pa.concat_arrays([column.cast(pa.large_string())])  # a copy that starts at 0
    _, offsets, text = wide.buffers()
    if not len(wide) or offsets is None:
        return pa.py_buffer(b""), pa.py_buffer(b"")
    ends = offsets.slice(0, 8 * (len(wide) + 1))
    used = int.from_bytes(ends.to_pybytes()[-8:], "little")
    return ends, text.slice(0, used) if text is not None else pa.py_buffer(b"")


@dataclass(frozen=True)
class DatasetInfo:
    """What a person should know about a dataset before using it."""

    name: str
    title: str
    what: str
    kind: str
    licence: str
    source: str
    fingerprint: str
    labels: int
    documents: int
    dropped: tuple[tuple[str, int], ...] = ()  # (why, how many): counts shown, never hidden
    labels_fingerprint: str = ""  # LabelSpace.fingerprint when the dataset was written
    labels_of: str = ""  # the dataset whose labels, and so index, these are; "" = its own
    propensity: tuple[float, float] | None = (
        None  # A and B (core.metrics.propensity); None: by name
    )

    @property
    def index_name(self) -> str:
        """The name of the label index that serves this dataset."""
        return self.labels_of or self.name


class Dataset:
    """A dataset opened from its folder. Documents are read by row, never all at once."""

    def __init__(self, info: DatasetInfo, labels: LabelSpace, documents: pa.Table) -> None:
        self.info = info
        self.labels = labels
        self.table = documents

    @property
    def name(self) -> str:
        return self.info.name

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def document_at(self, row: int) -> Document:
        """The document of a row, in [0, len)."""
        record = self.table.slice(row, 1).to_pylist()[0]
        return Document(
            record["id"],
            record["text"],
            tuple(record["gold"]),
            Split(record["split"]),
            tuple(record.get("excluded") or ()),
        )

    def row_of(self, document_id: str) -> int:
        """The row of a document id, by a scan of the ids. Raises UnknownNameError."""
        row = int(pc.index(self.table["id"], pa.scalar(document_id, pa.string())).as_py())
        if row < 0:
            raise UnknownNameError(
                f"Dataset {self.name} has no document {document_id!r}.",
                "Pick one from the list, or search by text.",
            )
        return row

    def document(self, document_id: str) -> Document:
        return self.document_at(self.row_of(document_id))

    def rows_of(self, split: Split | None) -> list[int]:
        """Rows of one split, or all, in file order."""
        if split is None:
            return list(range(len(self)))
        rows: list[int] = np.flatnonzero(pc.equal(self.table["split"], str(split))).tolist()
        return rows
