"""Slides made of what the store has: those of a talk, and those of live runs in their place."""

from sqlalchemy.orm import Session

from core.talks.assemble import Assembled, assemble
from core.talks.deck import Slide
from core.talks.slides import slide_of
from db.boundaries import boundary_moves
from db.talks import Talk, TalkSlide
from db.traces import load_trace


def slide_from_store(session: Session, slide: TalkSlide, trace_id: str = "") -> Slide:
    """`trace_id`: of another trace of the same document, which takes its place. Raises
    UnknownNameError where it is not in the store, InputError where it has nothing to show."""
    stored = load_trace(session, trace_id or slide.trace)
    moves = boundary_moves(session, stored.id)
    moved = (moves[-1].at,) if moves else None
    return slide_of(stored, note=slide.note, title=slide.title, moved_to=moved)


def deck_from_store(session: Session, talk: Talk) -> Assembled:
    """The talk as it is stored."""
    return assemble(talk.name, talk.slides, lambda slide: slide_from_store(session, slide))
