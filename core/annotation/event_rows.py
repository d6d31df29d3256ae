"""A row of a file of judgements, checked and read as the event that it says it is."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from core.annotation.cells import from_cell, visible
from core.annotation.events import KINDS, LEADS, JudgementEvent, QueueKey, TraceKey
from core.annotation.judgement import Judgement
from core.annotation.verdicts import Compared, TaskKind
from core.errors import InputError

_ID = re.compile(r"[0-9A-Za-z_-]{1,32}")
_MAX_TEXT = 4_000  # characters of a name or id
_MAX_TOKEN = 64
_MAX_OVERLAP, _MAX_TASKS = 1_000, 1_000_000_000  # nothing larger fits into the store's numbers


class NoEventError(Exception):
    """A row that is no event; its text says why. Never leaves core/annotation and db."""


def event_of(values: Mapping[str, Any], *, cells: bool) -> JudgementEvent:
    """The event of a row; `cells`: its values are texts of a CSV file. Raises NoEventError."""
    row = _Row(values, cells)
    kind = row.text("kind")
    if kind not in KINDS:
        raise NoEventError(f"the kind {kind!r} is none of {', '.join(KINDS)}")
    said = row.json("judgement")
    if (said is None) is not (kind == "undo"):
        raise NoEventError("only an undo has no judgement")
    if kind != "undo" and (kind == "adjudication") is not (row.text("person") == LEADS):
        raise NoEventError(f"adjudications, and nothing else, are said by {LEADS}")
    undoes = row.maybe("undoes")
    if (undoes is None) is not (kind != "undo"):
        raise NoEventError("an undo names what it undoes, and nothing else does")
    try:
        judgement = None if said is None else Judgement.from_json(said)
    except InputError as error:
        raise NoEventError(error.what) from error
    return JudgementEvent(
        id=_checked_id(row.text("id"), "id"), kind=kind,
        after=row.text("after") and _checked_id(row.text("after"), "after"),
        undoes=undoes and _checked_id(undoes, "undoes"),
        created_at=row.time("created_at"), person=row.needed("person"),
        annotator=row.text("annotator"), seconds=row.seconds(),
        guideline=row.whole("guideline", 1_000_000_000), token=row.token(),
        trace=_trace_of(row), other=_other_of(row), queue=_queue_of(row), run=row.maybe("run"),
        judgement=judgement, shown=row.json("shown"), stands=row.flag("stands"),
        written_by=row.text("phaselens"),
    )  # fmt: skip


class _Row:
    """Values of a row by column, each checked as it is asked for."""

    def __init__(self, values: Mapping[str, Any], cells: bool) -> None:
        self._values, self._cells = values, cells

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise NoEventError(f"{name} is no text")
        text = visible(from_cell(value) if self._cells else value)
        if len(text) > _MAX_TEXT:
            raise NoEventError(f"{name} has more than {_MAX_TEXT:,} characters")
        return text

    def maybe(self, name: str) -> str | None:
        return self.text(name) or None

    def needed(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise NoEventError(f"there is no {name}")
        return text

    def json(self, name: str) -> dict[str, Any] | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        try:
            found = json.loads(value) if isinstance(value, str) else value
            json.dumps(found, allow_nan=False)  # no database takes NaN
        except (ValueError, RecursionError) as error:
            raise NoEventError(f"{name} is no JSON that can be kept") from error
        if not isinstance(found, dict):
            raise NoEventError(f"{name} is no object")
        return found

    def whole(self, name: str, most: int) -> int | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        try:
            found = int(from_cell(value)) if isinstance(value, str) else value
        except ValueError as error:
            raise NoEventError(f"{name} is no whole number") from error
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
            raise NoEventError(f"{name} is no whole number from 0 to {most:,}")
        return found

    def seconds(self) -> float | None:
        value = self._values.get("seconds")
        if value is None or value == "":
            return None
        try:
            found = float(from_cell(value) if isinstance(value, str) else value)
        except (ValueError, TypeError, OverflowError) as error:
            raise NoEventError("seconds is no number") from error
        if not isfinite(found):
            raise NoEventError("seconds is no number")
        return found

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        return value is True or (isinstance(value, str) and value.strip().lower() == "true")

    def time(self, name: str) -> datetime:
        value = self._values.get(name)
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise NoEventError(f"{name} is no time") from error

    def token(self) -> str | None:
        token = self.maybe("token")
        if token is not None and (len(token) > _MAX_TOKEN or not token.isprintable()):
            raise NoEventError("token is none")
        return token


def _checked_id(text: str, name: str) -> str:
    if not _ID.fullmatch(text):
        raise NoEventError(f"{name} {text[:40]!r} is no id")
    return text


def _trace_of(row: _Row) -> TraceKey:
    return TraceKey(
        _checked_id(row.text("trace"), "trace"), row.text("dataset"), row.text("document"),
        row.text("system"), row.text("trace_sha256"),
    )  # fmt: skip


def _other_of(row: _Row) -> TraceKey | None:
    id = row.maybe("other_trace")
    if id is None:
        return None
    return TraceKey(
        _checked_id(id, "other_trace"), row.text("other_dataset"), row.text("other_document"),
        row.text("other_system"), row.text("other_sha256"),
    )  # fmt: skip


def _queue_of(row: _Row) -> QueueKey | None:
    id = row.maybe("queue_id")
    if id is None:
        return None
    try:
        kind = TaskKind(row.text("queue_kind"))
    except ValueError as error:
        raise NoEventError(f"queue_kind {row.text('queue_kind')!r} is none") from error
    source = row.json("queue_source") or {}
    if source.get("compared", Compared.TRACE) not in list(Compared):  # it may be any JSON
        raise NoEventError("queue_source compares what is not known")
    position = row.whole("position", _MAX_TASKS)
    if position is None:
        raise NoEventError("there is no position of the task in its queue")
    return QueueKey(
        _checked_id(id, "queue_id"), row.needed("queue"), kind,
        row.whole("overlap", _MAX_OVERLAP) or 1, row.flag("blind"),
        row.whole("queue_tasks", _MAX_TASKS) or position + 1, position,
        source,
    )  # fmt: skip
