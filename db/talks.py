"""Talks: ordered lists of saved examples with a speaker's notes.

A talk is changed whole, and only by who has seen its last version: two who change it at once do not
overwrite each other. To add an example is the exception: it goes to the end, whatever came before.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from core.errors import ConflictError, InputError, UnknownNameError
from db.annotation_models import TalkRow
from db.base import clean
from db.clock import now
from db.models import TraceRow
from db.people import allowed
from db.trace_views import TraceState

MAX_NAME, MAX_TITLE, MAX_NOTE = 100, 200, 5_000  # characters
MAX_SLIDES = 100


@dataclass(frozen=True, slots=True)
class TalkSlide:
    """A saved trace in a talk. `title`: "" for the start of its document."""

    trace: str
    title: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """`version` goes up with every change; who saves a talk names the one that they changed."""

    name: str
    slides: tuple[TalkSlide, ...]
    version: int
    changed_by: str
    changed_at: datetime

    def with_slide(self, at: int, slide: TalkSlide) -> "Talk":
        """Another slide in that place, counted from 0."""
        return replace(self, slides=(*self.slides[:at], slide, *self.slides[at + 1 :]))

    def moved(self, at: int, by: int) -> "Talk":
        """A slide `by` places further on, or back; at the ends it stays."""
        rest = [*self.slides[:at], *self.slides[at + 1 :]]
        rest.insert(min(max(at + by, 0), len(rest)), self.slides[at])
        return replace(self, slides=tuple(rest))

    def without(self, at: int) -> "Talk":
        return replace(self, slides=(*self.slides[:at], *self.slides[at + 1 :]))


@dataclass(frozen=True, slots=True)
class SlideTrace:
    """What a list says of the trace of a slide. `unread`: it was imported, and its phases, curves
    and fates are still to be worked out."""

    id: str
    dataset: str
    document_id: str
    document_start: str
    system: str
    state: TraceState
    made_at: datetime
    unread: bool


def talks(session: Session) -> list[Talk]:
    """All talks, the one changed last first."""
    rows = session.execute(select(TalkRow).order_by(TalkRow.changed_at.desc(), TalkRow.name))
    return [_talk(row) for row in rows.scalars()]


def load_talk(session: Session, name: str) -> Talk:
    """Raises UnknownNameError."""
    return _talk(_row(session, name))


def add_talk(session: Session, by: Person, name: str) -> Talk:
    """A new talk without slides. Raises NotAllowedError; InputError for a name that cannot be used
    or is taken."""
    known = allowed(session, by, Role.ANNOTATOR)
    row = TalkRow(
        name=_new_name(session, name), slides=[], version=1, changed_by=known.name,
        changed_at=now(session),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return _talk(row)


def save_talk(session: Session, by: Person, talk: Talk) -> Talk:
    """Stores the slides of a talk as it was read and then changed; returns it as it is now.

    Raises NotAllowedError; ConflictError where somebody has changed it since; UnknownNameError
    where it is gone, or a trace is not in the store; InputError for too many or too long ones.
    """
    known = allowed(session, by, Role.ANNOTATOR)
    row = _unchanged(session, talk)
    slides = [_checked(slide) for slide in talk.slides]
    _check_traces(session, {s.trace for s in slides} - {one["trace"] for one in row.slides})
    return _write(session, row, known, slides)


def add_to_talk(session: Session, by: Person, name: str, slide: TalkSlide) -> Talk:
    """Puts one more slide at the end of a talk, whoever has changed it since. Raises as
    `save_talk`, but for ConflictError."""
    known = allowed(session, by, Role.ANNOTATOR)
    row = _row(session, name)
    _check_traces(session, {slide.trace})
    return _write(session, row, known, [*_talk(row).slides, _checked(slide)])


def rename_talk(session: Session, by: Person, talk: Talk, name: str) -> Talk:
    """Raises NotAllowedError, ConflictError, UnknownNameError; InputError for the name."""
    known = allowed(session, by, Role.ANNOTATOR)
    row = _unchanged(session, talk)
    row.name = _new_name(session, name, but=talk.name)
    return _write(session, row, known, talk.slides)


def delete_talk(session: Session, by: Person, talk: Talk) -> None:
    """The list alone; its traces stay. Raises NotAllowedError, ConflictError, UnknownNameError."""
    allowed(session, by, Role.ANNOTATOR)
    session.delete(_unchanged(session, talk))
    session.flush()


def slide_traces(session: Session, trace_ids: Collection[str]) -> dict[str, SlideTrace]:
    """By id; those that are not in the store are left out."""
    rows = session.execute(select(TraceRow).where(TraceRow.id.in_(trace_ids))).scalars()
    return {
        row.id: SlideTrace(
            row.id, row.dataset, row.document_id, row.document_start, row.system,
            TraceState(row.state), row.finished_at or row.created_at,
            row.origin == "import" and row.has_phases is None,
        )
        for row in rows
    }  # fmt: skip


def _write(session: Session, row: TalkRow, by: Person, slides: Iterable[TalkSlide]) -> Talk:
    made = [{"trace": s.trace, "title": s.title, "note": s.note} for s in slides]
    if len(made) > MAX_SLIDES:
        raise InputError(
            f"The talk would have {len(made)} examples; {MAX_SLIDES} are the most.",
            "Take some out, or make a second talk.",
        )
    row.slides = made
    row.version += 1
    row.changed_by, row.changed_at = by.name, now(session)
    session.flush()
    return _talk(row)


def _checked(slide: TalkSlide) -> TalkSlide:
    title, note = _plain(slide.title), clean(slide.note).strip()
    for what, text, most in (("title", title, MAX_TITLE), ("note", note, MAX_NOTE)):
        if len(text) > most:
            raise InputError(
                f"The {what} has {len(text):,} characters, but may have {most:,}.", "Shorten it."
            )
    return TalkSlide(slide.trace, title, note)


def _check_traces(session: Session, trace_ids: Collection[str]) -> None:
    known = set(session.execute(select(TraceRow.id).where(TraceRow.id.in_(trace_ids))).scalars())
    for unknown in sorted(set(trace_ids) - known):
        raise UnknownNameError(
            f"There is no trace {unknown!r} in this store.", "Choose a saved one."
        )


def _unchanged(session: Session, talk: Talk) -> TalkRow:
    """The row, where nobody has changed it since that version."""
    row = _row(session, talk.name)
    if row.version != talk.version:
        who = row.changed_by or "Somebody"
        raise ConflictError(
            f"{who} has changed the talk {talk.name!r} in the meantime; your change is not saved.",
            "Look at the talk as it is now, and make your change again.",
        )
    return row


def _new_name(session: Session, name: str, but: str | None = None) -> str:
    """A name that no other talk has. `but`: the talk that is renamed."""
    plain = _plain(name)
    if not plain or len(plain) > MAX_NAME:
        what = "is too long" if plain else "is empty"
        raise InputError(f"The talk's name {what}.", f"Use 1 to {MAX_NAME} characters.")
    names = session.execute(select(TalkRow.name)).scalars()
    if any(one != but and one.casefold() == plain.casefold() for one in names):
        raise InputError(f"There is already a talk named {plain!r}.", "Choose another name.")
    return plain


def _plain(text: str) -> str:
    return " ".join(clean(text).split())


def _row(session: Session, name: str) -> TalkRow:
    row = session.get(TalkRow, _plain(name))
    if row is None:
        raise UnknownNameError(
            f"There is no talk named {name!r}.", "It may have been renamed or deleted."
        )
    return row


def _talk(row: TalkRow) -> Talk:
    def slide(one: dict[str, Any]) -> TalkSlide:
        return TalkSlide(one["trace"], one.get("title", ""), one.get("note", ""))

    slides = tuple(slide(one) for one in row.slides)
    return Talk(row.name, slides, row.version, row.changed_by, row.changed_at)
