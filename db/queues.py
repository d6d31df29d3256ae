"""Queues: which traces are to be judged, by how many, and how far that is."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from core.annotation.verdicts import Compared, TaskKind
from core.errors import InputError, UnknownNameError
from db.annotation_models import QueueRow, TaskRow, TaskStateRow
from db.clock import now
from db.people import allowed

MAX_NAME = 100
MAX_OVERLAP = 20
AT_ONCE = 5_000  # rows of one INSERT
CLAIMED, DONE, SKIPPED = "claimed", "done", "skipped"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. `source`: how its traces were chosen; `assigned`: ids of the people it is for, empty
    for everybody; `overlap`: how many are to judge each task."""

    id: str
    name: str
    kind: TaskKind
    source: dict[str, Any]
    overlap: int
    blind: bool
    assigned: frozenset[str]
    tasks: int
    created_by: str
    created_at: datetime
    closed_at: datetime | None

    @property
    def compared(self) -> Compared:
        """What its preferences are about."""
        return Compared(self.source.get("compared", Compared.TRACE))

    def is_for(self, person: Person) -> bool:
        return not self.assigned or person.id in self.assigned


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is. `complete`: tasks that as many have judged as are to; `judgements`: that
    stand; `mine`, `skipped`: tasks that one person has judged, and passed over; `last_hour`: tasks
    that this person has judged in the last hour."""

    tasks: int
    complete: int
    judgements: int
    mine: int
    skipped: int
    last_hour: int


def add_queue(
    session: Session,
    by: Person,
    *,
    name: str,
    kind: TaskKind,
    traces: Sequence[tuple[str, str | None]],
    overlap: int = 1,
    blind: bool = False,
    assigned: Collection[str] = (),
    source: dict[str, Any] | None = None,
) -> Queue:
    """Makes a queue of `traces`: (trace, the other one of a preference), in that order. Raises
    NotAllowedError; InputError for a name that is taken, no traces, or one side of a preference."""
    known = allowed(session, by, Role.LEAD)
    plain = _name(session, name)
    if not 1 <= overlap <= MAX_OVERLAP:
        raise InputError(
            f"{overlap} annotators a task are asked for.", f"Ask for 1 to {MAX_OVERLAP}."
        )
    if not traces:
        raise InputError("The queue would have no task.", "Choose another slice or rule.")
    if any((other is None) is (kind is TaskKind.PREFERENCE) for _, other in traces):
        raise InputError(
            "A preference is between two traces, and other tasks have one.",
            "Choose two systems for a preference.",
        )
    row = QueueRow(
        id=uuid.uuid4().hex, name=plain, kind=kind.value, source=source or {}, overlap=overlap,
        blind=blind, assigned=sorted(set(assigned)), tasks=len(traces), created_by=known.name,
        created_at=now(session),
    )  # fmt: skip
    session.add(row)
    session.flush()
    for start in range(0, len(traces), AT_ONCE):
        session.execute(
            insert(TaskRow),
            [
                {"queue_id": row.id, "position": at, "trace_id": trace, "other_id": other,
                 "judged": 0, "complete": False}
                for at, (trace, other) in enumerate(traces[start : start + AT_ONCE], start=start)
            ],
        )  # fmt: skip
    return _queue(row)


def close_queue(session: Session, by: Person, queue_id: str, *, closed: bool = True) -> None:
    """No more judgements are taken (or, with `closed` False, they are again)."""
    allowed(session, by, Role.LEAD)
    row = _row(session, queue_id)
    row.closed_at = now(session) if closed else None
    session.flush()


def find_queue(session: Session, queue_id: str) -> Queue:
    """Raises UnknownNameError."""
    return _queue(_row(session, queue_id))


def queues(session: Session, person: Person | None = None) -> list[Queue]:
    """All queues, newest first; those that are for one person, where one is given."""
    rows = session.execute(select(QueueRow).order_by(QueueRow.created_at.desc())).scalars()
    found = [_queue(row) for row in rows]
    return [queue for queue in found if person is None or queue.is_for(person)]


def progress(session: Session, queue: Queue, person: Person) -> Progress:
    """How far a queue is, and one person in it."""
    tasks = select(
        func.sum(TaskRow.judged), func.count().filter(TaskRow.complete)
    ).where(TaskRow.queue_id == queue.id)  # fmt: skip
    judged, complete = session.execute(tasks).one()
    own = select(TaskStateRow.state, func.count()).where(
        TaskStateRow.queue_id == queue.id, TaskStateRow.person == person.id
    )
    states = dict(session.execute(own.group_by(TaskStateRow.state)).all())
    return Progress(
        queue.tasks, complete or 0, judged or 0, states.get(DONE, 0), states.get(SKIPPED, 0),
        pace(session, queue, person),
    )  # fmt: skip


def pace(session: Session, queue: Queue, person: Person) -> int:
    """Tasks that the person has judged in the last hour."""
    since = now(session) - timedelta(hours=1)
    query = select(func.count()).where(
        TaskStateRow.queue_id == queue.id, TaskStateRow.person == person.id,
        TaskStateRow.state == DONE, TaskStateRow.changed_at >= since,
    )  # fmt: skip
    return session.execute(query).scalar_one()


def _name(session: Session, name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > MAX_NAME:
        raise InputError(f"{plain!r} cannot be a queue's name.", f"Use 1 to {MAX_NAME} characters.")
    names = session.execute(select(QueueRow.name)).scalars()
    if plain.casefold() in {one.casefold() for one in names}:
        raise InputError(f"There is already a queue named {plain!r}.", "Choose another name.")
    return plain


def _row(session: Session, queue_id: str) -> QueueRow:
    row = session.get(QueueRow, queue_id)
    if row is None:
        raise UnknownNameError("There is no such queue.", "Reload the page.")
    return row


def _queue(row: QueueRow) -> Queue:
    return Queue(
        row.id, row.name, TaskKind(row.kind), dict(row.source), row.overlap, row.blind,
        frozenset(row.assigned), row.tasks, row.created_by, row.created_at, row.closed_at,
    )  # fmt: skip
