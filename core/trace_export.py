"""Stored traces as a file that can be imported again: the same rows, the same traces."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.atomic import new_file
from core.errors import InputError
from core.importing.readers import plain_suffix
from core.traces.importing.thinking import taken_apart
from db.session import Store
from db.trace_exports import exported_rows
from db.trace_views import TraceFilter
from db.traces import count_of

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]

ROWS_AT_A_TIME = 1000  # of Parquet
SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("document_id", pa.string()),
        ("text", pa.string()),
        ("system", pa.string()),
        ("trace", pa.string()),
        ("reasoning_content", pa.string()),
        ("content", pa.string()),
        ("answer", pa.list_(pa.string())),
        ("gold", pa.list_(pa.string())),
        ("candidates", pa.list_(pa.string())),
        ("token_offsets", pa.list_(pa.list_(pa.int64()))),
        ("tokens", pa.float64()),
        ("seconds", pa.float64()),
        ("finish_reason", pa.string()),
    ]
)


def export_traces(
    store: Store, filter: TraceFilter, path: Path, *, report: Report, cancelled: Cancelled
) -> int | None:
    """Writes the finished traces that the filter leaves, whole or not at all; gives how many, None
    when cancelled. By the path's ending: .jsonl, .json or .parquet. Raises InputError."""
    suffix = plain_suffix(path) if path.suffix != ".gz" else ""
    if suffix not in (".jsonl", ".json", ".parquet"):
        raise InputError(
            f"{path.name} says no format of traces.", "Name a file .jsonl or .parquet."
        )
    with store.read() as session:
        total = count_of(session, filter)

    def rows() -> Iterator[dict[str, Any]]:
        with store.read() as session:
            for at, (row, trace, document) in enumerate(exported_rows(session, filter)):
                if cancelled():
                    raise _StoppedError
                report(f"Writing {path.name}", at, total)
                yield whole_row(row, trace, document)

    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        with new_file(path.absolute()) as new:
            return _parquet(new, rows()) if suffix == ".parquet" else _jsonl(new, rows())
    except _StoppedError:
        return None
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}).",
            "Choose a folder with room that can be written.",
        ) from error


class _StoppedError(Exception):
    """Unwinds an export; never leaves this module."""


def whole_row(row: dict[str, Any], trace: str, document: str) -> dict[str, Any]:
    """A row of the file, in the columns of SCHEMA; those without a value are left out."""
    row = dict(row)
    reasoning_chars = row.pop("reasoning_chars", None)
    if row.pop("own_document", False):
        row["text"] = document
    if reasoning_chars is None:
        row["trace"] = trace
    else:
        row["reasoning_content"], row["content"] = taken_apart(trace, reasoning_chars)
    return {name: row[name] for name in SCHEMA.names if name in row}


def _jsonl(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _parquet(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append(row)
            count += 1
            if len(batch) == ROWS_AT_A_TIME:
                writer.write_table(pa.Table.from_pylist(batch, SCHEMA))
                batch.clear()
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, SCHEMA))
    return count
