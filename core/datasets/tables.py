"""Labels and documents as Arrow tables, and a dataset's folder written from such tables.

Used by the built-in datasets, whose labels can have parents and whose documents can exclude
labels, and where 664,000 labels must not become as many Python objects.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.atomic import new_folder, sha256_of
from core.datasets.base import DatasetInfo, Document, Label, LabelSpace, split_of
from core.datasets.files import DOCUMENTS_FILE, INFO_FILE, LABELS_FILE, About
from core.errors import DataError

TEXTS = pa.list_(pa.string())


def write_tables(
    folder: Path, about: About, labels: pa.Table | Path, documents: pa.Table, labels_of: str = ""
) -> DatasetInfo:
    """Writes a dataset to `folder`, replacing what is there only when all of it is written.

    `labels`: a table as `label_table` makes it, sorted by id; or the labels.arrow of the dataset
    `labels_of`, which is shared. Raises DataError for an id that stands twice.
    """
    with new_folder(folder) as new:
        if isinstance(labels, Path):
            _share(labels, new / LABELS_FILE)
        else:
            _refuse_repeats(labels["id"], about.name)
            _write(new / LABELS_FILE, labels)
        _refuse_repeats(documents["id"], about.name)
        _write(new / DOCUMENTS_FILE, documents)
        space = LabelSpace(new / LABELS_FILE)
        both = space.fingerprint + sha256_of(new / DOCUMENTS_FILE)
        info = DatasetInfo(
            **asdict(about),
            fingerprint=hashlib.sha256(both.encode()).hexdigest(),
            labels=len(space),
            documents=documents.num_rows,
            labels_fingerprint=space.fingerprint,
            labels_of=labels_of,
        )
        (new / INFO_FILE).write_text(json.dumps(asdict(info), indent=2), encoding="utf-8")
    return info


def label_table(labels: Iterable[Label]) -> pa.Table:
    """A table of labels sorted by id; with a column of parents where any label has one."""
    ordered = sorted(labels, key=lambda label: label.id)
    columns = {
        "id": pa.array([label.id for label in ordered], pa.string()),
        "name": pa.array([label.name for label in ordered], pa.string()),
        "description": pa.array([label.description for label in ordered], pa.string()),
    }
    if any(label.parents for label in ordered):
        columns["parents"] = pa.array([list(label.parents) for label in ordered], TEXTS)
    return pa.table(columns)


def document_table(documents: Sequence[Document]) -> pa.Table:
    """A table of documents in the order given; one without a split gets `split_of(id)`."""
    splits = [str(document.split or split_of(document.id)) for document in documents]
    columns = {
        "id": pa.array([document.id for document in documents], pa.string()),
        "text": pa.array([document.text for document in documents], pa.string()),
        "gold": pa.array([list(document.gold) for document in documents], TEXTS),
        "split": pa.array(splits, pa.string()),
    }
    if any(document.excluded for document in documents):
        columns["excluded"] = pa.array([list(document.excluded) for document in documents], TEXTS)
    return pa.table(columns)


def one_or_none(values: pa.Array) -> pa.Array:
    """A list column: [value] for each value, [] for each null."""
    present = np.asarray(values.is_valid())
    ends = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values.drop_null())


def _refuse_repeats(ids: pa.ChunkedArray, name: str) -> None:
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    raise DataError(
        f"The source of the dataset {name} has the id {repeated[0].as_py()!r} more than once.",
        "Fetch the source again; if that does not help, tell the authors of PhaseLens.",
    )


def _share(labels: Path, to: Path) -> None:
    """The same bytes under a second name; copied where the file system has no hard links."""
    try:
        os.link(labels, to)
    except OSError:
        shutil.copyfile(labels, to)


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
