"""Slices: filters of traces that were given a name, for every page and the command line."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from core.errors import InputError, UnknownNameError
from db.clock import now
from db.models import SliceRow, TraceRow
from db.people import allowed
from db.trace_asked import NAMES, Asked, filter_of
from db.trace_filters import conditions_of
from db.trace_views import TraceFilter

MAX_NAME = 80  # characters


@dataclass(frozen=True, slots=True)
class Slice:
    """`asked`: the filter in words (db/trace_asked.py)."""

    name: str
    asked: dict[str, str]
    created_at: datetime

    @property
    def filter(self) -> TraceFilter:
        """What it means now: "last week" moves on."""
        return filter_of(self.asked)


def save_slice(
    session: Session, by: Person, name: str, asked: Asked, *, replace: bool = False
) -> None:
    """For annotators. Raises NotAllowedError, and InputError for a name that is empty, too long or
    taken, and for a filter that filters nothing."""
    allowed(session, by, Role.ANNOTATOR)
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise InputError(f"A slice's name has 1 to {MAX_NAME} characters.", "Give it a short name.")
    kept = {key: value for key, value in asked.items() if key in NAMES and value}
    if not kept:
        raise InputError("Nothing is filtered, so there is no slice.", "Set a filter first.")
    row = session.get(SliceRow, name)
    if row is not None and not replace:
        raise InputError(
            f"There is a slice named {name!r} already.", "Choose another name, or delete it first."
        )
    moment = now(session)
    if row is None:
        session.add(SliceRow(name=name, note="", filter=kept, created_at=moment))
    else:
        row.filter, row.created_at = kept, moment
    session.flush()


def slices(session: Session) -> list[Slice]:
    """All of them, by name."""
    rows = session.execute(select(SliceRow).order_by(SliceRow.name)).scalars()
    return [_view(row) for row in rows]


def find_slice(session: Session, name: str) -> Slice:
    """Raises UnknownNameError."""
    row = session.get(SliceRow, name)
    if row is None:
        known = ", ".join(one.name for one in slices(session)) or "none yet"
        raise UnknownNameError(
            f"There is no slice named {name!r}.", f"There are: {known}. The Traces page makes them."
        )
    return _view(row)


def documents_in(session: Session, one: Slice, dataset: str) -> set[str]:
    """Ids of the documents of a dataset of which some trace is in the slice."""
    _, conditions = conditions_of(session, one.filter)
    found = select(TraceRow.document_id).where(*conditions, TraceRow.dataset == dataset).distinct()
    return set(session.execute(found).scalars())


def delete_slice(session: Session, by: Person, name: str) -> None:
    """Deletes the name; the traces stay. One that is not there is no error. Raises
    NotAllowedError."""
    allowed(session, by, Role.ANNOTATOR)
    row = session.get(SliceRow, name)
    if row is not None:
        session.delete(row)
        session.flush()


def _view(row: SliceRow) -> Slice:
    return Slice(row.name, {str(k): str(v) for k, v in row.filter.items()}, row.created_at)
