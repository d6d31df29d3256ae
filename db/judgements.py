"""What annotators say, as an append-only chain of events a person and subject; what stands is
derived from it.

A judgement names the event that its author saw last (`after`). If there is a newer one, by the same
person in another window, nothing is overwritten: ConflictError says what the other one says. The
same click sent twice is one event (`token`).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from core.annotation.events import LEADS
from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from db.annotation_models import JudgementRow, QueueRow, TaskRow
from db.annotations import on_screen
from db.clock import now
from db.guidelines import guidelines
from db.judgement_drafts import drop_draft, save_draft
from db.people import allowed
from db.queues import CLAIMED, DONE, find_queue
from db.tasks import set_state

JUDGEMENT, UNDO, ADJUDICATION = "judgement", "undo", "adjudication"


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement that stands. `seconds`: that the annotator took; `shown`: what was on the
    screen; `guideline`: the version it was made under."""

    id: str
    kind: str
    subject: str
    trace_id: str
    person: str
    annotator: str
    judgement: Judgement
    guideline: int | None
    seconds: float | None
    shown: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """What is sent with one press of a key. `after`: the newest event that the author has seen
    ("" for none); `shown`: what was on the screen besides what the store knows."""

    judgement: Judgement
    after: str = ""
    seconds: float | None = None
    shown: dict[str, Any] | None = None
    token: str | None = None


def judge_task(session: Session, by: Person, task_id: int, sent: Submission) -> str:
    """Stores a judgement of a task and returns its id. Raises NotAllowedError, UnknownNameError,
    ConflictError; InputError for one that does not say what the task asks, or a closed queue."""
    known = allowed(session, by, Role.ANNOTATOR)
    again = of_token(session, sent.token)
    if again is not None:
        return again
    task = session.get(TaskRow, task_id)
    if task is None:
        raise UnknownNameError("There is no such task.", "Reload the page.")
    queue = find_queue(session, task.queue_id)
    if not queue.is_for(known):
        raise NotAllowedError(f"The queue {queue.name!r} is for others.", "Ask its lead.")
    if queue.closed_at is not None:
        raise InputError(
            f"The queue {queue.name!r} was closed meanwhile; your judgement is kept as a draft.",
            "Ask its lead to open it again.",
        )
    sent.judgement.check(queue.kind)
    row = add_event(session, known, JUDGEMENT, f"task:{task.id}", task.trace_id, sent, task.id)
    drop_draft(session, known, row.subject)
    set_state(session, task, known, DONE)
    _count(session, task, queue.overlap)
    return row.id


def judge_trace(session: Session, by: Person, trace_id: str, sent: Submission) -> str:
    """The same of a trace outside any queue; what is judged of it is left to the annotator."""
    known = allowed(session, by, Role.ANNOTATOR)
    again = of_token(session, sent.token)
    if again is not None:
        return again
    if sent.judgement.empty:
        raise InputError("Nothing is judged.", "Choose a verdict.")
    row = add_event(session, known, JUDGEMENT, f"trace:{trace_id}", trace_id, sent, None)
    drop_draft(session, known, row.subject)
    return row.id


def undo_judgement(session: Session, by: Person, id: str, token: str | None = None) -> str:
    """Takes back one's own newest judgement of a subject: the one before it stands again, or its
    task is to be judged. What it said is a draft then. Raises UnknownNameError for another's or
    none, ConflictError where it is not the newest event."""
    known = allowed(session, by, Role.ANNOTATOR)
    again = of_token(session, token)
    if again is not None:
        return again
    row = session.execute(select(JudgementRow).where(JudgementRow.id == id)).scalar_one_or_none()
    if row is None or row.kind == UNDO or row.person != known.id:
        raise UnknownNameError("You have made no such judgement.", "Reload the page.")
    undone = select(JudgementRow.id).where(JudgementRow.undoes == id)
    done = session.execute(undone).scalar_one_or_none()
    if done is not None:
        return done
    sent = Submission(Judgement(), after=end_after(session, known.id, row), token=token)
    event = add_event(session, known, UNDO, row.subject, row.trace_id, sent, row.task_id, undoes=id)
    save_draft(session, known, row.subject, Judgement.from_json(row.value or {}), row.seconds or 0)
    if row.task_id is not None and row.kind == JUDGEMENT:
        task = session.get_one(TaskRow, row.task_id)
        earlier = own_judgement(session, known, row.subject)
        set_state(session, task, known, DONE if earlier else CLAIMED)
        _count(session, task, session.get_one(QueueRow, task.queue_id).overlap)
    return event.id


def newest(session: Session, person: Person, subject: str) -> str:
    """The newest event of a person on a subject, which the next one names in `after`; "" for
    none."""
    row = newest_event(session, person.id, subject)
    return "" if row is None else row.id


def judgements_of(session: Session, subject: str) -> list[Judged]:
    """All that stand on a subject, one a person, oldest first; no adjudication is among them."""
    query = standing().where(JudgementRow.subject == subject, JudgementRow.kind == JUDGEMENT)
    return views(session.execute(query.order_by(JudgementRow.seq)).scalars().all())


def own_judgement(session: Session, person: Person, subject: str) -> Judged | None:
    """The one of this person that stands."""
    query = standing().where(
        JudgementRow.subject == subject, JudgementRow.person == person.id,
        JudgementRow.kind == JUDGEMENT,
    )  # fmt: skip
    found = views(session.execute(query).scalars().all())
    return found[0] if found else None


def annotators(session: Session) -> dict[str, str]:
    """Person's id -> name, of everybody who has judged anything; the newest name given."""
    newest_of = (
        select(func.max(JudgementRow.seq))
        .where(JudgementRow.person != LEADS)
        .group_by(JudgementRow.person)
    )
    query = select(JudgementRow.person, JudgementRow.annotator).where(
        JudgementRow.seq.in_(newest_of)
    )
    return {row.person: row.annotator for row in session.execute(query)}


def last_of(session: Session, person: Person, queue_id: str) -> Judged | None:
    """The person's last judgement in a queue that stands: what undo takes back, also after a
    reload."""
    query = (
        standing()
        .join(TaskRow, TaskRow.id == JudgementRow.task_id)
        .where(
            TaskRow.queue_id == queue_id, JudgementRow.person == person.id,
            JudgementRow.kind == JUDGEMENT,
        )
        .order_by(JudgementRow.seq.desc())
        .limit(1)
    )  # fmt: skip
    found = views(session.execute(query).scalars().all())
    return found[0] if found else None


def add_event(
    session: Session,
    by: Person,
    kind: str,
    subject: str,
    trace_id: str,
    sent: Submission,
    task_id: int | None,
    undoes: str | None = None,
    person: str | None = None,
) -> JudgementRow:
    """Adds an event to the chain of its author, or of `person`. Raises ConflictError where the
    author has not seen its end."""
    chain = person or by.id
    end = newest_event(session, chain, subject)
    if (end.id if end else "") != sent.after:
        raise _conflict(end)
    shown = None if undoes else {**on_screen(session, trace_id), **(sent.shown or {})}
    row = JudgementRow(
        id=uuid.uuid4().hex, kind=kind, subject=subject, task_id=task_id, trace_id=trace_id,
        person=chain, annotator=by.name, after=sent.after, undoes=undoes,
        value=None if undoes else sent.judgement.to_json(),
        guideline=None if undoes else guidelines(session).version,
        seconds=sent.seconds, shown=shown, client_token=sent.token, created_at=now(session),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _conflict(end: JudgementRow | None) -> ConflictError:
    if end is None:
        return ConflictError(
            "What you changed is not in this store.", "Reload the page and judge it again."
        )
    if end.kind == UNDO:
        what = (
            f"{end.annotator or 'Somebody'} has taken the settlement back meanwhile."
            if end.person == LEADS
            else "You have taken your judgement back in another window."
        )
    else:
        said = Judgement.from_json(end.value or {}).in_words()
        who = "You have" if end.kind == JUDGEMENT else f"{end.annotator or 'Somebody'} has"
        how = "judged this in another window" if end.kind == JUDGEMENT else "settled this"
        what = f"{who} {how} meanwhile: {said}."
    return ConflictError(
        f"{what} Nothing was overwritten, and what you have here is kept as a draft.",
        "Look at both; submit again to put this one in its place.",
    )


def _count(session: Session, task: TaskRow, overlap: int) -> None:
    """Writes how many have judged a task."""
    query = select(func.count()).select_from(
        standing().where(JudgementRow.task_id == task.id, JudgementRow.kind == JUDGEMENT).subquery()
    )
    task.judged = session.execute(query).scalar_one()
    task.complete = task.judged >= overlap
    session.flush()


def standing() -> Select[JudgementRow]:
    """The newest judgement, that is not taken back, of each person on each subject."""
    later, undo, undo_later = (aliased(JudgementRow) for _ in range(3))
    undone = select(undo.id).where(undo.undoes == JudgementRow.id)
    stands = ~select(undo_later.id).where(undo_later.undoes == later.id).exists()
    replaced = select(later.id).where(
        later.subject == JudgementRow.subject, later.person == JudgementRow.person,
        later.kind == JudgementRow.kind, later.seq > JudgementRow.seq, stands,
    )  # fmt: skip
    return select(JudgementRow).where(
        JudgementRow.kind != UNDO, ~undone.exists(), ~replaced.exists()
    )


def newest_event(session: Session, person: str, subject: str) -> JudgementRow | None:
    query = (
        select(JudgementRow)
        .where(JudgementRow.subject == subject, JudgementRow.person == person)
        .order_by(JudgementRow.seq.desc())
        .limit(1)
    )
    return session.execute(query).scalar_one_or_none()


def end_after(session: Session, person: str, stands: JudgementRow) -> str:
    """What an undoing of a judgement follows: the judgement, or what was undone since, so that one
    can go back step by step."""
    end = newest_event(session, person, stands.subject)
    if end is None or end.kind != UNDO:
        return stands.id
    again = select(JudgementRow.id).where(
        JudgementRow.subject == stands.subject, JudgementRow.person == person,
        JudgementRow.seq > stands.seq, JudgementRow.kind != UNDO,
    )  # fmt: skip
    undone = select(JudgementRow.undoes).where(JudgementRow.undoes.is_not(None))
    newer = session.execute(again.where(JudgementRow.id.not_in(undone)).limit(1)).first()
    return end.id if newer is None else stands.id


def of_token(session: Session, token: str | None) -> str | None:
    """The event that this click has made already. Raises InputError for what is no token."""
    if token is None:
        return None
    if not 1 <= len(token) <= 64:
        raise InputError("A click's token must have 1 to 64 characters.", "Reload the page.")
    query = select(JudgementRow.id).where(JudgementRow.client_token == token)
    return session.execute(query).scalar_one_or_none()


def views(rows: Sequence[JudgementRow]) -> list[Judged]:
    """Stored judgements as they are read."""
    return [judged(row) for row in rows]


def judged(row: JudgementRow) -> Judged:
    """One of them."""
    return Judged(
        row.id, row.kind, row.subject, row.trace_id, row.person, row.annotator,
        Judgement.from_json(row.value or {}), row.guideline, row.seconds, row.shown or {},
        row.created_at,
    )  # fmt: skip
