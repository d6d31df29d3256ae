"""Language models that the user added on the Settings page."""

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from core.errors import InputError, UnknownNameError
from core.models.base import ModelKind, ModelSpec
from db.clock import now
from db.models import ModelRow
from db.people import allowed

RESERVED = frozenset({"base"})  # the packaged model
MAX_NAME = 100


def add_model(session: Session, by: Person, spec: ModelSpec) -> None:
    """Saves a model under its name. For admins: PhaseLens reads the folder, or calls the server.
    Raises NotAllowedError, and InputError for a name that is taken or unusable."""
    allowed(session, by, Role.ADMIN)
    name = spec.name
    if not name or name != name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InputError(
            f"{name!r} cannot be a model's name.",
            f"Use 1 to {MAX_NAME} printable characters, without spaces around them.",
        )
    if name.casefold() in RESERVED | {m.name.casefold() for m in added_models(session)}:
        raise InputError(f"There is already a model named {name!r}.", "Choose another name.")
    session.add(ModelRow(name=name, created_at=now(session), spec=asdict(spec)))
    session.flush()


def remove_model(session: Session, by: Person, name: str) -> None:
    """Forgets a model; its files, runs and traces stay. For admins. Raises NotAllowedError,
    UnknownNameError."""
    allowed(session, by, Role.ADMIN)
    row = session.get(ModelRow, name)
    if row is None:
        raise UnknownNameError(f"There is no added model {name!r}.", "Reload the page.")
    session.delete(row)
    session.flush()


def added_models(session: Session) -> list[ModelSpec]:
    """All added models, in the order they were added."""
    rows = session.execute(select(ModelRow).order_by(ModelRow.created_at, ModelRow.name)).scalars()
    return [ModelSpec(**{**row.spec, "kind": ModelKind(row.spec["kind"])}) for row in rows]
