"""The labels of an import: read in batches, kept as one Arrow table, sorted by id.

Memory is bounded by the labels file (about three times its text, while it is sorted in Arrow),
not by the documents: labels are sorted in memory because every index needs them there anyway.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.importing.columns import LABEL_ROLES, Columns, guess
from core.datasets.importing.xmc import line_rows
from core.errors import InputError
from core.importing.hashes import Rows, Seen, hashes_of
from core.importing.problems import Kind, Problems
from core.importing.readers import Bad, Format, Row, rows_of
from core.importing.values import UnusableError, id_of, ids_of, text_of

BATCH = 8192
MAX_NAME = 10_000  # characters
MAX_DESCRIPTION = 200_000
MAX_TEXT = 2**31 - 1  # bytes of one column, which Arrow's strings can address
Tick = Callable[[int], None]


class _Read(NamedTuple):
    number: int
    id: str
    name: str
    description: str
    parents: list[str]


@dataclass(frozen=True)
class Labels:
    """All labels of an import.

    `table`: as labels.arrow has it. `id_of_row`: ids in the order of the file, null for those left
    out. `rows`: label id -> row of `table`.
    """

    table: pa.Table
    id_of_row: pa.Array
    rows: Rows
    read: int
    columns: dict[str, str]
    kind: Format


def read_labels(
    path: Path,
    kind: Format,
    columns: Columns,
    separator: str,
    problems: Problems,
    tick: Tick,
    *,
    by_row: bool,
) -> Labels:
    """Reads the labels of a file. Raises InputError where most of it cannot be used.

    `by_row`: documents name labels by row, so a label without an id gets its row; else its name.
    """
    roles, rows = _opened(path, kind, columns, tick)
    seen, names = Seen(), Seen()
    tables: list[pa.Table] = []
    places: list[pa.Array] = []
    batch: list[_Read | None] = []
    read = 0
    for row in rows:
        read += 1
        label = None
        if isinstance(row, Bad):
            problems.add(row.kind, path, row.number, row.value)
        else:
            try:
                label = _label(row, roles, separator, by_row=by_row)
            except UnusableError as error:
                problems.add(error.kind, path, row.number, error.value)
        batch.append(label)
        if len(batch) == BATCH:
            _keep(path, batch, seen, names, problems, tables, places)
            batch = []
    _keep(path, batch, seen, names, problems, tables, places)
    usable = sum(table.num_rows for table in tables)
    if not usable or problems.unreadable > read / 2:
        raise InputError(
            f"Of {read:,} rows of {path.name}, read as {kind}, {usable:,} are labels. "
            + problems.worst(),
            "Labels need an id and a name; say which columns hold them, as in label-id=code and "
            "name=title.",
        )
    table = _sorted(path, pa.concat_tables(tables), "parents" in roles)
    id_of_row = pa.chunked_array(places, pa.string()).combine_chunks()
    rows_by_id = Rows(_hashes(table["id"]))
    return Labels(table, id_of_row, rows_by_id, read, roles, kind)


def _opened(
    path: Path, kind: Format, columns: Columns, tick: Tick
) -> tuple[dict[str, str], Iterator[Row | Bad]]:
    if kind is Format.LINES:
        rows = line_rows(path, tick)
        first = next(line_rows(path), None)
        with_ids = isinstance(first, Row) and "id" in first.values
        return {**({"label-id": "id"} if with_ids else {}), "name": "text"}, rows
    there = columns_of(path, kind)
    roles = guess(path.name, there, LABEL_ROLES, columns)
    if "name" not in roles:
        raise InputError(
            f"{path.name} has no column for the names of labels. It has {', '.join(there)[:300]}.",
            "Say which it is, as in name=title.",
        )
    wanted = [name for name in there if name in roles.values()]
    return roles, rows_of(path, kind, tick, wanted)


def columns_of(path: Path, kind: Format, look_at: int = 100) -> list[str]:
    """Names of the columns of a file, by its first rows. Raises InputError where none is whole."""
    names: dict[str, None] = {}
    for at, row in enumerate(rows_of(path, kind)):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.values))
        if at >= look_at and (names or at >= 100 * look_at):
            break
    if not names:
        expected = "one JSON object a line" if kind is Format.JSONL else "rows with named columns"
        raise InputError(
            f"{path.name}, read as {kind}, has no usable row; {expected} were expected.",
            "Check that it is the right file and that its name ends as its format does.",
        )
    return list(names)


def _label(row: Row, roles: dict[str, str], separator: str, *, by_row: bool) -> _Read:
    values = row.values
    name = text_of(values.get(roles["name"]), MAX_NAME)
    if "label-id" in roles:
        label_id = id_of(values.get(roles["label-id"]))
    else:
        label_id = str(row.place) if by_row else id_of(name)
    if not name:
        raise UnusableError(Kind.EMPTY_NAME, label_id)
    description = text_of(values.get(roles.get("description", "")), MAX_DESCRIPTION)
    parents = ids_of(values.get(roles["parents"]), separator) if "parents" in roles else []
    return _Read(row.number, label_id, name, description, parents)


def _keep(
    path: Path,
    batch: list[_Read | None],
    seen: Seen,
    names: Seen,
    problems: Problems,
    tables: list[pa.Table],
    places: list[pa.Array],
) -> None:
    """Turns a batch into Arrow, without labels whose id was met before."""
    places.append(pa.array([one.id if one else None for one in batch], pa.string()))
    found = [one for one in batch if one is not None]
    again = seen.add(hashes_of([one.id for one in found]))
    same_name = names.add(hashes_of([" ".join(one.name.lower().split()) for one in found]))
    for at in np.flatnonzero(again | same_name):
        one = found[at]
        if again[at]:
            problems.add(Kind.DUPLICATE_ID, path, one.number, one.id)
        else:
            problems.add(Kind.DUPLICATE_NAME, path, one.number, one.name)
    kept = [one for one, repeated in zip(found, again, strict=True) if not repeated]
    tables.append(
        pa.table(
            {
                "id": pa.array([one.id for one in kept], pa.string()),
                "name": pa.array([one.name for one in kept], pa.string()),
                "description": pa.array([one.description for one in kept], pa.string()),
                "parents": pa.array([one.parents for one in kept], pa.list_(pa.string())),
            }
        )
    )


def _sorted(path: Path, table: pa.Table, hierarchy: bool) -> pa.Table:
    for column in table.column_names:
        if table[column].nbytes > MAX_TEXT:
            raise InputError(
                f"The column for {column} of {path.name} holds more than 2 GB of text.",
                "Shorten the descriptions, or leave their column out.",
            )
    if not hierarchy:
        table = table.drop_columns(["parents"])
    table = table.combine_chunks()
    return table.take(pc.sort_indices(table["id"])).combine_chunks()


def _hashes(ids: pa.ChunkedArray) -> np.ndarray:
    parts = [
        hashes_of(ids.slice(start, 65_536).to_pylist()) for start in range(0, len(ids), 65_536)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
