"""The datasets that rows of traces belong to: documents by id or text, labels by id or name."""

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.config import Settings
from core.datasets.base import Dataset, Document
from core.datasets.catalogue import names, open_dataset
from core.datasets.getting import is_ready
from core.importing.hashes import Rows, hashes_of
from core.importing.problems import Kind
from core.importing.values import UnusableError

_AT_A_TIME = 65_536  # texts hashed at once


class KnownDataset:
    """A dataset whose documents and labels are looked up often. Hashes are made when first asked
    for: 12 bytes a document or label."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def document(self, document_id: str) -> Document | None:
        return self._document(self._by_id, "id", document_id)

    def document_of(self, text: str) -> Document | None:
        """The document with exactly this text, but for space around it."""
        return self._document(self._by_text, "text", text)

    def label(self, said: str) -> str | None:
        """The id of a label given by id, or by name in any case and spacing."""
        labels = self.dataset.labels
        if labels.row(said) is not None:
            return said
        row = int(self._by_name.of(hashes_of([_plain(said)]))[0])
        if row < 0 or _plain(labels.name(row)) != _plain(said):
            return None
        return labels.id(row)

    def name_of(self, label_id: str) -> str | None:
        row = self.dataset.labels.row(label_id)
        return None if row is None else self.dataset.labels.name(row)

    def _document(self, rows: Rows, column: str, value: str) -> Document | None:
        row = int(rows.of(hashes_of([value]))[0])
        if row < 0:
            return None
        found = self.dataset.document_at(row)
        same = found.id if column == "id" else found.text.strip()
        return found if same == value else None

    @cached_property
    def _by_id(self) -> Rows:
        return _rows(self.dataset.table["id"])

    @cached_property
    def _by_text(self) -> Rows:
        return _rows(pc.utf8_trim_whitespace(self.dataset.table["text"]))

    @cached_property
    def _by_name(self) -> Rows:
        labels, parts = self.dataset.labels, []
        for at in range(0, len(labels), _AT_A_TIME):
            names = labels.names(range(at, min(at + _AT_A_TIME, len(labels))))
            parts.append(hashes_of([_plain(name) for name in names]))
        return Rows(np.concatenate([hashes_of([]), *parts]))


class Known:
    """The datasets of this home, opened when a row names them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: dict[str, KnownDataset | None] = {}

    def dataset(self, name: str) -> KnownDataset:
        """Raises UnusableError for one that is not here."""
        if name not in self._opened:
            self._opened[name] = self._open(name)
        found = self._opened[name]
        if found is None:
            raise UnusableError(Kind.UNKNOWN_DATASET, name or "(none named)")
        return found

    def _open(self, name: str) -> KnownDataset | None:
        there = name in names(self._settings) and is_ready(self._settings, name)
        return KnownDataset(open_dataset(self._settings, name)) if there else None


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _rows(column: pa.ChunkedArray) -> Rows:
    parts = [
        hashes_of(column.slice(at, _AT_A_TIME).to_pylist())
        for at in range(0, len(column), _AT_A_TIME)
    ]
    return Rows(np.concatenate([hashes_of([]), *parts]))
