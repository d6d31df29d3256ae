"""Who has signed in, and what they may do. Every write of the annotation tables asks `allowed`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.people import LOCAL, Person, Role
from core.errors import InputError, NotAllowedError, UnknownNameError
from db.annotation_models import PersonRow
from db.clock import now


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has signed in, and when: at first and last."""

    person: Person
    added_at: datetime
    seen_at: datetime


def allowed(session: Session, by: Person, role: Role) -> Person:
    """The person as the store has them now; raises NotAllowedError for one whose role does not
    cover `role`, whatever the page believed."""
    if by.local:
        known = by
    else:
        row = session.get(PersonRow, by.id)
        if row is None:
            raise NotAllowedError("You are not signed in here.", "Sign in again.")
        known = _person(row)
    known.require(role)
    return known


def sign_in(
    session: Session,
    *,
    id: str,
    name: str,
    email: str,
    admins: Collection[str] = (),
    first_role: Role = Role.VIEWER,
) -> Person:
    """Takes note of a sign-in and returns the person. `admins`: e-mail addresses of those who are
    admins from the start; others begin with `first_role`, and keep what an admin gives them."""
    if not id.strip() or id.startswith(LOCAL):  # a local person may do everything
        raise InputError("The sign-in has no subject.", "Ask whoever runs the sign-in service.")
    row = session.get(PersonRow, id)
    moment = now(session)
    is_admin = bool(email) and email.casefold() in {one.casefold() for one in admins}
    if row is None:
        row = PersonRow(id=id, role=first_role.value, added_at=moment)
        session.add(row)
    row.name, row.email, row.seen_at = name.strip() or email or id, email, moment
    if is_admin:
        row.role = Role.ADMIN.value
    session.flush()
    return _person(row)


def find_person(session: Session, id: str) -> Person:
    """Raises UnknownNameError."""
    row = session.get(PersonRow, id)
    if row is None:
        raise UnknownNameError("Nobody of that id has signed in.", "Reload the page.")
    return _person(row)


def people(session: Session) -> list[Person]:
    """Everybody who has signed in, by name."""
    return [_person(row) for row in _rows(session)]


def visitors(session: Session, by: Person) -> list[Visitor]:
    """The same, with when they came. Raises NotAllowedError for all but admins."""
    allowed(session, by, Role.ADMIN)
    return [Visitor(_person(row), row.added_at, row.seen_at) for row in _rows(session)]


def give_role(session: Session, by: Person, id: str, role: Role) -> None:
    """Raises NotAllowedError, UnknownNameError; InputError where no admin would be left."""
    allowed(session, by, Role.ADMIN)
    row = session.get(PersonRow, id)
    if row is None:
        raise UnknownNameError("Nobody of that id has signed in.", "Reload the page.")
    others = select(PersonRow.id).where(PersonRow.role == Role.ADMIN.value, PersonRow.id != id)
    last = role is not Role.ADMIN and session.execute(others.limit(1)).first() is None
    if row.role == Role.ADMIN.value and last:
        raise InputError("Somebody has to be admin.", "Make somebody else admin first.")
    row.role = role.value
    session.flush()


def _rows(session: Session) -> Sequence[PersonRow]:
    rows = session.execute(select(PersonRow).order_by(PersonRow.name, PersonRow.id))
    return rows.scalars().all()


def _person(row: PersonRow) -> Person:
    return Person(row.id, row.name, Role(row.role), row.email)
