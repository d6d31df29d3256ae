"""Rows of JSONL, CSV and Parquet files, one at a time, as values by column name.

A row that cannot be read is given as `Bad`, and the rows after it are read on.
"""

import csv
import json
from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputError
from core.importing.lines import Progress, lines_of
from core.importing.problems import Kind

BATCH_ROWS = 2048  # of a Parquet file at a time; fewer where they are large
LIST_ROWS = 64  # where columns hold lists, whose sizes a file does not say
BATCH_BYTES = 16_000_000  # as the file has them; dictionaries may make more of them
PYTHON_BYTES = 2_000_000  # of columns that are Python's values at a time; these take ten times that
RECORD_LINES = 1000  # a quoted CSV value may span so many lines; a longer one is not closed
RECORD_CHARS = 4_000_000
DELIMITERS = ",\t;|"
NO_DELIMITER = "\x1f"  # of a file with one column, whose texts may hold all of the above

csv.field_size_limit(max(csv.field_size_limit(), RECORD_CHARS * 2))


class Format(StrEnum):
    """How a file is read."""

    JSONL = "JSON lines"
    CSV = "CSV"
    PARQUET = "Parquet"
    SPARSE = "XMC sparse matrix"
    LINES = "one text a line"


class Row(NamedTuple):
    """`number`: line or row from 1, as a person finds it; `place`: among the rows, from 0."""

    number: int
    place: int
    values: dict[str, Any]


class Bad(NamedTuple):
    number: int
    place: int
    kind: Kind
    value: str


def plain_suffix(path: Path) -> str:
    """The ending that says the format: ".json" of "trn.json.gz"."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def format_of(path: Path) -> Format:
    """The format of a file, by its name and, for .txt, its first line. Raises InputError."""
    if not path.is_file():
        raise InputError(
            f"There is no file {path}.",
            "Check the path; it is one on the machine PhaseLens runs on.",
        )
    suffix = plain_suffix(path)
    if suffix in (".json", ".jsonl", ".ndjson"):
        return Format.JSONL
    if suffix in (".csv", ".tsv"):
        return Format.CSV
    if suffix in (".parquet", ".pq"):
        return Format.PARQUET
    if suffix == ".txt":
        first = next(lines_of(path), (1, ""))[1] or ""
        words = first.split()
        sizes = len(words) == 2 and all(word.isascii() and word.isdigit() for word in words)
        if "_X_Y" in path.name and not sizes:
            raise InputError(
                f"{path.name} is a sparse matrix by its name, but its first line is "
                f'{first[:80]!r}, and not "documents labels" as two whole numbers.',
                "Fetch it again, or give a file of texts a name without _X_Y.",
            )
        return Format.SPARSE if "_X_Y" in path.name else Format.LINES
    raise InputError(
        f"{path.name} is of no known format.",
        "Give .jsonl, .json, .csv, .tsv, .txt (all also .gz) or .parquet.",
    )


def rows_of(
    path: Path, kind: Format, progress: Progress | None = None, columns: list[str] | None = None
) -> Iterator[Row | Bad]:
    """Rows of a JSONL, CSV or Parquet file; `columns`: the only ones to read, where that saves.

    Raises InputError when the file as a whole is not what its name says.
    """
    if kind is Format.JSONL:
        return _json_rows(path, progress)
    if kind is Format.CSV:
        return _csv_rows(path, progress)
    if kind is Format.PARQUET:
        return _parquet_rows(path, progress, columns)
    raise InputError(
        f"{path.name} is a {kind} file; rows with named columns were expected.",
        "Give it together with the other files of its dataset.",
    )


def _json_rows(path: Path, progress: Progress | None) -> Iterator[Row | Bad]:
    index = 0
    for number, line in lines_of(path, progress):
        if line is None:
            yield Bad(number, index, Kind.TOO_LONG, "longer than 16 MB")
        elif not line.strip():
            continue
        else:
            if index == 0 and line.lstrip().startswith("["):
                raise InputError(
                    f"{path.name} begins with a list; one JSON object a line was expected.",
                    "Write each element on a line of its own (jq -c '.[]').",
                )
            try:
                values = json.loads(line)
            except (ValueError, RecursionError):
                values = None
            if isinstance(values, dict):
                yield Row(number, index, values)
            else:
                yield Bad(number, index, Kind.MALFORMED, line[:300])
        index += 1


def _csv_rows(path: Path, progress: Progress | None) -> Iterator[Row | Bad]:
    """Rows of a CSV file with a header.

    A quote that is never closed would swallow the rest of the file, so a row that does not fit
    the header, over however many lines, is one bad line, and reading goes on with the next.
    """
    source = lines_of(path, progress)
    again: deque[tuple[int, str | None]] = deque()
    header: list[str] | None = None
    delimiter = ","
    index = 0
    while True:
        number, line = again.popleft() if again else next(source, (0, ""))
        if number == 0:
            return
        if line is None:
            yield Bad(number, index, Kind.TOO_LONG, "longer than 16 MB")
            index += 1
            continue
        if not line.strip():
            continue
        if header is None:
            delimiter = max(DELIMITERS, key=line.count)
            header = _header(path, line, delimiter)
            if len(header) == 1:
                delimiter = NO_DELIMITER
            continue
        taken: list[tuple[int, str | None]] = []
        cells = _record(line, delimiter, again, source, taken)
        if cells is not None and len(cells) == len(header):
            yield Row(number, index, dict(zip(header, cells, strict=True)))
        else:
            again.extendleft(reversed(taken))
            yield Bad(number, index, Kind.MALFORMED, line[:300])
        index += 1


def _header(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise InputError(
            f"The first line of {path.name} is no CSV header ({error}).",
            "Put the names of the columns on the first line.",
        ) from error
    if len(set(names)) < len(names) or not all(names):
        raise InputError(
            f"The first line of {path.name} has empty or repeated column names.",
            "Give every column a name of its own on the first line.",
        )
    return names


def _record(
    line: str,
    delimiter: str,
    again: deque[tuple[int, str | None]],
    source: Iterator[tuple[int, str | None]],
    taken: list[tuple[int, str | None]],
) -> list[str] | None:
    """The cells of the record that begins with a line; the lines it takes besides go to `taken`.

    None where it is no record.
    """
    if '"' not in line:
        return line.split(delimiter)

    def feed() -> Iterator[str]:
        yield line + "\n"
        chars = len(line)
        while len(taken) < RECORD_LINES and chars < RECORD_CHARS:
            numbered = again.popleft() if again else next(source, None)
            if numbered is None:
                return
            taken.append(numbered)
            if numbered[1] is None:
                return
            chars += len(numbered[1])
            yield numbered[1] + "\n"

    try:
        return next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None


def _parquet_rows(
    path: Path, progress: Progress | None, columns: list[str] | None
) -> Iterator[Row | Bad]:
    size = path.stat().st_size
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            if columns is None:
                columns = file.schema_arrow.names
            total = max(file.metadata.num_rows, 1)
            index = 0
            rows = _rows_at_a_time(file)
            for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                if progress is not None:
                    progress(size * index // total)
                for part in _parts(batch):
                    yield from _batch_rows(part, index)
                    index += part.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} is no Parquet file that can be read ({str(error)[:200]}).",
            "Write it again, for example with pandas' to_parquet.",
        ) from error


def _rows_at_a_time(file: pq.ParquetFile) -> int:
    """Rows of a batch, so that it takes about BATCH_BYTES."""
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    largest = max((one.total_byte_size / max(one.num_rows, 1) for one in groups), default=1.0)
    lists = any(pa.types.is_nested(field.type) for field in file.schema_arrow)
    most = min(BATCH_ROWS, LIST_ROWS) if lists else BATCH_ROWS
    return max(1, min(most, int(BATCH_BYTES / max(largest, 1.0))))


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in parts of about PYTHON_BYTES, each of one row at least."""
    rows = max(1, batch.num_rows * PYTHON_BYTES // max(batch.nbytes, 1))
    for at in range(0, batch.num_rows, rows):
        yield batch.slice(at, rows)


def _batch_rows(batch: pa.RecordBatch, start: int) -> Iterator[Row | Bad]:
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError):  # a text may hold any bytes, a time be none: find the row
        rows = None
    for at in range(batch.num_rows):
        yield Row(start + at + 1, start + at, rows[at]) if rows else _one_row(batch, at, start + at)


def _one_row(batch: pa.RecordBatch, at: int, index: int) -> Row | Bad:
    try:
        return Row(index + 1, index, batch.slice(at, 1).to_pylist()[0])
    except UnicodeDecodeError as error:
        return Bad(index + 1, index, Kind.ENCODING, str(error))
    except (ValueError, OverflowError) as error:
        return Bad(index + 1, index, Kind.MALFORMED, str(error))
