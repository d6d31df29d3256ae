"""Who is at this page: by sign-in where one is configured, else by the name given.

The data layer asks for the role at each write, as the store has it then; a page asks here first,
so that what would be refused is not offered, and says why.
"""

from core.annotation.people import Person, Role, local_person
from core.traces.inert import one_line
from db.people import allowed, people
from pages.parts import services, sign_in
from pages.parts.annotator import annotator

_NAMED = 3  # admins whose names are told to one who needs a role


def person() -> Person:
    """The person of this visit, as they were when the page was drawn: for what asks the store
    itself for the role. Raises NotAllowedError where somebody has to sign in first."""
    return sign_in.person_here() or local_person(annotator())


def person_now() -> Person:
    """The same with the role that the store has now, for what has no store to ask. Not inside a
    write: that would wait for itself where all connections are taken. Raises NotAllowedError,
    StoreError."""
    me = person()
    if me.local:
        return me
    with services.store().read() as session:
        return allowed(session, me, Role.VIEWER)


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
