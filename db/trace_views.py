"""What the trace queries take and give: plain frozen dataclasses, safe to cache and pickle."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from core.datasets.base import Document
from core.errors import PhaseLensError
from core.rerank.base import Bucket, Candidate, Fate, GoldFate, Prediction
from core.shortlist.base import GoldRank, Shortlist
from core.systems import RunConfig
from core.traces.base import FinishReason, Trace


class TakenError(PhaseLensError):
    """A batch's document that is answered already, or is being answered by a live process."""


class TraceState(StrEnum):
    """Where a trace stands. Exactly one holds; whatever was written is kept in each."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"  # a person stopped it
    FAILED = "failed"  # an error stopped it; see `error`
    INTERRUPTED = "interrupted"  # its process ended in the middle


# How a trace that reached its end is stored, by what ended its text.
STATE_AFTER = {
    FinishReason.STOP: TraceState.DONE,
    FinishReason.LENGTH: TraceState.DONE,
    FinishReason.CANCELLED: TraceState.CANCELLED,
    FinishReason.ERROR: TraceState.FAILED,
}


class TraceOrder(StrEnum):
    """How a list is sorted; ties are broken newest first."""

    NEWEST = "newest first"
    OLDEST = "oldest first"
    LOWEST_F1 = "lowest F1 first"
    HIGHEST_F1 = "highest F1 first"
    MOST_TOKENS = "most tokens first"


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """Everything a finished (or cancelled) trace leaves behind.

    `stages`: (name, milliseconds, note). `example_f1` and `recall_at_k` in [0, 1], higher =
    better; None where the document has no gold labels.
    """

    document: Document
    gold: tuple[GoldRank, ...]
    shortlist: Shortlist
    candidates: tuple[Candidate, ...]
    rendered: str
    trace: Trace
    prediction: Prediction
    fates: tuple[GoldFate, ...]
    stages: tuple[tuple[str, float, str], ...] = ()
    example_f1: float | None = None
    recall_at_k: float | None = None


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """What to list; None: anything. All conditions must hold.

    `text`: words looked for at word starts in document, label names and trace, without regard to
    case and accents; "words in quotes" as a phrase. `flag`: a verdict, or "any".
    `since`: aware; begun at or after it. `origin`: live | batch | import. `chars_from` and
    `chars_to`: least length of the trace, and the length that it stays under; `f1_from` and
    `f1_to`: lowest and highest example-based F1, both included.
    """

    dataset: str | None = None
    system: str | None = None
    bucket: Bucket | str | None = None
    fate: Fate | str | None = None
    state: TraceState | str | None = None
    run_id: str | None = None
    text: str | None = None
    has_phases: bool | None = None
    flag: str | None = None
    since: datetime | None = None
    origin: str | None = None
    boundary_source: str | None = None
    chars_from: int | None = None
    chars_to: int | None = None
    f1_from: float | None = None
    f1_to: float | None = None


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One row of a list.

    `flags`: the verdicts that stand, with repeats. `snippet`: the place a text search found, with
    MARK_START and MARK_END of db.search around the words; escape it, then replace the marks.
    """

    id: str
    seq: int
    run_id: str | None
    origin: str
    dataset: str
    document_id: str
    document_start: str
    split: str | None
    system: str
    state: TraceState
    attempt: int
    created_at: datetime
    finished_at: datetime | None
    k: int
    n: int
    gold: int
    selected: int | None
    bucket: Bucket | None
    finish_reason: str | None
    has_phases: bool | None
    boundary: float | None
    boundary_source: str | None
    tokens: int
    chars: int
    seconds: float | None
    example_f1: float | None
    recall_at_k: float | None
    error: tuple[str, str] | None  # (what, fix)
    flags: tuple[str, ...] = ()
    snippet: str | None = None


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """One trace as saved. Parts that it never reached are None or empty.

    `text`: the trace's text, partial where it did not finish. `identity`: everything that
    decided the output (its run's), or None where the run was not known yet. `answer`: label ids
    that an imported trace came with, None where it had none apart from its text.
    """

    summary: TraceSummary
    config: RunConfig
    identity: dict[str, Any] | None
    document: Document
    text: str
    gold: tuple[GoldRank, ...]
    shortlist: Shortlist | None
    candidates: tuple[Candidate, ...]
    rendered: str | None
    trace: Trace | None
    prediction: Prediction | None
    fates: tuple[GoldFate, ...]
    stages: tuple[tuple[str, float, str], ...]
    answer: tuple[str, ...] | None = None

    @property
    def id(self) -> str:
        return self.summary.id

    @property
    def error(self) -> tuple[str, str] | None:
        return self.summary.error

    @property
    def to_analyse(self) -> bool:
        """Whether it was imported, and its phases, curves and fates are still to be worked out."""
        return self.summary.origin == "import" and self.summary.has_phases is None


class Neighbours(NamedTuple):
    """Trace ids before and after one in the list that a filter and an order make."""

    previous: str | None
    next: str | None


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """The values that occur in the store, for the filter widgets; sorted. Runs: newest first."""

    datasets: tuple[str, ...]
    systems: tuple[str, ...]
    buckets: tuple[str, ...]
    states: tuple[str, ...]
    fates: tuple[str, ...]
    runs: tuple[str, ...]
