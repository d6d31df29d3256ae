"""Judgements as files: CSV, JSONL and Parquet, a row an event, written and read a few at a time."""

import csv
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from core.annotation.cells import json_cell, json_line, to_cell
from core.annotation.event_rows import NoEventError, event_of
from core.annotation.events import COLUMNS, READING, JudgementEvent
from core.atomic import new_file
from core.errors import InputError
from core.importing.lines import Progress
from core.importing.readers import Bad, Format, format_of, plain_suffix, rows_of

ROWS_AT_A_TIME = 1000  # of Parquet
_JSON = ("judgement", "shown", "queue_source")
_TYPES = {
    "stands": pa.bool_(), "blind": pa.bool_(), "created_at": pa.timestamp("us", tz="UTC"),
    "seconds": pa.float64(), "guideline": pa.int64(), "queue_tasks": pa.int64(),
    "overlap": pa.int64(), "position": pa.int64(),
}  # fmt: skip


class FileFormat(StrEnum):
    """What judgements are written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class BadRow(NamedTuple):
    """A row that is no judgement. `number`: line or row from 1."""

    number: int
    why: str


class ReadRow(NamedTuple):
    number: int
    event: JudgementEvent


def format_named(path: Path, name: str = "") -> FileFormat:
    """The format of that name, or of the path's ending. Raises InputError."""
    said = name.strip().lower() or plain_suffix(path).lstrip(".")
    if said not in set(FileFormat):
        raise InputError(
            f"{said or path.name!r} is no format of judgements.",
            f"Choose one of: {', '.join(FileFormat)}.",
        )
    return FileFormat(said)


def write_events(path: Path, kind: FileFormat, events: Iterable[JudgementEvent]) -> int:
    """Writes a file, whole or not at all; gives how many rows it has. Raises InputError where it
    cannot be written."""
    whole = path.expanduser().absolute()
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        with new_file(whole) as new:
            return _WRITERS[kind](new, events)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}).",
            "Choose a folder with room that can be written.",
        ) from error


def read_events(path: Path, progress: Progress | None = None) -> Iterator[ReadRow | BadRow]:
    """The events of a file, in its order. Raises InputError for a file that holds none at all."""
    kind = format_of(path)
    if kind not in (Format.JSONL, Format.CSV, Format.PARQUET):
        raise InputError(f"{path.name} holds no judgements.", "Give .csv, .jsonl or .parquet.")
    for row in rows_of(path, kind, progress):
        if isinstance(row, Bad):
            yield BadRow(row.number, f"{row.kind}: {row.value}")
            continue
        try:
            yield ReadRow(row.number, event_of(row.values, cells=kind is Format.CSV))
        except NoEventError as error:
            yield BadRow(row.number, str(error))


def _csv(path: Path, events: Iterable[JudgementEvent]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for event in events:
            out.writerow([_cell(name, value) for name, value in event.row().items()])
            count += 1
    return count


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _JSON:
        return json_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return to_cell(str(value))


def _jsonl(path: Path, events: Iterable[JudgementEvent]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for event in events:
            row = {k: v for k, v in event.row().items() if v is not None and k not in READING}
            file.write(json_line(row) + "\n")
            count += 1
    return count


def _parquet(path: Path, events: Iterable[JudgementEvent]) -> int:
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        for event in events:
            row = event.row() | {"created_at": event.created_at}
            row |= {name: None if row[name] is None else json_line(row[name]) for name in _JSON}
            rows.append(row)
            count += 1
            if len(rows) == ROWS_AT_A_TIME:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows.clear()
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return count


_WRITERS = {FileFormat.CSV: _csv, FileFormat.JSONL: _jsonl, FileFormat.PARQUET: _parquet}
