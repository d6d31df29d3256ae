"""The tables of what people say of traces and shortlists, typed.

annotation_events  append-only: flags on traces and their undoing
shortlist_flag_events  the same on shortlists that no run made
judgements         append-only: what annotators say of tasks, its undoing, and adjudications
queues, queue_tasks    what is asked of annotators
task_states        who has claimed, done or skipped which task: derived, but for claims and skips
drafts             what an annotator has not submitted yet
guidelines         their versions
people             who has signed in, and their roles
own_keys           keys that people have chosen
talks              lists of examples with a speaker's notes
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, CleanText


class AnnotationEventRow(Base):
    """What a person says of a trace, or the undoing of it. Never changed, never deleted (triggers
    refuse both). `kind`: flag (a verdict), boundary (`value`: {"at": character or None}), undo.
    """

    __tablename__ = "annotation_events"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id"), index=True)
    undoes: Mapped[str | None] = mapped_column(ForeignKey("annotation_events.id"), unique=True)
    verdict: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(CleanText, default="")
    annotator: Mapped[str] = mapped_column(CleanText)
    client_token: Mapped[str | None] = mapped_column(String(64), unique=True)
    value: Mapped[dict[str, Any] | None]  # what is said besides a verdict
    shown: Mapped[dict[str, Any] | None]  # what was on the screen
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_annotation_events_verdict", "verdict", "trace_id"),)


class ShortlistFlagRow(Base):
    """A flag on a shortlist that no run made, or the undoing of one. Never changed or deleted.

    `subject`: a hash of dataset, document and text; `document_id` is "" for a person's own text.
    """

    __tablename__ = "shortlist_flag_events"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # flag | undo
    undoes: Mapped[str | None] = mapped_column(ForeignKey("shortlist_flag_events.id"), unique=True)
    dataset: Mapped[str] = mapped_column(String(200))
    document_id: Mapped[str] = mapped_column(CleanText)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    verdict: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(CleanText, default="")
    annotator: Mapped[str] = mapped_column(CleanText)
    client_token: Mapped[str | None] = mapped_column(String(64), unique=True)
    shown: Mapped[dict[str, Any] | None]  # what was on the screen
    created_at: Mapped[datetime] = mapped_column(index=True)


class JudgementRow(Base):
    """A judgement, the undoing of one, or an adjudication. Never changed, never deleted (triggers
    refuse both).

    `subject`: "task:N", or "trace:ID" for a judgement outside any queue. The events of one person
    on one subject form a chain: each names in `after` the one before ("" the first), and two cannot
    name the same, so that nobody overwrites what they have not seen.
    """

    __tablename__ = "judgements"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(12))  # judgement | undo | adjudication
    subject: Mapped[str] = mapped_column(String(40))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("queue_tasks.id"), index=True)
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id"), index=True)
    person: Mapped[str] = mapped_column(CleanText)
    annotator: Mapped[str] = mapped_column(CleanText)  # the name at that time
    after: Mapped[str] = mapped_column(String(32))
    undoes: Mapped[str | None] = mapped_column(ForeignKey("judgements.id"), unique=True)
    value: Mapped[dict[str, Any] | None]
    guideline: Mapped[int | None]
    seconds: Mapped[float | None]
    shown: Mapped[dict[str, Any] | None]  # what was on the screen
    client_token: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_judgements_subject_person_after", "subject", "person", "after", unique=True),
    )


class QueueRow(Base):
    """What is asked of annotators. `source`: how its traces were chosen; `assigned`: ids of the
    people it is for, [] for everybody; `overlap`: how many are to judge each task."""

    __tablename__ = "queues"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(CleanText, unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    source: Mapped[dict[str, Any]]
    overlap: Mapped[int]
    blind: Mapped[bool]
    assigned: Mapped[list[Any]]
    tasks: Mapped[int]
    created_by: Mapped[str] = mapped_column(CleanText)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class TaskRow(Base):
    """One task. `other_id`: the second trace of a preference; `judged`: how many have judged it;
    `complete`: whether as many have as are to."""

    __tablename__ = "queue_tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"))
    position: Mapped[int]
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id"))
    other_id: Mapped[str | None] = mapped_column(ForeignKey("traces.id"))
    judged: Mapped[int] = mapped_column(default=0)
    complete: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index("uq_queue_tasks_queue_id_position", "queue_id", "position", unique=True),
        Index("ix_queue_tasks_open", "queue_id", "complete", "position"),
    )


class TaskStateRow(Base):
    """What one person has to do with one task. `state`: claimed (until `expires_at`), done,
    skipped."""

    __tablename__ = "task_states"

    task_id: Mapped[int] = mapped_column(ForeignKey("queue_tasks.id"), primary_key=True)
    person: Mapped[str] = mapped_column(CleanText, primary_key=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"))
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))
    expires_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]

    __table_args__ = (Index("ix_task_states_person", "queue_id", "person", "state", "position"),)


class DraftRow(Base):
    """What somebody has said of a task and not submitted yet."""

    __tablename__ = "drafts"

    subject: Mapped[str] = mapped_column(String(40), primary_key=True)
    person: Mapped[str] = mapped_column(CleanText, primary_key=True)
    value: Mapped[dict[str, Any]]
    seconds: Mapped[float]
    changed_at: Mapped[datetime]


class GuidelinesRow(Base):
    """A version of the guidelines; never changed."""

    __tablename__ = "guidelines"

    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(CleanText)
    reasons: Mapped[list[Any]]
    created_by: Mapped[str] = mapped_column(CleanText)
    created_at: Mapped[datetime]


class PersonRow(Base):
    """Somebody who has signed in."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(CleanText, primary_key=True)
    name: Mapped[str] = mapped_column(CleanText)
    email: Mapped[str] = mapped_column(CleanText)
    role: Mapped[str] = mapped_column(String(10))
    added_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class OwnKeysRow(Base):
    """The keys that somebody has chosen for verdicts and actions: "kind.name" -> key."""

    __tablename__ = "own_keys"

    person: Mapped[str] = mapped_column(CleanText, primary_key=True)
    keys: Mapped[dict[str, Any]]


class TalkRow(Base):
    """A list of examples to show. `slides`: [{"trace", "title", "note"}]; `version` goes up with
    every change, so that two who change it at once do not overwrite each other."""

    __tablename__ = "talks"

    name: Mapped[str] = mapped_column(CleanText, primary_key=True)
    slides: Mapped[list[Any]]
    version: Mapped[int]
    changed_by: Mapped[str] = mapped_column(CleanText)
    changed_at: Mapped[datetime]
