"""Rows of a file of traces, whatever it is: named columns, a chat log, an Inspect log."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.datasets.importing.columns import guess
from core.errors import InputError
from core.importing.lines import Progress
from core.importing.readers import Bad, Format, Row, format_of, rows_of
from core.importing.values import UnusableError
from core.traces.importing.chat import from_chat, is_chat
from core.traces.importing.columns import TRACE_ROLES
from core.traces.importing.inspect_log import eval_rows

INSPECT = "Inspect log"
CHAT = "chat log"
# What chat and Inspect logs give (core/traces/importing/chat.py, inspect_log.py).
LOG_COLUMNS = {
    "dataset": "dataset", "document": "document_id", "text": "text", "system": "system",
    "reasoning": "reasoning_content", "content": "content", "gold": "gold",
    "candidates": "candidates", "tokens": "tokens", "seconds": "seconds",
    "finish": "finish_reason",
}  # fmt: skip


class TraceRows:
    """A file and how it is read. `kind` and `columns` are known once it is made. Raises InputError
    for a file that is none of these."""

    def __init__(self, path: Path, given: Mapping[str, str]) -> None:
        self.path = path
        self._log = path.suffix.lower() == ".eval" and path.is_file()
        self._format = None if self._log else format_of(path)
        first = {} if self._log else _first(path, self._format)
        chat = is_chat(first)
        self.kind = INSPECT if self._log else CHAT if chat else str(self._format)
        if self._log or chat:
            self.columns: Mapping[str, str] = LOG_COLUMNS
            return
        self._seen = set(first)
        self.columns = guess(path.name, first, TRACE_ROLES, given)
        if not {"trace", "reasoning", "content"} & self.columns.keys():
            raise InputError(
                f"{path.name} has no column with traces; its columns are {', '.join(first)[:300]}.",
                "Say which it is, as in trace=output (--column).",
            )

    def __iter__(self) -> Iterator[Row | Bad]:
        return self.read(None)

    def read(self, progress: Progress | None) -> Iterator[Row | Bad]:
        """A log's row with several answers gives several rows of one number."""
        if self._format is None:
            yield from eval_rows(self.path, progress)
            return
        for row in rows_of(self.path, self._format, progress):
            if isinstance(row, Bad) or not is_chat(row.values):
                if not isinstance(row, Bad) and self.kind == Format.JSONL:
                    self._learn(row.values)
                yield row
                continue
            try:
                for values in from_chat(row.values):
                    yield Row(row.number, row.place, values)
            except UnusableError as error:
                yield Bad(row.number, row.place, error.kind, str(error.value))

    def _learn(self, values: Mapping[str, Any]) -> None:
        """Takes up columns that no row had before: each row of JSON lines has its own."""
        new = values.keys() - self._seen
        if new:
            self._seen |= new
            self.columns = {**guess(self.path.name, sorted(new), TRACE_ROLES, {}), **self.columns}


def _first(path: Path, kind: Format | None) -> dict[str, Any]:
    """The first good row, by which columns are told; of Parquet, all columns there are."""
    if kind is Format.PARQUET:
        try:
            return dict.fromkeys(pq.read_schema(path).names)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{path.name} is no Parquet file that can be read ({str(error)[:200]}).",
                "Write it again, for example with pandas' to_parquet.",
            ) from error
    if kind is not Format.JSONL and kind is not Format.CSV:
        raise InputError(
            f"{path.name} is {kind}, and not a file of traces.",
            "Give JSONL, Parquet, CSV, a chat log or an Inspect log (.eval).",
        )
    found: dict[str, Any] = {}
    for at, row in enumerate(rows_of(path, kind)):
        if not isinstance(row, Bad):
            found = {**row.values, **found}  # later rows may have columns that the first lacks
        if at == 20 and found:
            break
    return found
