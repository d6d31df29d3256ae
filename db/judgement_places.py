"""Where judgements of a file belong in this store: its traces, queues and tasks, and what their
progress is once they are in."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.annotation.events import JudgementEvent, QueueKey, TraceKey
from core.annotation.import_report import Trouble
from core.annotation.people import Person
from db.annotation_models import JudgementRow, QueueRow, TaskRow, TaskStateRow
from db.clock import now
from db.judgement_exports import hash_of
from db.judgements import JUDGEMENT, standing
from db.models import TraceRow, TraceTextRow
from db.queues import DONE, MAX_NAME, MAX_OVERLAP
from db.trace_views import TraceState


@dataclass(frozen=True, slots=True)
class Place:
    """Where a judgement belongs. `task` is None outside any queue."""

    subject: str
    task: int | None
    trace: str


class NoPlaceError(Exception):
    """There is no place for a judgement here; never leaves db."""

    def __init__(self, kind: Trouble, value: str) -> None:
        super().__init__(kind, value)
        self.kind, self.value = kind, value


class _Task(NamedTuple):
    id: int
    trace: str
    other: str | None


class Places:
    """What is found once is kept for the whole import. `made`: names of queues that were made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self._traces: dict[TraceKey, str | None] = {}
        self._tasks: dict[str, dict[int, _Task]] = {}  # by queue and position

    def look_up(self, session: Session, events: Iterable[JudgementEvent]) -> None:
        """Finds the traces of many events at once, as far as they have their own ids."""
        keys = {key for event in events for key in (event.trace, event.other) if key is not None}
        wanted = [key for key in keys if key not in self._traces]
        found = select(TraceRow.id).where(TraceRow.id.in_([key.id for key in wanted]))
        here = set(session.execute(found).scalars())
        self._traces |= {key: key.id for key in wanted if key.id in here}

    def of(self, session: Session, by: Person, event: JudgementEvent) -> Place:
        """The place of an event. A queue or task that is not here is made. Raises NoPlaceError."""
        trace = self._trace(session, event.trace)
        other = None if event.other is None else self._trace(session, event.other)
        if event.queue is None:
            return Place(f"trace:{trace}", None, trace)
        task = self._task(session, by, event.queue, trace, other)
        if (task.trace, task.other) != (trace, other):
            where = f"task {event.queue.position + 1:,} of {event.queue.name}"
            raise NoPlaceError(Trouble.OTHER_TASK, f"{where} is of trace {task.trace}")
        return Place(f"task:{task.id}", task.id, trace)

    def _trace(self, session: Session, key: TraceKey) -> str:
        """The id of that trace here: of the same id, else of the same text by the same system for
        the same document, the oldest."""
        if key not in self._traces:
            self._traces[key] = _same_trace(session, key)
        found = self._traces[key]
        if found is None:
            raise NoPlaceError(
                Trouble.UNKNOWN_TRACE, f"{key.id} ({key.dataset} / {key.document_id}, {key.system})"
            )
        return found

    def _task(
        self, session: Session, by: Person, key: QueueKey, trace: str, other: str | None
    ) -> _Task:
        queue = session.get(QueueRow, key.id)
        if queue is None:
            queue = _new_queue(session, by, key)
            self.made.append(queue.name)
        if key.id not in self._tasks:
            rows = session.execute(
                select(TaskRow.position, TaskRow.id, TaskRow.trace_id, TaskRow.other_id)
                .where(TaskRow.queue_id == key.id)
            )  # fmt: skip
            self._tasks[key.id] = {
                row.position: _Task(row.id, row.trace_id, row.other_id) for row in rows
            }
        tasks = self._tasks[key.id]
        if key.position not in tasks:
            row = TaskRow(
                queue_id=key.id, position=key.position, trace_id=trace, other_id=other, judged=0,
                complete=False,
            )  # fmt: skip
            session.add(row)
            queue.tasks = max(queue.tasks, key.position + 1)
            session.flush()
            tasks[key.position] = _Task(row.id, trace, other)
        return tasks[key.position]


def _new_queue(session: Session, by: Person, key: QueueKey) -> QueueRow:
    """A closed queue: of its tasks only those come that somebody has judged."""
    moment = now(session)
    row = QueueRow(
        id=key.id, name=_free_name(session, key.name), kind=key.kind.value,
        source={**key.source, "imported": True}, overlap=min(key.overlap, MAX_OVERLAP),
        blind=key.blind, assigned=[], tasks=key.tasks, created_by=by.name, created_at=moment,
        closed_at=moment,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _same_trace(session: Session, key: TraceKey) -> str | None:
    known = session.execute(select(TraceRow.id).where(TraceRow.id == key.id)).scalar_one_or_none()
    if known is not None or not key.sha256:
        return known
    likely = session.execute(
        select(TraceRow.id, TraceTextRow.trace)
        .join(TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq)
        .where(
            TraceRow.dataset == key.dataset, TraceRow.document_id == key.document_id,
            TraceRow.system == key.system, TraceRow.state == TraceState.DONE,
        )
        .order_by(TraceRow.seq)
    )  # fmt: skip
    return next((row.id for row in likely if hash_of(row.trace) == key.sha256), None)


def _free_name(session: Session, name: str) -> str:
    """The name, or the name with a number where a queue has it already."""
    plain = " ".join(name.split())[: MAX_NAME - 12] or uuid.uuid4().hex[:8]
    taken = {one.lower() for one in session.execute(select(QueueRow.name)).scalars()}
    names = (plain, *(f"{plain} ({number})" for number in range(2, len(taken) + 3)))
    return next(one for one in names if one.lower() not in taken)


def count_again(session: Session, tasks: Iterable[int]) -> None:
    """Writes how many have judged each of these tasks, and who has, as of the time they did."""
    ids = sorted(set(tasks))
    if not ids:
        return
    stand: dict[int, dict[str, JudgementRow]] = defaultdict(dict)
    query = standing().where(JudgementRow.task_id.in_(ids), JudgementRow.kind == JUDGEMENT)
    for said in session.execute(query).scalars():
        stand[said.task_id or 0][said.person] = said
    tasks_now = session.execute(
        select(TaskRow.id, TaskRow.queue_id, TaskRow.position, QueueRow.overlap)
        .join(QueueRow, QueueRow.id == TaskRow.queue_id)
        .where(TaskRow.id.in_(ids))
    ).all()
    session.execute(
        update(TaskRow),
        [
            {"id": task.id, "judged": len(stand[task.id]),
             "complete": len(stand[task.id]) >= task.overlap}
            for task in tasks_now
        ],
    )  # fmt: skip
    states = session.execute(select(TaskStateRow).where(TaskStateRow.task_id.in_(ids))).scalars()
    known = {(state.task_id, state.person): state for state in states}
    for state in known.values():
        if state.state == DONE and state.person not in stand[state.task_id]:
            session.delete(state)  # taken back: to be judged again
    for task in tasks_now:
        for person, said in stand[task.id].items():
            found = known.get((task.id, person))
            if found is None:
                found = TaskStateRow(
                    task_id=task.id, person=person, queue_id=task.queue_id, position=task.position
                )
                session.add(found)
            found.state, found.expires_at, found.changed_at = DONE, None, said.created_at
    session.flush()
