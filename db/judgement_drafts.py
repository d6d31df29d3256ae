"""What somebody has said of a task and not submitted yet, so that a closed window loses nothing.

A draft is filed under a subject: "task:N" or "trace:ID" as judgements are, and "settle:N" for a
lead's settlement of a task, which may be written while the same lead's own judgement is open.
"""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from db.annotation_models import DraftRow
from db.clock import now
from db.people import allowed


def save_draft(
    session: Session, by: Person, subject: str, judgement: Judgement, seconds: float
) -> None:
    """It takes the place of the one before. `seconds`: spent so far. Raises NotAllowedError."""
    known = allowed(session, by, Role.ANNOTATOR)
    moment = now(session)
    row = session.get(DraftRow, (subject, known.id))
    if row is None:
        row = DraftRow(subject=subject, person=known.id)
        session.add(row)
    row.value, row.seconds, row.changed_at = judgement.to_json(), seconds, moment
    session.flush()


def draft(session: Session, person: Person, subject: str) -> tuple[Judgement, float] | None:
    """(what was said so far, seconds spent on it), or None."""
    row = session.get(DraftRow, (subject, person.id))
    return None if row is None else (Judgement.from_json(row.value), row.seconds)


def add_missing(
    session: Session, by: Person, subject: str, label: str, otherwise: Judgement
) -> None:
    """Adds a label to those the draft calls missing. `otherwise`: what the draft begins with where
    there is none yet."""
    _change(
        session, by, subject, otherwise,
        lambda said: replace(said, missing=tuple(dict.fromkeys((*said.missing, label)))),
    )  # fmt: skip


def drop_missing(
    session: Session, by: Person, subject: str, label: str, otherwise: Judgement
) -> None:
    """Takes a label back from those the draft calls missing."""
    _change(
        session, by, subject, otherwise,
        lambda said: replace(said, missing=tuple(one for one in said.missing if one != label)),
    )  # fmt: skip


def drop_draft(session: Session, person: Person, subject: str) -> None:
    """Nothing happens where there is none."""
    row = session.get(DraftRow, (subject, person.id))
    if row is not None:
        session.delete(row)
        session.flush()


def _change(
    session: Session, by: Person, subject: str, otherwise: Judgement,
    change: Callable[[Judgement], Judgement],
) -> None:  # fmt: skip
    said, seconds = draft(session, by, subject) or (otherwise, 0.0)
    save_draft(session, by, subject, change(said), seconds)
