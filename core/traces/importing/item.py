"""One trace of somebody else's model, checked: from the values of a row to what is stored."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from core.datasets.base import Document
from core.importing.lines import is_text
from core.importing.problems import Kind
from core.importing.values import UnusableError, id_of, ids_of, text_of
from core.rerank.base import Candidate
from core.traces.base import FinishReason
from core.traces.importing.base import ImportedTrace
from core.traces.importing.known import Known, KnownDataset
from core.traces.importing.thinking import joined

MAX_TRACE_CHARS = 4_000_000
MAX_NAME = 200  # characters of a dataset's or system's name
SHOWN_AT_MOST = 1000  # candidates of one trace

_LENGTH = ("length", "max_tokens", "model_length")

Note = tuple[Kind, str]  # what was odd in a row that is kept
Columns = Mapping[str, str]


def item_of(
    values: Mapping[str, Any],
    columns: Columns,
    defaults: Mapping[str, str],
    known: Known,
    max_document_chars: int,
) -> tuple[ImportedTrace, list[Note]]:
    """The trace of a row, and what was odd in it. `columns`: role -> column; `defaults`: dataset
    and system where a row does not name them. Raises UnusableError."""
    notes: list[Note] = []

    def value(role: str) -> Any:
        return values.get(columns[role]) if role in columns else None

    name = text_of(value("dataset"), MAX_NAME) or defaults.get("dataset", "")
    dataset = known.dataset(name)
    system = text_of(value("system"), MAX_NAME) or defaults.get("system", "")
    if not system:
        raise UnusableError(Kind.NO_SYSTEM, "")
    text, style = _trace(value("trace"), value("reasoning"), value("content"))
    gold = [dataset.label(one) or one for one in ids_of(value("gold"), "")]
    document_text = text_of(value("text"), max_document_chars)
    document, from_dataset = _document(dataset, value("document"), document_text, gold, notes)
    row: dict[str, Any] = {"dataset": name, "document_id": document.id, "system": system, **style}
    if not from_dataset:
        row |= {"gold": list(document.gold)} if document.gold else {}
    answer = _answer(value("answer"), dataset, row, notes)
    candidates = _candidates(value("candidates"), dataset, row)
    offsets = _offsets(value("offsets"), text, row, notes)
    tokens = _number(value("tokens"), row, "tokens")
    seconds = _number(value("seconds"), row, "seconds")
    finish = text_of(value("finish"), MAX_NAME)
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
    """A text as it is, surrounding space included. Raises UnusableError. What no store keeps, NUL,
    becomes U+FFFD, so that the same row is the same trace again."""
    if value is None:
        raise UnusableError(Kind.EMPTY_TRACE, "")
    if not isinstance(value, str):
        raise UnusableError(Kind.MALFORMED, value)
    if len(value) > MAX_TRACE_CHARS:
        raise UnusableError(Kind.TOO_LONG, f"{len(value):,} characters: {value[:80]}")
    if not is_text(value):
        raise UnusableError(Kind.ENCODING, value)
    return value.replace("\x00", "\ufffd")


def _document(
    dataset: KnownDataset, given: Any, text: str, gold: list[str], notes: list[Note]
) -> tuple[Document, bool]:
    """The document, and whether it is the dataset's own."""
    text = text.replace("\x00", "\ufffd")
    name = id_of(given) if given not in (None, "") else ""
    found = dataset.document(name) if name else dataset.document_of(text) if text else None
    if found is not None and text and text != found.text.strip():
        notes.append((Kind.OTHER_TEXT, found.id))
        return Document(found.id, text, tuple(gold) or found.gold, found.split), False
    if found is not None:
        return found, True
    if not text:
        raise UnusableError(Kind.UNKNOWN_DOCUMENT, name)
    if not name:
        name = f"text-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return Document(name, text, tuple(gold)), False


def _answer(
    given: Any, dataset: KnownDataset, row: dict[str, Any], notes: list[Note]
) -> tuple[str, ...] | None:
    """Label ids of an answer given as ids or names; one that is no label stays as it is."""
    if given is None:
        return None
    said = ids_of(given, "")
    row["answer"] = said
    found = []
    for one in said:
        label = dataset.label(one)
        if label is None:
            notes.append((Kind.UNKNOWN_ANSWER, one))
        found.append(label or one)
    return tuple(dict.fromkeys(found))


def _candidates(given: Any, dataset: KnownDataset, row: dict[str, Any]) -> tuple[Candidate, ...]:
    """The labels that the model was shown, numbered as they come."""
    if given is None:
        return ()
    if isinstance(given, list) and given and isinstance(given[0], dict):
        given = [one.get("id") or one.get("name") for one in given if isinstance(one, dict)]
    said = ids_of(given, "")[:SHOWN_AT_MOST]
    row["candidates"] = said
    labels = [(dataset.label(one) or one, one) for one in said]
    return tuple(
        Candidate(number, label, dataset.name_of(label) or one)
        for number, (label, one) in enumerate(labels, start=1)
    )


def _offsets(
    given: Any, text: str, row: dict[str, Any], notes: list[Note]
) -> tuple[tuple[int, int], ...]:
    """(start, end) a token, in order and inside the trace; () where they do not fit."""
    if given is None:
        return ()
    try:
        found = tuple((int(start), int(end)) for start, end in given)
    except (TypeError, ValueError):
        notes.append((Kind.OFFSETS, str(given)[:80]))
        return ()
    starts = [start for start, _ in found]
    inside = all(0 <= start <= end <= len(text) for start, end in found)
    if not inside or starts != sorted(starts) or "reasoning_chars" in row:
        notes.append((Kind.OFFSETS, str(found[:4])))
        return ()
    row["token_offsets"] = [list(one) for one in found]
    return found


def _number(given: Any, row: dict[str, Any], name: str) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1e12:
        return None
    row[name] = int(given) if float(given).is_integer() else given  # Parquet has floats alone
    return float(given)
