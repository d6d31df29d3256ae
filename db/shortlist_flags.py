"""Flags on shortlists that no run made: what the Shortlist page showed, and what a person said.

An append-only log as that of flags on traces, in a table of its own; undoing is an event too. Each
flag keeps what was on the screen: the text, how labels were retrieved, and the rows in order.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from core.annotation.judgement import MAX_COMMENT
from core.annotation.people import Person, Role
from core.annotation.verdicts import ShortlistVerdict
from core.datasets.base import Document
from core.datasets.examples import is_own
from core.errors import InputError, UnknownNameError
from core.shortlist.base import Shortlist
from db.annotation_models import ShortlistFlagRow
from db.annotations import parse_verdict
from db.base import clean
from db.clock import now
from db.people import allowed

MAX_LISTED = 500


@dataclass(frozen=True, slots=True)
class Flagged:
    """A shortlist as it was on the screen. `n`: how many of its rows a model would be shown."""

    dataset: str
    document: Document
    shortlist: Shortlist
    n: int

    @property
    def subject(self) -> str:
        """One for a text of a dataset, however labels were retrieved for it: 64 hex digits."""
        parts = "\x1f".join((self.dataset, self.document_id, self.document.text))
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def document_id(self) -> str:
        """The document's id, or "" for a text of one's own."""
        return "" if is_own(self.document.id) else self.document.id

    @property
    def how(self) -> dict[str, Any]:
        """What decided the rows, beside the text."""
        made = self.shortlist
        return {"method": made.method, "k": made.k, "n": self.n, "ef": made.ef,
                "index": made.index, "encoder": made.encoder}  # fmt: skip

    @property
    def shown(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "dataset": self.dataset,
            "document": self.document_id,
            "text": self.document.text,
            "gold": list(self.document.gold),
            **self.how,
            "searched": self.shortlist.searched,
            "labels": [row.label_id for row in self.shortlist.rows],
            "rows": self.shortlist.to_json()["rows"],
        }


@dataclass(frozen=True, slots=True)
class ShortlistFlag:
    """A flag that stands. `shown`: what was on the screen when it was set."""

    event_id: str
    dataset: str
    document_id: str  # "" for a text of one's own
    verdict: ShortlistVerdict
    comment: str
    annotator: str
    created_at: datetime
    shown: dict[str, Any]

    def of(self, flagged: Flagged) -> bool:
        """Whether it is of these very rows: the same way to retrieve them."""
        return all(self.shown.get(name) == value for name, value in flagged.how.items())


def flag_shortlist(
    session: Session,
    by: Person,
    flagged: Flagged,
    *,
    verdict: ShortlistVerdict | str,
    comment: str = "",
    client_token: str | None = None,
) -> str:
    """Records an annotator's flag and returns its event id; see `annotations.flag` for
    `client_token`.

    Raises NotAllowedError, InputError for the verdict or a comment above 5,000 characters.
    """
    who = allowed(session, by, Role.ANNOTATOR)
    known = _event_with(session, client_token)
    if known is not None:
        return known.id
    if len(comment) > MAX_COMMENT:
        raise InputError(
            f"The comment has {len(comment):,} characters, but may have {MAX_COMMENT:,}.",
            "Shorten it.",
        )
    event = ShortlistFlagRow(
        id=uuid.uuid4().hex,
        kind="flag",
        dataset=flagged.dataset,
        document_id=flagged.document_id,
        subject=flagged.subject,
        verdict=parse_verdict(verdict),
        comment=comment.strip(),
        annotator=who.name,
        client_token=client_token,
        shown=_clean(flagged.shown),
        created_at=now(session),
    )
    session.add(event)
    session.flush()
    return event.id


def undo_shortlist_flag(session: Session, by: Person, event_id: str) -> str:
    """Takes a flag back and returns the id of the undoing event; twice is the same as once.

    Raises NotAllowedError, and UnknownNameError for an id that is no flag.
    """
    who = allowed(session, by, Role.ANNOTATOR)
    flagged = session.get(ShortlistFlagRow, event_id)
    if flagged is None or flagged.kind != "flag":
        raise UnknownNameError(f"There is no flag {event_id!r}.", "Reload the page.")
    earlier = select(ShortlistFlagRow.id).where(ShortlistFlagRow.undoes == event_id)
    undone = session.execute(earlier).scalar_one_or_none()
    if undone is not None:
        return undone
    event = ShortlistFlagRow(
        id=uuid.uuid4().hex,
        kind="undo",
        undoes=event_id,
        dataset=flagged.dataset,
        document_id=flagged.document_id,
        subject=flagged.subject,
        annotator=who.name,
        created_at=now(session),
    )
    session.add(event)
    session.flush()
    return event.id


def flags_of_shortlist(session: Session, flagged: Flagged) -> list[ShortlistFlag]:
    """The flags on shortlists of the same text that stand, oldest first, however retrieved."""
    query = _standing().where(ShortlistFlagRow.subject == flagged.subject)
    ordered = query.order_by(ShortlistFlagRow.created_at, ShortlistFlagRow.id)
    return _views(session.execute(ordered).scalars().all())


def shortlist_flags(
    session: Session,
    *,
    dataset: str | None = None,
    verdict: str | None = None,
    since: datetime | None = None,
    limit: int = MAX_LISTED,
) -> list[ShortlistFlag]:
    """The flags that stand, newest first. `verdict`: one, or None or "any" for all."""
    query = _filtered(_standing(), dataset, verdict, since)
    ordered = query.order_by(ShortlistFlagRow.created_at.desc(), ShortlistFlagRow.id.desc())
    return _views(session.execute(ordered.limit(limit)).scalars().all())


def count_shortlist_flags(
    session: Session,
    *,
    dataset: str | None = None,
    verdict: str | None = None,
    since: datetime | None = None,
) -> int:
    """How many flags `shortlist_flags` would list without a limit."""
    query = select(func.count()).select_from(ShortlistFlagRow).where(_stands())
    return int(session.execute(_filtered(query, dataset, verdict, since)).scalar_one())


def _clean(value: Any) -> Any:
    """Plain data with every text in it cleaned as the store cleans texts."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def _stands() -> ColumnElement[bool]:
    undo = aliased(ShortlistFlagRow)
    undone = select(undo.id).where(undo.undoes == ShortlistFlagRow.id).exists()
    return and_(ShortlistFlagRow.kind == "flag", ~undone)


def _standing() -> Select[ShortlistFlagRow]:
    return select(ShortlistFlagRow).where(_stands())


def _filtered(
    query: Select[Any], dataset: str | None, verdict: str | None, since: datetime | None
) -> Select[Any]:
    if dataset is not None:
        query = query.where(ShortlistFlagRow.dataset == dataset)
    if verdict not in (None, "any"):
        query = query.where(ShortlistFlagRow.verdict == verdict)
    return query if since is None else query.where(ShortlistFlagRow.created_at >= since)


def _views(rows: Sequence[ShortlistFlagRow]) -> list[ShortlistFlag]:
    return [
        ShortlistFlag(
            event_id=row.id,
            dataset=row.dataset,
            document_id=row.document_id,
            verdict=ShortlistVerdict(row.verdict or ""),
            comment=row.comment,
            annotator=row.annotator,
            created_at=row.created_at,
            shown=row.shown or {},
        )
        for row in rows
    ]


def _event_with(session: Session, client_token: str | None) -> ShortlistFlagRow | None:
    if client_token is None:
        return None
    if not 1 <= len(client_token) <= 64:
        raise InputError("A click's token must have 1 to 64 characters.", "Reload the page.")
    query = select(ShortlistFlagRow).where(ShortlistFlagRow.client_token == client_token)
    return session.execute(query).scalar_one_or_none()
