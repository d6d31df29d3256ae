"""Who judges what next: claims that expire, skips, and the way on through a queue.

A claim keeps others from a task while somebody looks at it. It is no right: a judgement of somebody
whose claim has expired is taken all the same, for nothing that a person did is thrown away.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, select
from sqlalchemy.orm import Session, aliased

from core.annotation.people import Person, Role
from core.errors import InputError, NotAllowedError, UnknownNameError
from db.annotation_models import TaskRow, TaskStateRow
from db.clock import now
from db.people import allowed
from db.queues import CLAIMED, DONE, SKIPPED, Queue, find_queue

CLAIM = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a queue. `position`: from 0. `state`: of the person who asked: claimed, done,
    skipped, or "" for none."""

    id: int
    queue_id: str
    position: int
    trace_id: str
    other_id: str | None
    judged: int
    state: str = ""

    @property
    def subject(self) -> str:
        """What judgements of it are filed under."""
        return f"task:{self.id}"

    def swapped(self, person: Person) -> bool:
        """Whether this person sees the second trace on the left: by chance, but always the same."""
        told = f"{self.id}/{person.id}".encode("utf-8", "surrogatepass")
        return bool(hashlib.sha256(told).digest()[0] & 1)


def next_task(session: Session, by: Person, queue_id: str) -> Task | None:
    """The task that the person has claimed and not judged yet; else the next one that still needs
    somebody, after the last one this person had, then from the start. It is claimed. None where
    nothing is left but what the person skipped (`take_back_skips`). Raises
    NotAllowedError, UnknownNameError."""
    queue = _open_queue(session, by, queue_id)
    moment = now(session)
    own = _first_of(session, queue, by, CLAIMED)
    if own is not None and _has_room(session, own, by, queue, moment):
        return _claimed(session, own, by)
    if own is not None:  # others have judged it meanwhile
        session.delete(session.get_one(TaskStateRow, (own.id, by.id)))
        session.flush()
    last = session.execute(
        select(func.max(TaskStateRow.position)).where(
            TaskStateRow.queue_id == queue.id, TaskStateRow.person == by.id
        )
    ).scalar_one()
    found = None if last is None else _needed(session, queue, by, moment, beyond=last)
    found = found or _needed(session, queue, by, moment)
    return None if found is None else _claimed(session, found, by)


def claim_task(session: Session, by: Person, task_id: int) -> Task:
    """Claims that very task, also one that the person has judged or skipped before. Raises
    NotAllowedError, UnknownNameError."""
    row = _task_row(session, task_id)
    _open_queue(session, by, row.queue_id)
    state = session.get(TaskStateRow, (row.id, by.id))
    if state is not None and state.state == DONE:
        return _task(row, DONE)
    return _claimed(session, row, by)


def skip_task(session: Session, by: Person, task_id: int) -> None:
    """Passes a task over, until `take_back_skips`. Raises InputError for one that
    the person has judged."""
    row = _task_row(session, task_id)
    _open_queue(session, by, row.queue_id)
    if set_state(session, row, by, SKIPPED, keep=DONE) == DONE:
        raise InputError("You have judged this task.", "Undo the judgement first.")


def take_back_skips(session: Session, by: Person, queue_id: str) -> int:
    """What the person has passed over comes again; gives how many those are."""
    queue = _open_queue(session, by, queue_id)
    skipped = delete(TaskStateRow).where(
        TaskStateRow.queue_id == queue.id, TaskStateRow.person == by.id,
        TaskStateRow.state == SKIPPED,
    )  # fmt: skip
    return cast(CursorResult[Any], session.execute(skipped)).rowcount


def find_task(session: Session, task_id: int, person: Person | None = None) -> Task:
    """Raises UnknownNameError."""
    row = _task_row(session, task_id)
    state = None if person is None else session.get(TaskStateRow, (row.id, person.id))
    return _task(row, state.state if state else "")


def set_state(
    session: Session, row: TaskRow, by: Person, state: str, *, keep: str | None = None
) -> str:
    """Writes what a person has to do with a task, unless it is `keep`; gives what it is now."""
    moment = now(session)  # before anything is added: a query writes what was added so far
    known = session.get(TaskStateRow, (row.id, by.id))
    if known is None:
        known = TaskStateRow(
            task_id=row.id, person=by.id, queue_id=row.queue_id, position=row.position
        )
        session.add(known)
    elif known.state == keep:
        return known.state
    known.state, known.changed_at = state, moment
    known.expires_at = moment + CLAIM if state == CLAIMED else None
    session.flush()
    return state


def _open_queue(session: Session, by: Person, queue_id: str) -> Queue:
    """Raises where the queue is closed, or not for this person."""
    known = allowed(session, by, Role.ANNOTATOR)
    queue = find_queue(session, queue_id)
    if queue.closed_at is not None:
        raise InputError(f"The queue {queue.name!r} is closed.", "Ask its lead to open it again.")
    if not queue.is_for(known):
        raise NotAllowedError(f"The queue {queue.name!r} is for others.", "Ask its lead.")
    return queue


def _needed(
    session: Session, queue: Queue, by: Person, moment: datetime, beyond: int = -1
) -> TaskRow | None:
    """The first task after a position that this person has nothing to do with and that needs one
    more."""
    own = aliased(TaskStateRow)
    mine = select(own.task_id).where(own.task_id == TaskRow.id, own.person == by.id)
    query = (
        select(TaskRow)
        .where(
            TaskRow.queue_id == queue.id, TaskRow.complete.is_(False), TaskRow.position > beyond,
            ~mine.exists(), _room(by, queue, moment),
        )
        .order_by(TaskRow.position)
        .limit(1)
    )  # fmt: skip
    return session.execute(query).scalar_one_or_none()


def _room(by: Person, queue: Queue, moment: datetime) -> ColumnElement[bool]:
    """Whether fewer have judged a task, or look at it now, than are to."""
    others = aliased(TaskStateRow)
    claims = (
        select(func.count())
        .where(
            others.task_id == TaskRow.id, others.person != by.id, others.state == CLAIMED,
            others.expires_at > moment,
        )
        .scalar_subquery()
    )  # fmt: skip
    return TaskRow.judged + claims < queue.overlap


def _has_room(session: Session, row: TaskRow, by: Person, queue: Queue, moment: datetime) -> bool:
    query = select(TaskRow.id).where(and_(TaskRow.id == row.id, _room(by, queue, moment)))
    return session.execute(query).first() is not None


def _first_of(session: Session, queue: Queue, by: Person, state: str) -> TaskRow | None:
    """The person's first task in that state, by position."""
    query = (
        select(TaskRow)
        .join(TaskStateRow, TaskStateRow.task_id == TaskRow.id)
        .where(
            TaskStateRow.queue_id == queue.id, TaskStateRow.person == by.id,
            TaskStateRow.state == state,
        )
        .order_by(TaskStateRow.position)
        .limit(1)
    )  # fmt: skip
    return session.execute(query).scalar_one_or_none()


def _claimed(session: Session, row: TaskRow, by: Person) -> Task:
    set_state(session, row, by, CLAIMED)
    return _task(row, CLAIMED)


def _task_row(session: Session, task_id: int) -> TaskRow:
    row = session.get(TaskRow, task_id)
    if row is None:
        raise UnknownNameError("There is no such task.", "Reload the page.")
    return row


def _task(row: TaskRow, state: str) -> Task:
    return Task(row.id, row.queue_id, row.position, row.trace_id, row.other_id, row.judged, state)
