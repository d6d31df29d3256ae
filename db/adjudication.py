"""From what annotators say to what holds: their judgements as ratings, a lead's last word, and the
gold labels that follow."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.gold import Revised, revised
from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from core.annotation.verdicts import LabelVerdict, TaskKind
from core.errors import UnknownNameError
from db.annotation_models import JudgementRow, TaskRow
from db.judgements import (
    ADJUDICATION,
    JUDGEMENT,
    Judged,
    Submission,
    add_event,
    judged,
    newest_event,
    standing,
)
from db.models import TraceBodyRow, TraceRow
from db.people import allowed

LEADS = "*"  # all leads share one chain of adjudications on a task
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
            select(TaskRow, TraceRow.dataset, TraceRow.document_id, TraceBodyRow.gold)
            .join(TraceRow, TraceRow.id == TaskRow.trace_id)
            .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
            .where(TaskRow.queue_id == queue_id, TaskRow.judged > 0, TaskRow.position > last)
            .order_by(TaskRow.position)
            .limit(AT_A_TIME)
        ).all()
        if not rows:
            return
        said = _said(session, [task.id for task, *_ in rows])
        for task, dataset, document, gold in rows:
            found = said.get(task.id, [])
            final = [one for one in found if one.kind == ADJUDICATION]
            yield JudgedTask(
                task.id, task.position, task.trace_id, dataset, document, tuple(gold),
                tuple(one for one in found if one.kind == JUDGEMENT), final[0] if final else None,
            )  # fmt: skip
        last = rows[-1][0].position


def _said(session: Session, tasks: list[int]) -> dict[int, list[Judged]]:
    found: dict[int, list[Judged]] = defaultdict(list)
    query = standing().where(JudgementRow.task_id.in_(tasks)).order_by(JudgementRow.seq)
    for row in session.execute(query).scalars():
        if row.task_id is not None:
            found[row.task_id].append(judged(row))
    return found


def ratings_of(tasks: Iterator[JudgedTask], kind: TaskKind) -> list[tuple[str, str, str]]:
    """(item, annotator, category) of the verdict that each task asks for: the shortlist's, each
    phase's, or the preference. Annotators are told apart by id."""
    found = []
    for task in tasks:
        for one in task.judgements:
            said = one.judgement
            if kind is TaskKind.TRACE:
                found += [
                    (f"{task.task_id}/{phase}", one.person, str(verdict))
                    for phase, verdict in said.phases.items()
                ]
                continue
            verdict = said.shortlist if kind is TaskKind.SHORTLIST else said.preference
            if verdict is not None:
                found.append((str(task.task_id), one.person, str(verdict)))
    return found


def label_verdicts_of(
    tasks: Iterator[JudgedTask],
) -> list[tuple[str, str, str, LabelVerdict]]:
    """(document, label, annotator, verdict); a label that was added as missing counts as
    relevant."""
    found = []
    for task in tasks:
        for one in task.judgements:
            labels = {**one.judgement.labels}
            labels |= dict.fromkeys(one.judgement.missing, LabelVerdict.RELEVANT)
            found += [
                (task.document_id, label, one.person, verdict) for label, verdict in labels.items()
            ]
    return found


def adjudicate(session: Session, by: Person, task_id: int, sent: Submission) -> str:
    """A lead's last word on a task. Raises NotAllowedError, UnknownNameError; ConflictError where
    another lead has said something since."""
    known = allowed(session, by, Role.LEAD)
    task = session.get(TaskRow, task_id)
    if task is None:
        raise UnknownNameError("There is no such task.", "Reload the page.")
    return add_event(
        session, known, ADJUDICATION, f"task:{task.id}", task.trace_id, sent, task.id, person=LEADS
    ).id


def newest_adjudication(session: Session, task_id: int) -> str:
    """What the next adjudication names in `after`; "" for none."""
    row = newest_event(session, LEADS, f"task:{task_id}")
    return "" if row is None else row.id


def revised_gold(tasks: Iterator[JudgedTask]) -> dict[tuple[str, str], Revised]:
    """Gold as annotators and leads have it, by (dataset, document). Several tasks on one document
    count together; of several adjudications the last one's word on a label holds."""
    own: dict[tuple[str, str], tuple[str, ...]] = {}
    said: Mapping[tuple[str, str], list[Judgement]] = defaultdict(list)
    final: dict[tuple[str, str], Judgement] = {}
    for task in tasks:
        key = (task.dataset, task.document_id)
        own.setdefault(key, task.gold)
        said[key].extend(one.judgement for one in task.judgements)
        if task.final is not None:
            final[key] = task.final.judgement
    return {key: revised(gold, said[key], final.get(key)) for key, gold in own.items()}
