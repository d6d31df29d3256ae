"""One trace of somebody else's model, as it is stored."""

from dataclasses import dataclass, field
from typing import Any

from core.datasets.base import Document
from core.rerank.base import Candidate
from core.traces.base import FinishReason


@dataclass(frozen=True, slots=True)
class ImportedTrace:
    """`id`: 16 hex digits of the SHA-256 of everything in it, so that the same row is the same
    trace. `answer`: label ids as given, None where the row has no answer apart from its trace.
    `row`: all of the row but the texts of trace and document, as an export writes it back."""

    id: str
    dataset: str
    document: Document
    system: str
    text: str
    answer: tuple[str, ...] | None
    answer_names: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    token_offsets: tuple[tuple[int, int], ...]
    tokens: int
    seconds: float | None
    finish_reason: FinishReason
    row: dict[str, Any] = field(hash=False)
