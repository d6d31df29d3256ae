"""The documents of an import: read, checked and written batch by batch, never all in memory."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.datasets.base import Document, Split, split_of
from core.datasets.files import DocumentWriter
from core.datasets.importing.columns import (
    DOCUMENT_ROLES,
    ROW_NUMBERS,
    Columns,
    guess,
)
from core.datasets.importing.labels import Labels, Tick, columns_of
from core.datasets.importing.xmc import line_rows, matrix_of, sparse_rows, text_file_of
from core.errors import InputError
from core.importing.hashes import Seen, hashes_of
from core.importing.problems import Kind, Problems
from core.importing.readers import Bad, Format, Row, rows_of
from core.importing.values import UnusableError, id_of, ids_of, rows_of_labels, text_of

BATCH = 2048  # documents
HOPELESS_FROM = 20_000  # rows after which a file that is nearly all bad is given up
_PARTS = {
    "trn": "train", "train": "train", "training": "train",
    "tst": "test", "test": "test", "testing": "test",
    "dev": "dev", "val": "dev", "valid": "dev", "validation": "dev",
}  # fmt: skip
_KNOWN = {str(split): split for split in Split}
TRAIN_SPLITS = (Split.TRAIN_TEACHER, Split.TRAIN_STUDENT)


@dataclass
class Tally:
    """What the documents add up to."""

    documents: int = 0
    gold: int = 0
    gold_known: int = 0
    excluded: int = 0
    by_split: dict[str, int] = field(default_factory=lambda: {str(split): 0 for split in Split})
    training_counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    columns: dict[str, str] = field(default_factory=dict)


class Pairs:
    """Filter pairs of one file of documents: row of a document -> rows of labels.

    `pairs`: as `xmc.filter_pairs` gives them for the file `path`.
    """

    def __init__(self, path: Path, pairs: NDArray[np.int64]) -> None:
        self._path = path
        self._documents, self._labels, self._lines = pairs.T

    def of(self, document: int) -> list[int]:
        start, end = np.searchsorted(self._documents, (document, document + 1))
        found: list[int] = self._labels[start:end].tolist()
        return found

    def check(self, documents: int, problems: Problems) -> None:
        """Pairs of documents beyond the last are problems."""
        for at in range(int(np.searchsorted(self._documents, documents)), len(self._documents)):
            value = f"{self._documents[at]} {self._labels[at]}"
            problems.add(Kind.FILTER, self._path, int(self._lines[at]), value)


class _Read(NamedTuple):
    number: int
    id: str
    text: str
    gold: list[str]
    rows: list[int]  # gold by row of the label file
    excluded: list[str]
    filtered: list[int]  # excluded by row of the label file
    split: Split


def part_of(path: Path) -> str | None:
    """ "train", "test" or "dev" where the name of a file says so, else None."""
    stem = path.name.split(".")[0].lower()
    return _PARTS.get(stem) or _PARTS.get(stem.split("_")[0])


def by_rows(paths: Iterable[tuple[Path, Format]], columns: Columns) -> bool:
    """Whether any of the files names its gold labels by row of the label file."""
    for path, kind in paths:
        if kind is Format.SPARSE or (kind is Format.LINES and matrix_of(path)):
            return True
        if kind is not Format.LINES:
            roles = guess(path.name, columns_of(path, kind), DOCUMENT_ROLES, columns)
            if roles.get("gold") == ROW_NUMBERS:
                return True
    return False


class Reader:
    """Reads files of documents one after the other into a writer."""

    def __init__(
        self,
        labels: Labels,
        writer: DocumentWriter,
        problems: Problems,
        *,
        columns: Columns,
        separator: str,
        max_chars: int,
    ) -> None:
        self.tally = Tally(training_counts=np.zeros(labels.table.num_rows, dtype=np.int64))
        self._labels = labels
        self._writer = writer
        self._problems = problems
        self._columns = columns
        self._separator = separator
        self._max_chars = max_chars
        self._seen = Seen()

    def read(self, path: Path, kind: Format, pairs: Pairs | None, tick: Tick) -> None:
        """Reads one file. Raises InputError where most of it cannot be used."""
        roles, rows = self._opened(path, kind, tick)
        if kind not in (Format.LINES, Format.SPARSE):
            self.tally.columns.update(roles)
        read, before, kept_before = 0, self._problems.unreadable, self.tally.documents
        end = 0  # the place after the last row
        batch: list[_Read] = []
        for row in rows:
            read += 1
            end = row.place + 1
            if isinstance(row, Bad):
                self._problems.add(row.kind, path, row.number, row.value)
            else:
                try:
                    batch.append(self._document(path, row, roles, pairs))
                except UnusableError as error:
                    self._problems.add(error.kind, path, row.number, error.value)
            if len(batch) == BATCH:
                self._keep(path, batch)
                batch = []
            if read == HOPELESS_FROM and self._problems.unreadable - before > 0.9 * read:
                break
        self._keep(path, batch)
        kept = self.tally.documents - kept_before
        if not kept or self._problems.unreadable - before > read / 2:
            raise InputError(
                f"Of {read:,} rows of {path.name}, read as {kind}, {kept:,} are documents. "
                + self._problems.worst(),
                "Documents need a text, and one JSON object or CSV row each; say which columns "
                "hold them, as in text=abstract and gold=codes.",
            )
        if pairs is not None:
            pairs.check(end, self._problems)

    def _opened(
        self, path: Path, kind: Format, tick: Tick
    ) -> tuple[dict[str, str], Iterator[Row | Bad]]:
        if kind in (Format.SPARSE, Format.LINES):
            matrix, texts = (path, text_file_of(path)) if kind is Format.SPARSE else (
                matrix_of(path), path,
            )  # fmt: skip
            with_ids = isinstance(first := next(line_rows(texts), None), Row) and (
                "id" in first.values
            )
            roles = {"text": "text", "gold": ROW_NUMBERS} | ({"id": "id"} if with_ids else {})
            if matrix is None:
                return roles, line_rows(texts, tick)
            return roles, sparse_rows(matrix, texts, self._labels.read, tick)
        there = columns_of(path, kind)
        roles = guess(path.name, there, DOCUMENT_ROLES, self._columns)
        if "text" not in roles and "title" not in roles:
            raise InputError(
                f"{path.name} has no column for the texts of documents. It has "
                f"{', '.join(there)[:300]}.",
                "Say which it is, as in text=abstract.",
            )
        wanted = [name for name in there if name in roles.values() or name == "target_rel"]
        return roles, rows_of(path, kind, tick, wanted)

    def _document(self, path: Path, row: Row, roles: dict[str, str], pairs: Pairs | None) -> _Read:
        values = row.values
        parts = [text_of(values.get(roles[r]), self._max_chars) for r in ("title", "text")
                 if r in roles]  # fmt: skip
        text = "\n".join(part for part in parts if part)
        if "id" in roles:
            document_id = id_of(values.get(roles["id"]))
        else:
            document_id = f"{path.name.split('.')[0]}:{row.place}"
        if not text:
            raise UnusableError(Kind.EMPTY_TEXT, document_id)
        if len(text) > self._max_chars:
            raise UnusableError(Kind.TOO_LONG, f"{document_id}: {len(text):,} characters")
        gold: list[str] = []
        rows: list[int] = []
        if roles.get("gold") == ROW_NUMBERS:
            rows = rows_of_labels(values, ROW_NUMBERS, self._separator)
        elif "gold" in roles:
            gold = ids_of(values.get(roles["gold"]), self._separator)
        excluded = (
            ids_of(values.get(roles["excluded"]), self._separator) if "excluded" in roles else []
        )
        filtered = pairs.of(row.place) if pairs is not None else []
        split = self._split(path, row.number, document_id, values.get(roles.get("split", "")))
        return _Read(row.number, document_id, text, gold, rows, excluded, filtered, split)

    def _split(self, path: Path, number: int, document_id: str, value: Any) -> Split:
        """By the split column, else by the file's name, else by hash."""
        said = text_of(value, 100).lower()
        if said in _KNOWN:
            return _KNOWN[said]
        part = _PARTS.get(said) if said else part_of(path)
        if said and part is None:
            self._problems.add(Kind.UNKNOWN_SPLIT, path, number, said)
        if part is None:
            return split_of(document_id)
        return train_split(document_id) if part == "train" else Split(part)

    def _keep(self, path: Path, batch: list[_Read]) -> None:
        if not batch:
            return
        again = self._seen.add(hashes_of([one.id for one in batch]))
        for at in np.flatnonzero(again):
            self._problems.add(Kind.DUPLICATE_ID, path, batch[at].number, batch[at].id)
        batch = [one for one, repeated in zip(batch, again, strict=True) if not repeated]
        gold = self._with_ids(path, batch, [one.rows for one in batch], report=True)
        filtered = self._with_ids(path, batch, [one.filtered for one in batch], report=False)
        out: list[Document] = []
        for one, by_row, never in zip(batch, gold, filtered, strict=True):
            excluded = dict.fromkeys([*one.excluded, *never])
            # Each once: two rows of the labels may have the same id.
            labels = list(dict.fromkeys((*one.gold, *by_row)))
            kept = [label for label in labels if label not in excluded]
            for label in labels:
                if label in excluded:
                    self._problems.add(Kind.EXCLUDED_GOLD, path, one.number, label)
            out.append(Document(one.id, one.text, tuple(kept), one.split, tuple(excluded)))
        self._count(path, batch, out)
        for document in out:
            self._writer.add(document)

    def _with_ids(
        self, path: Path, batch: list[_Read], rows: list[list[int]], *, report: bool
    ) -> list[list[str]]:
        """Label ids for rows of the label file; those out of range are problems, and left out."""
        flat = np.array([row for some in rows for row in some], dtype=np.int64)
        if not len(flat):
            return [[] for _ in rows]
        known = self._labels.id_of_row
        inside = (flat >= 0) & (flat < len(known))
        ids: list[str | None] = known.take(pa.array(np.where(inside, flat, 0))).to_pylist()
        found: list[list[str]] = []
        at = 0
        for one, some in zip(batch, rows, strict=True):
            mine: list[str] = []
            for row in some:
                label = ids[at] if inside[at] else None
                if label is not None:
                    mine.append(label)
                elif report:
                    self._problems.add(Kind.MISSING_GOLD, path, one.number, f"label row {row}")
                at += 1
            found.append(mine)
        return found

    def _count(self, path: Path, batch: list[_Read], documents: list[Document]) -> None:
        tally = self.tally
        sizes = [len(document.gold) for document in documents]
        flat = [label for document in documents for label in document.gold]
        rows = self._labels.rows.of(hashes_of(flat))
        owner = np.repeat(np.arange(len(documents)), sizes)
        training = np.array([document.split in TRAIN_SPLITS for document in documents], dtype=bool)
        for at in np.flatnonzero(rows < 0):
            self._problems.add(Kind.MISSING_GOLD, path, batch[owner[at]].number, flat[at])
        counted = rows[(rows >= 0) & training[owner]] if len(flat) else rows
        np.add.at(tally.training_counts, counted, 1)
        for one, size in zip(batch, sizes, strict=True):
            if not size:
                self._problems.add(Kind.NO_GOLD, path, one.number, one.id)
        tally.documents += len(documents)
        tally.gold += len(flat)
        tally.gold_known += int((rows >= 0).sum())
        for document in documents:
            tally.by_split[str(document.split)] += 1
            tally.excluded += len(document.excluded)


def train_split(document_id: str) -> Split:
    """The split of a training document: teacher, student, dev as 4 : 4 : 1, by its id."""
    bucket = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8], "big") % 9
    if bucket < 4:
        return Split.TRAIN_TEACHER
    return Split.TRAIN_STUDENT if bucket < 8 else Split.DEV
