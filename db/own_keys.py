"""The keys that people have chosen for the Annotate page."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from db.annotation_models import OwnKeysRow
from db.people import allowed


def own_keys(session: Session, person: Person) -> dict[str, str]:
    """ "kind.name" -> key; {} for somebody who has chosen none."""
    row = session.get(OwnKeysRow, person.id)
    return {} if row is None else {str(name): str(key) for name, key in row.keys.items()}


def save_keys(session: Session, person: Person, keys: Mapping[str, str]) -> None:
    """Adds to those chosen before; `keys` as core/annotation/keys.py checks them. Raises
    NotAllowedError for somebody who has not signed in."""
    allowed(session, person, Role.VIEWER)
    known = own_keys(session, person)
    row = session.get(OwnKeysRow, person.id)
    if row is None:
        row = OwnKeysRow(person=person.id, keys={})
        session.add(row)
    row.keys = {**known, **keys}
    session.flush()


def forget_keys(session: Session, person: Person) -> None:
    """Back to the keys that come with PhaseLens. Raises NotAllowedError as `save_keys`."""
    allowed(session, person, Role.VIEWER)
    row = session.get(OwnKeysRow, person.id)
    if row is not None:
        session.delete(row)
        session.flush()
