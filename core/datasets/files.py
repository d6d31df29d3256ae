"""A dataset's folder: written once, whole or not at all; checked when opened."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa

from core.atomic import new_folder, sha256_of
from core.datasets.base import Dataset, DatasetInfo, Document, Label, LabelSpace, split_of
from core.errors import DataError

LABELS_FILE = "labels.arrow"
DOCUMENTS_FILE = "documents.arrow"
INFO_FILE = "dataset.json"
BATCH_DOCUMENTS = 65_536
BATCH_CHARS = 32_000_000
_TEXTS = pa.list_(pa.string())


@dataclass(frozen=True, slots=True)
class About:
    """What a loader says of its dataset; counts and fingerprints are worked out when written."""

    name: str
    title: str
    what: str
    kind: str
    licence: str
    source: str
    dropped: tuple[tuple[str, int], ...] = ()
    propensity: tuple[float, float] | None = None


def write_dataset(
    folder: Path, about: About, labels: Iterable[Label], documents: Iterable[Document]
) -> DatasetInfo:
    """Writes a dataset to `folder`, replacing what is there only when all of it is written.

    Labels are sorted by id; a document without a split gets `split_of(id)`. Documents are written
    as they come, so any number of them needs little memory; what they exclude is not kept
    (`tables.write_tables` keeps it).
    """
    with new_folder(folder) as new:
        _write_table(new / LABELS_FILE, _label_table(labels))
        with DocumentWriter(new / DOCUMENTS_FILE) as writer:
            for document in documents:
                writer.add(document)
        return finish(new, about, writer.written)


def finish(folder: Path, about: About, documents: int) -> DatasetInfo:
    """Writes dataset.json beside the labels and documents of a folder."""
    space = LabelSpace(folder / LABELS_FILE)
    both = space.fingerprint + sha256_of(folder / DOCUMENTS_FILE)
    info = DatasetInfo(
        **asdict(about),
        fingerprint=hashlib.sha256(both.encode()).hexdigest(),
        labels=len(space),
        documents=documents,
        labels_fingerprint=space.fingerprint,
    )
    (folder / INFO_FILE).write_text(json.dumps(asdict(info), indent=2), encoding="utf-8")
    return info


class DocumentWriter:
    """Writes documents.arrow in batches of at most BATCH_DOCUMENTS documents or BATCH_CHARS.

    `excluded`: with a column for what documents exclude. A document without a split gets
    `split_of(id)`. Use it in a `with` block.
    """

    def __init__(self, path: Path, *, excluded: bool = False) -> None:
        fields = [("id", pa.string()), ("text", pa.string()), ("gold", _TEXTS),
                  ("split", pa.string())]  # fmt: skip
        self.schema = pa.schema([*fields, ("excluded", _TEXTS)] if excluded else fields)
        self.written = 0
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self.schema)
        self._batch: list[Document] = []
        self._chars = 0

    def add(self, document: Document) -> None:
        self._batch.append(document)
        self._chars += len(document.text)
        if len(self._batch) == BATCH_DOCUMENTS or self._chars >= BATCH_CHARS:
            self.flush()

    def flush(self) -> None:
        """Writes what was added so far."""
        batch = self._batch
        columns = {
            "id": pa.array([doc.id for doc in batch], pa.string()),
            "text": pa.array([doc.text for doc in batch], pa.string()),
            "gold": pa.array([doc.gold for doc in batch], _TEXTS),
            "split": pa.array([str(doc.split or split_of(doc.id)) for doc in batch], pa.string()),
        }
        if "excluded" in self.schema.names:
            columns["excluded"] = pa.array([doc.excluded for doc in batch], _TEXTS)
        self._writer.write_table(pa.table(columns, schema=self.schema))
        self.written += len(batch)
        self._batch = []
        self._chars = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and (self._batch or not self.written):
            self.flush()
        self._writer.close()
        self._sink.close()


def read_info(folder: Path) -> DatasetInfo:
    """What dataset.json says. Raises DataError when it is missing or unreadable."""
    try:
        data = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
        dropped = tuple((str(why), int(count)) for why, count in data.pop("dropped"))
        a_and_b = data.pop("propensity", None)  # older folders have none
        propensity = None if a_and_b is None else (float(a_and_b[0]), float(a_and_b[1]))
        return DatasetInfo(**data, dropped=dropped, propensity=propensity)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise _unusable(folder, f"{INFO_FILE} cannot be read ({error})") from error


def read_dataset(folder: Path) -> Dataset:
    """Opens a dataset memory-mapped (milliseconds). Raises DataError when a file is missing,
    damaged, or not the one that was written with the others."""
    info = read_info(folder)
    try:
        labels = LabelSpace(folder / LABELS_FILE)
        with pa.memory_map(str(folder / DOCUMENTS_FILE)) as source:
            documents = pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _unusable(folder, f"a file cannot be read ({error})") from error
    if labels.fingerprint != info.labels_fingerprint:
        raise _unusable(folder, f"{LABELS_FILE} was changed after the dataset was written")
    if documents.num_rows != info.documents:
        raise _unusable(folder, f"{DOCUMENTS_FILE} was changed after the dataset was written")
    return Dataset(info, labels, documents)


def _unusable(folder: Path, why: str) -> DataError:
    return DataError(
        f"The dataset in {folder} cannot be used: {why}.",
        "Delete that folder; it is built again the next time the dataset is opened.",
    )


def _label_table(labels: Iterable[Label]) -> pa.Table:
    ordered = sorted(labels, key=lambda label: label.id)
    return pa.table(
        {
            "id": pa.array([label.id for label in ordered], pa.string()),
            "name": pa.array([label.name for label in ordered], pa.string()),
            "description": pa.array([label.description for label in ordered], pa.string()),
        }
    )


def _write_table(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
