"""Who is at this page: by sign-in where one is configured, else by the name given.

The data layer asks for the role at each write, as the store has it then; a page asks here first,
so that what would be refused is not offered, and says why.
"""

from core.annotation.people import Person, Role, local_person
from core.errors import NotAllowedError, UnknownNameError
from core.traces.inert import one_line
from db.people import find_person, people
from pages.parts import services, sign_in
from pages.parts.annotator import annotator

_NAMED = 3  # admins whose names are told to one who needs a role


def person() -> Person:
    """The person of this visit, with the role that the store has now. Raises NotAllowedError where
    somebody has to sign in first, and StoreError."""
    id = sign_in.id_here()
    if id is None:
        return local_person(annotator())
    try:
        with services.store().read() as session:
            return find_person(session, id)
    except UnknownNameError as error:
        raise NotAllowedError("You are not signed in here.", "Sign in again.") from error


def may(role: Role) -> bool:
    """Whether this person may do what `role` may; the data layer asks again."""
    return person().role.covers(role)


def why_not(role: Role) -> str:
    """Why this person may not do what `role` may, for a control that is disabled; "" for one who
    may."""
    me = person()
    if me.role.covers(role):
        return ""
    with services.store().read() as session:
        admins = [one_line(one.name, 40) for one in people(session) if one.role is Role.ADMIN]
    who = f"An admin ({', '.join(admins[:_NAMED])})" if admins else "An admin"
    return f"This takes the role {role}; yours is {me.role}. {who} gives roles."
