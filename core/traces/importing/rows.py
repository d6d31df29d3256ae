"""Rows of a file of traces, whatever it is: named columns, a chat log, an Inspect log.

A file may hold rows of a chat log and rows of named columns; each is read as what it is.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from core.datasets.importing.columns import guess
from core.errors import InputError
from core.importing.lines import Progress
from core.importing.readers import Bad, Format, Row, format_of, rows_of
from core.importing.values import UnusableError
from core.traces.importing.chat import LOG_COLUMNS, from_chat, is_chat, places_of
from core.traces.importing.columns import MAYBE_GOLD, TRACE_ROLES, WRITTEN
from core.traces.importing.inspect_log import eval_rows

INSPECT = "Inspect log"
CHAT = "chat log"
LOOKED_AT = 20  # rows by which columns are told; later ones may add to them

Columns = Mapping[str, str]  # role -> column


class TraceRows:
    """A file and how it is read. `given`: role -> column, as the user says. Raises InputError for
    a file that is none of these, and for a given column that it has not."""

    def __init__(self, path: Path, given: Columns) -> None:
        self.path = path
        self._given = given
        self._said = {given[role] for role in WRITTEN if given.get(role)}
        self._log = path.suffix.lower() == ".eval" and path.is_file()
        self._format = None if self._log else format_of(path)
        self._chat = self._log
        self._named: Columns = {}  # of rows that are no log's
        self._seen: set[str] = set()
        if not self._log:
            self._look()

    @property
    def kind(self) -> str:
        """What the file was read as, as far as it was read."""
        if self._log:
            return INSPECT
        if not self._chat:
            return str(self._format)
        return f"{self._format} and {CHAT}" if self._seen else CHAT

    @property
    def columns(self) -> Columns:
        """Role -> column; of a log, what its rows are made into."""
        return self._named if self._seen else LOG_COLUMNS

    @property
    def maybe_gold(self) -> str | None:
        """The column that is taken for the answer and may hold gold, None where there is none."""
        column = self._named.get("answer", "")
        guessed = "answer" not in self._given and column.lower() == MAYBE_GOLD
        return column if guessed else None

    def read(self, progress: Progress | None) -> Iterator[tuple[Row | Bad, Columns]]:
        """Each row, and the columns by which it is read. A log's row with several answers gives
        several rows of one number."""
        if self._format is None:
            for row in eval_rows(self.path, progress):
                if isinstance(row, Row):
                    row = row._replace(values=row.values | self._asked(row.values))
                yield row, LOG_COLUMNS
            return
        for row in rows_of(self.path, self._format, progress):
            if isinstance(row, Bad):
                yield row, {}
            elif is_chat(row.values, self._said):
                self._chat = True
                for one in self._answers(row):
                    yield one, LOG_COLUMNS
            else:
                self._learn(row.values)
                yield row, self._columns_of(row.values)

    def _answers(self, row: Row) -> Iterator[Row | Bad]:
        asked = self._asked(row.values)
        try:
            for values in from_chat(row.values):
                yield Row(row.number, row.place, values | asked)
        except UnusableError as error:
            yield Bad(row.number, row.place, error.kind, str(error.value))

    def _asked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What a log's row has in the columns that the user says, in itself or its metadata."""
        found = {}
        for place in places_of(values):
            for role, column in self._given.items():
                apart = role in LOG_COLUMNS and role not in WRITTEN
                if apart and place.get(column) is not None:
                    found[LOG_COLUMNS[role]] = place[column]
        return found

    def _look(self) -> None:
        """Tells the columns by the first good rows."""
        named: dict[str, None] = {}
        logged: set[str] = set()
        for at, row in enumerate(_rows(self.path, self._format)):
            if isinstance(row, Row):
                if is_chat(row.values, self._said):
                    self._chat = True
                    logged |= {key for place in places_of(row.values) for key in place}
                else:
                    named |= dict.fromkeys(row.values)
            if at >= LOOKED_AT and (named or logged):
                break
        if self._format is Format.PARQUET and not named and not self._chat:
            named = dict.fromkeys(pq.read_schema(self.path).names)  # it has no rows
        # Of a file with rows of a log, a given column may be one of theirs alone.
        given = {
            role: one for role, one in self._given.items() if one in named or one not in logged
        }
        self._named = guess(self.path.name, named, TRACE_ROLES, given)
        self._seen = set(named)
        if not self._chat and not set(WRITTEN) & self._named.keys():
            raise InputError(
                f"{self.path.name} has no column with traces; its columns are "
                f"{', '.join(named)[:300]}.",
                "Say which it is, as in trace=output (--column).",
            )

    def _learn(self, values: Mapping[str, Any]) -> None:
        """Takes up columns that no row had before, as those of JSON lines may have."""
        new = values.keys() - self._seen
        if not new:
            return
        self._seen |= new
        not_again = dict.fromkeys(self._given, "")
        found = guess(self.path.name, sorted(new), TRACE_ROLES, not_again)
        if self.maybe_gold and "answer" in found:
            self._named = {role: one for role, one in self._named.items() if role != "answer"}
        self._named = {**found, **self._named}

    def _columns_of(self, values: Mapping[str, Any]) -> Columns:
        """The file's columns, or others for what a row has not in these and cannot lack."""
        columns = self._named
        if not _any(values, columns, WRITTEN):
            columns = self._instead(values, columns, WRITTEN)
        if columns.get("document") not in values and not _any(values, columns, ("text",)):
            columns = self._instead(values, columns, ("document",))
        return columns

    def _instead(
        self, values: Mapping[str, Any], columns: Columns, roles: tuple[str, ...]
    ) -> Columns:
        if any(role in self._given for role in roles):
            return columns
        free = [name for name in values if name not in columns.values()]
        found = guess(self.path.name, free, {role: TRACE_ROLES[role] for role in roles}, {})
        return {**columns, **found}


def _any(values: Mapping[str, Any], columns: Columns, roles: tuple[str, ...]) -> bool:
    there = (values.get(columns[role]) for role in roles if role in columns)
    return any(value not in (None, "") for value in there)


def _rows(path: Path, kind: Format | None) -> Iterator[Row | Bad]:
    if kind not in (Format.JSONL, Format.CSV, Format.PARQUET):
        raise InputError(
            f"{path.name} is {kind}, and not a file of traces.",
            "Give JSONL, Parquet, CSV, a chat log or an Inspect log (.eval).",
        )
    return rows_of(path, kind)
