"""The versions of the annotators' guidelines; the newest one holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.guidelines import FIRST, Guidelines, checked_text, reasons_from
from core.annotation.people import Person, Role
from core.errors import ConflictError, UnknownNameError
from db.annotation_models import GuidelinesRow
from db.clock import now
from db.people import allowed


@dataclass(frozen=True, slots=True)
class Version:
    """Who wrote a version, and when (UTC); None for the one that comes with PhaseLens."""

    number: int
    created_by: str
    created_at: datetime | None


def versions(session: Session) -> tuple[Version, ...]:
    """All of them, the newest first."""
    rows = session.execute(
        select(GuidelinesRow.version, GuidelinesRow.created_by, GuidelinesRow.created_at).order_by(
            GuidelinesRow.version.desc()
        )
    )
    return (*(Version(*row) for row in rows), Version(FIRST.version, "PhaseLens", None))


def guidelines(session: Session, version: int | None = None) -> Guidelines:
    """The newest version, or the one asked for. Raises UnknownNameError."""
    if version == FIRST.version:
        return FIRST
    query = select(GuidelinesRow).order_by(GuidelinesRow.version.desc()).limit(1)
    if version is not None:
        query = query.where(GuidelinesRow.version == version)
    row = session.execute(query).scalar_one_or_none()
    if row is None and version is not None:
        raise UnknownNameError(
            f"There is no version {version} of the guidelines.", "Use the newest one."
        )
    return FIRST if row is None else Guidelines(row.version, row.text, reasons_from(row.reasons))


def write_guidelines(
    session: Session, by: Person, *, text: str, reasons: Sequence[Mapping[str, Any]], after: int
) -> Guidelines:
    """Adds a version. `after`: the one that was changed. Raises NotAllowedError, InputError;
    ConflictError where somebody else has made a newer one since."""
    known = allowed(session, by, Role.LEAD)
    newest = guidelines(session)
    if newest.version != after:
        raise ConflictError(
            f"Version {newest.version} of the guidelines was written while you changed {after}.",
            "Copy your text, reload the page, and put it into the newer version.",
        )
    checked = reasons_from(reasons)
    row = GuidelinesRow(
        version=newest.version + 1, text=checked_text(text), created_by=known.name,
        reasons=Guidelines(0, "", checked).reasons_json(), created_at=now(session),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return Guidelines(row.version, row.text, checked)
