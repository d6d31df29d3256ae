"""One trace of somebody else's model, checked: from the values of a row to what is stored."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from core.importing.lines import is_text
from core.importing.problems import Kind
from core.importing.values import UnusableError, text_of
from core.traces.base import FinishReason
from core.traces.importing.base import ImportedTrace
from core.traces.importing.document import document_of
from core.traces.importing.known import Known
from core.traces.importing.labels import answer_of, candidates_of, gold_of
from core.traces.importing.measures import MOST_SECONDS, MOST_TOKENS, number_of, offsets_of
from core.traces.importing.notes import Notes, cleaned
from core.traces.importing.thinking import joined

MAX_TRACE_CHARS = 4_000_000
MAX_NAME = 200  # characters of a dataset's or system's name

_LENGTH = ("length", "max_tokens", "model_length")

Columns = Mapping[str, str]


def item_of(
    values: Mapping[str, Any],
    columns: Columns,
    defaults: Mapping[str, str],
    known: Known,
    max_document_chars: int,
) -> tuple[ImportedTrace, Notes]:
    """The trace of a row, and what was odd in it. `columns`: role -> column; `defaults`: dataset
    and system where a row does not name them. Raises UnusableError."""
    notes: Notes = []

    def value(role: str) -> Any:
        found = values.get(columns[role]) if role in columns else None
        empty = isinstance(found, float) and math.isnan(found)  # as pandas has it
        return None if empty else found

    name = cleaned(text_of(value("dataset"), MAX_NAME)) or defaults.get("dataset", "")
    dataset = known.dataset(name)
    system = cleaned(text_of(value("system"), MAX_NAME) or defaults.get("system", ""))
    if not system:
        raise UnusableError(Kind.NO_SYSTEM, "")
    text, style = _trace(value("trace"), value("reasoning"), value("content"))
    gold = gold_of(value("gold"), dataset)
    document, from_dataset = document_of(
        dataset, value("document"), value("text"), value("prompt"), gold, max_document_chars, notes
    )
    row: dict[str, Any] = {"dataset": name, "document_id": document.id, "system": system, **style}
    if not from_dataset:
        row |= {"gold": list(document.gold)} if document.gold else {}
    answer = answer_of(value("answer"), dataset, row, notes)
    candidates = candidates_of(value("candidates"), dataset, row, notes)
    offsets = offsets_of(value("offsets"), text, row, notes)
    tokens = number_of(value("tokens"), row, "tokens", MOST_TOKENS, notes)
    seconds = number_of(value("seconds"), row, "seconds", MOST_SECONDS, notes)
    finish = cleaned(text_of(value("finish"), MAX_NAME))
    row |= {"finish_reason": finish} if finish else {}
    kept_text = None if from_dataset else document.text
    return ImportedTrace(
        id=_hash(row, text, kept_text), dataset=name, document=document, system=system,
        text=text, answer=answer,
        answer_names=tuple(dataset.name_of(label) or label for label in answer or ()),
        candidates=candidates, token_offsets=offsets,
        tokens=int(tokens) if tokens is not None else len(offsets), seconds=seconds,
        finish_reason=FinishReason.LENGTH if finish in _LENGTH else FinishReason.STOP,
        row=row | ({} if from_dataset else {"own_document": True}),
    ), notes  # fmt: skip


def _hash(row: Mapping[str, Any], text: str, document: str | None) -> str:
    whole = json.dumps([row, text, document], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _trace(trace: Any, reasoning: Any, content: Any) -> tuple[str, dict[str, Any]]:
    """(text, what says how it was given). Reasoning that comes apart is put before the answer."""
    if reasoning not in (None, ""):
        before, after = _exact(reasoning), _exact(content if content is not None else trace or "")
        return joined(before, after), {"reasoning_chars": len(before)}
    text = _exact(trace if trace not in (None, "") else content)
    if not text.strip():
        raise UnusableError(Kind.EMPTY_TRACE, "")
    return text, {}


def _exact(value: Any) -> str:
    """A text as it is, surrounding space included, but for NUL. Raises UnusableError."""
    if value is None:
        raise UnusableError(Kind.EMPTY_TRACE, "")
    if not isinstance(value, str):
        raise UnusableError(Kind.MALFORMED, value)
    if len(value) > MAX_TRACE_CHARS:
        raise UnusableError(Kind.TOO_LONG, f"{len(value):,} characters: {value[:80]}")
    if not is_text(value):
        raise UnusableError(Kind.ENCODING, value)
    return cleaned(value)
