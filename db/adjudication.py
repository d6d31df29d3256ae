"""What all have said of each task of a queue, and a lead's last word on it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from core.annotation.events import LEADS
from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from core.annotation.verdicts import TaskKind
from core.errors import UnknownNameError
from db.annotation_models import JudgementRow, QueueRow, TaskRow
from db.judgement_drafts import drop_draft, save_draft
from db.judgements import (
    ADJUDICATION,
    JUDGEMENT,
    UNDO,
    Judged,
    Submission,
    add_event,
    end_after,
    judged,
    newest_event,
    of_token,
    standing,
)
from db.models import TraceBodyRow, TraceRow
from db.people import allowed

AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """A task with all that was said of it."""

    task_id: int
    position: int
    trace_id: str
    dataset: str
    document_id: str
    gold: tuple[str, ...]
    judgements: tuple[Judged, ...]
    final: Judged | None


def judged_tasks(session: Session, queue_id: str) -> Iterator[JudgedTask]:
    """The tasks of a queue that somebody has judged, in order, a few at a time."""
    last = -1
    while True:
        rows = session.execute(
            _tasks()
            .where(TaskRow.queue_id == queue_id, TaskRow.judged > 0, TaskRow.position > last)
            .order_by(TaskRow.position)
            .limit(AT_A_TIME)
        ).all()
        if not rows:
            return
        said = _said(session, [row[0].id for row in rows])
        for row in rows:
            yield _judged_task(row, said)
        last = rows[-1][0].position


def _tasks() -> Select[TaskRow, str, str, list[Any]]:
    return (
        select(TaskRow, TraceRow.dataset, TraceRow.document_id, TraceBodyRow.gold)
        .join(TraceRow, TraceRow.id == TaskRow.trace_id)
        .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
    )


def _judged_task(
    row: Row[TaskRow, str, str, list[Any]], said: Mapping[int, list[Judged]]
) -> JudgedTask:
    task, dataset, document, gold = row
    found = said.get(task.id, [])
    final = [one for one in found if one.kind == ADJUDICATION]
    return JudgedTask(
        task.id, task.position, task.trace_id, dataset, document, tuple(gold),
        tuple(one for one in found if one.kind == JUDGEMENT), final[0] if final else None,
    )  # fmt: skip


def _said(session: Session, tasks: list[int]) -> dict[int, list[Judged]]:
    found: dict[int, list[Judged]] = defaultdict(list)
    query = standing().where(JudgementRow.task_id.in_(tasks)).order_by(JudgementRow.seq)
    for row in session.execute(query).scalars():
        if row.task_id is not None:
            found[row.task_id].append(judged(row))
    return found


def adjudicate(session: Session, by: Person, task_id: int, sent: Submission) -> str:
    """A lead's last word on a task. Raises NotAllowedError, UnknownNameError; InputError for one
    that does not say what the task asks; ConflictError where
    another lead has said something since."""
    known = allowed(session, by, Role.LEAD)
    task = session.get(TaskRow, task_id)
    if task is None:
        raise UnknownNameError("There is no such task.", "Reload the page.")
    again = of_token(session, sent.token)
    if again is not None:
        return again
    sent.judgement.check(TaskKind(session.get_one(QueueRow, task.queue_id).kind))
    # The chain is that of all leads: whose word this is stands in what is kept of the screen.
    sent = replace(sent, shown={**(sent.shown or {}), "by": known.id})
    row = add_event(
        session, known, ADJUDICATION, f"task:{task.id}", task.trace_id, sent, task.id, person=LEADS
    )
    drop_draft(session, known, f"settle:{task.id}")
    return row.id


def undo_adjudication(session: Session, by: Person, id: str, token: str | None = None) -> str:
    """Takes a lead's last word back, also another lead's: the one before it stands again. Raises
    NotAllowedError; UnknownNameError for no adjudication, ConflictError where it is not the newest
    event of its task."""
    known = allowed(session, by, Role.LEAD)
    row = session.execute(select(JudgementRow).where(JudgementRow.id == id)).scalar_one_or_none()
    if row is None or row.kind != ADJUDICATION:
        raise UnknownNameError("There is no such settlement.", "Reload the page.")
    undone = select(JudgementRow.id).where(JudgementRow.undoes == id)
    done = session.execute(undone).scalar_one_or_none()
    if done is not None:
        return done
    sent = Submission(Judgement(), after=end_after(session, LEADS, row), token=token)
    event = add_event(
        session, known, UNDO, row.subject, row.trace_id, sent, row.task_id, undoes=id, person=LEADS
    )
    said = Judgement.from_json(row.value or {})
    save_draft(session, known, f"settle:{row.task_id}", said, row.seconds or 0)
    return event.id


def settled(session: Session, queue_id: str) -> frozenset[int]:
    """The tasks of a queue on which a lead's last word stands."""
    query = _settlements(queue_id).with_only_columns(JudgementRow.task_id)
    found = session.execute(query).scalars()
    return frozenset(task for task in found if task is not None)


def last_settled(session: Session, by: Person, queue_id: str) -> Judged | None:
    """The last one of this lead in a queue that stands: what undo takes back."""
    rows = session.execute(_settlements(queue_id).order_by(JudgementRow.seq.desc())).scalars()
    return next((judged(row) for row in rows if (row.shown or {}).get("by") == by.id), None)


def _settlements(queue_id: str) -> Select[JudgementRow]:
    return (
        standing()
        .join(TaskRow, TaskRow.id == JudgementRow.task_id)
        .where(TaskRow.queue_id == queue_id, JudgementRow.kind == ADJUDICATION)
    )


def judged_task(session: Session, task_id: int) -> JudgedTask:
    """One task with all that was said of it. Raises UnknownNameError."""
    row = session.execute(_tasks().where(TaskRow.id == task_id)).one_or_none()
    if row is None:
        raise UnknownNameError("There is no such task.", "Reload the page.")
    return _judged_task(row, _said(session, [task_id]))


def newest_judged(session: Session, queue_id: str) -> int:
    """Grows with everything that annotators do in a queue, and not with settlements; 0 at first."""
    query = (
        select(JudgementRow.seq)
        .join(TaskRow, TaskRow.id == JudgementRow.task_id)
        .where(TaskRow.queue_id == queue_id, JudgementRow.person != LEADS)
        .order_by(JudgementRow.seq.desc())
        .limit(1)
    )
    return session.execute(query).scalar_one_or_none() or 0


def newest_adjudication(session: Session, task_id: int) -> str:
    """What the next adjudication names in `after`; "" for none."""
    row = newest_event(session, LEADS, f"task:{task_id}")
    return "" if row is None else row.id
