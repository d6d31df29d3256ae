"""Who is at this page: by sign-in where one is configured, else by the name given."""

from core.annotation.people import Person, Role, local_person
from pages.parts.annotator import annotator


def person() -> Person:
    """The person of this visit."""
    return local_person(annotator())


def may(role: Role) -> bool:
    """Whether this person may do what `role` may; the data layer asks again."""
    return person().role.covers(role)
