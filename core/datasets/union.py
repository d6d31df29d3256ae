"""The `all` dataset: four datasets as one, with about 934,000 labels to choose from.

Ids are those of the parts behind their name: `icd:A000`, `mesh:D000001`. Labels, parents,
documents, gold and excluded labels are those of the parts, and so is each document's split:
nothing that is for testing in a part is for training here.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.base import Dataset
from core.datasets.files import About, read_dataset
from core.datasets.tables import TEXTS, write_tables

PARTS = ("icd", "icd-pcs", "mesh", "wordnet")

ABOUT = About(
    name="all",
    title="All label spaces at once",
    what=(
        f"The labels and documents of {', '.join(PARTS)} together: each document is one of theirs "
        "with its own gold labels, to be found among the labels of all of them."
    ),
    kind="union of datasets",
    licence="that of each part",
    source="",  # that of each part, as it was built
)


def build(folder: Path) -> None:
    """Writes the dataset to `folder` (about five seconds); its parts lie beside it.

    In Arrow throughout: no label becomes a Python object. Raises DataError for a damaged part.
    """
    parts = {name: read_dataset(folder.parent / name) for name in PARTS}
    labels = pa.concat_tables([_labels(name, part) for name, part in parts.items()])
    documents = pa.concat_tables([_documents(name, part) for name, part in parts.items()])
    write_tables(folder, _about(parts), labels.sort_by("id"), documents)


def _about(parts: Mapping[str, Dataset]) -> About:
    dropped = [
        (f"{name}: {why}", count)
        for name, part in parts.items()
        for why, count in part.info.dropped
    ]
    source = "; ".join(f"{name}: {part.info.source}" for name, part in parts.items())
    return replace(ABOUT, source=source, dropped=tuple(dropped))


def _labels(name: str, part: Dataset) -> pa.Table:
    table = part.labels.table
    return pa.table(
        {
            "id": _prefixed(table["id"], name),
            "name": table["name"],
            "description": table["description"],
            "parents": _prefixed_lists(table, "parents", name),
        }
    )


def _documents(name: str, part: Dataset) -> pa.Table:
    return pa.table(
        {
            "id": _prefixed(part.table["id"], name),
            "text": part.table["text"],
            "gold": _prefixed_lists(part.table, "gold", name),
            "split": part.table["split"],
            "excluded": _prefixed_lists(part.table, "excluded", name),
        }
    )


def _prefixed(values: pa.ChunkedArray | pa.Array, name: str) -> pa.Array:
    return pc.binary_join_element_wise(name, values, ":")


def _prefixed_lists(table: pa.Table, column: str, name: str) -> pa.ChunkedArray:
    """A list column with the prefix on each id; empty lists where the part has no such column."""
    if column not in table.column_names:
        empty = pa.ListArray.from_arrays(
            pa.array([0] * (table.num_rows + 1), pa.int32()), pa.array([], pa.string())
        )
        return pa.chunked_array([empty], TEXTS)
    chunks = []
    for chunk in table[column].chunks:
        lengths = pc.fill_null(pc.list_value_length(chunk), 0)
        ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
        values = _prefixed(pc.list_flatten(chunk), name)
        chunks.append(pa.ListArray.from_arrays(ends.cast(pa.int32()), values))
    return pa.chunked_array(chunks, TEXTS)
