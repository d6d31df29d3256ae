"""One event of the judgements' log with all that tells where it came from: a row of a file.

The same row in every format: JSONL holds plain values, CSV cells (core/annotation/cells.py),
Parquet typed columns with JSON in texts. `judgement` and `shown` are what counts; the columns in
READING repeat parts of them for people who read a table, and no import looks at them.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from core.annotation.cells import visible
from core.annotation.judgement import Judgement
from core.annotation.verdicts import TaskKind
from core.traces.base import PhaseKind

KINDS = ("judgement", "undo", "adjudication")
LEADS = "*"  # stands for all leads, who share one chain of adjudications on a task
READING = ("shortlist", "preference", "shortlisting", "reasoning", "boundary", "comment")
NO_PHASES = "no phases"  # the boundary -1, in words


@dataclass(frozen=True, slots=True)
class TraceKey:
    """Which trace was judged. `sha256`: of its text, so that it is found again where the trace was
    brought in under another id."""

    id: str
    dataset: str
    document_id: str
    system: str
    sha256: str


@dataclass(frozen=True, slots=True)
class QueueKey:
    """The queue of a judgement, with all that makes it anew. `position`: of the task, from 0;
    `source`: how its traces were chosen, and what a preference is about."""

    id: str
    name: str
    kind: TaskKind
    overlap: int
    blind: bool
    tasks: int
    position: int
    source: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class JudgementEvent:
    """`after`: the event before it in its author's chain, "" for the first; `queue` is None for a
    judgement outside any queue; `other`: the second trace of a preference; `judgement` is None for
    an undo; `stands`: whether it held when it was written out; `written_by`: which PhaseLens wrote
    it out. Not hashable: it holds plain data."""

    id: str
    kind: str
    after: str
    undoes: str | None
    created_at: datetime
    person: str
    annotator: str
    seconds: float | None
    guideline: int | None
    token: str | None
    trace: TraceKey
    other: TraceKey | None
    queue: QueueKey | None
    run: str | None
    judgement: Judgement | None
    shown: dict[str, Any] | None
    stands: bool = True
    written_by: str = ""

    def row(self) -> dict[str, Any]:
        """Its row, in the order of columns: plain values, a time as ISO 8601 in UTC."""
        queue, other = self.queue, self.other
        return {
            "id": self.id,
            "kind": self.kind,
            "stands": self.stands,
            "created_at": self.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "annotator": self.annotator,
            "person": self.person,
            "dataset": self.trace.dataset,
            "document": self.trace.document_id,
            "system": self.trace.system,
            "run": self.run,
            **self._said(),
            "seconds": self.seconds,
            "guideline": self.guideline,
            "queue": queue.name if queue else None,
            "queue_id": queue.id if queue else None,
            "queue_kind": str(queue.kind) if queue else None,
            "queue_tasks": queue.tasks if queue else None,
            "overlap": queue.overlap if queue else None,
            "blind": queue.blind if queue else None,
            "position": queue.position if queue else None,
            "queue_source": queue.source if queue else None,
            "trace": self.trace.id,
            "trace_sha256": self.trace.sha256,
            "other_trace": other.id if other else None,
            "other_dataset": other.dataset if other else None,
            "other_document": other.document_id if other else None,
            "other_system": other.system if other else None,
            "other_sha256": other.sha256 if other else None,
            "after": self.after,
            "undoes": self.undoes,
            "token": self.token,
            "judgement": None if self.judgement is None else self.judgement.to_json(),
            "shown": self.shown,
            "phaselens": self.written_by,
        }

    def _said(self) -> dict[str, str | None]:
        """The columns in READING."""
        said = self.judgement or Judgement()
        at = said.boundary
        return {
            "shortlist": _word(said.shortlist),
            "preference": _word(said.preference),
            "shortlisting": _word(said.phases.get(PhaseKind.SHORTLISTING)),
            "reasoning": _word(said.phases.get(PhaseKind.REASONING)),
            "boundary": None if at is None else NO_PHASES if at < 0 else str(at),
            "comment": visible(said.comment) or None,
        }


def _word(verdict: StrEnum | None) -> str | None:
    return None if verdict is None else verdict.value


_ANY = TraceKey("", "", "", "", "")
COLUMNS = tuple(  # of every table, in order
    JudgementEvent(
        "", "", "", None, datetime.min.replace(tzinfo=UTC), "", "", None, None, None, _ANY, None,
        None, None, None, None,
    ).row()
)  # fmt: skip
