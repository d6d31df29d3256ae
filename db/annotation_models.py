"""The tables of what people say of traces and shortlists, typed.

annotation_events  append-only: flags on traces and their undoing
shortlist_flag_events  the same on shortlists that no run made
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, CleanText


class AnnotationEventRow(Base):
    """What a person says of a trace, or the undoing of it. Never changed, never deleted (triggers
    refuse both). `kind`: flag (a verdict), boundary (`value`: {"at": character or None}), undo.
    """

    __tablename__ = "annotation_events"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id"), index=True)
    undoes: Mapped[str | None] = mapped_column(ForeignKey("annotation_events.id"), unique=True)
    verdict: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(CleanText, default="")
    annotator: Mapped[str] = mapped_column(CleanText)
    client_token: Mapped[str | None] = mapped_column(String(64), unique=True)
    value: Mapped[dict[str, Any] | None]  # what is said besides a verdict
    shown: Mapped[dict[str, Any] | None]  # what was on the screen
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_annotation_events_verdict", "verdict", "trace_id"),)


class ShortlistFlagRow(Base):
    """A flag on a shortlist that no run made, or the undoing of one. Never changed or deleted.

    `subject`: a hash of dataset, document and text; `document_id` is "" for a person's own text.
    """

    __tablename__ = "shortlist_flag_events"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # flag | undo
    undoes: Mapped[str | None] = mapped_column(ForeignKey("shortlist_flag_events.id"), unique=True)
    dataset: Mapped[str] = mapped_column(String(200))
    document_id: Mapped[str] = mapped_column(CleanText)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    verdict: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(CleanText, default="")
    annotator: Mapped[str] = mapped_column(CleanText)
    client_token: Mapped[str | None] = mapped_column(String(64), unique=True)
    shown: Mapped[dict[str, Any] | None]  # what was on the screen
    created_at: Mapped[datetime] = mapped_column(index=True)
