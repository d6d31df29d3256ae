"""Brings a database to the newest tables, under the write lock, in one transaction.

Alembic is imported only where there is something to migrate: it costs a third of a second.
"""

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from core.errors import StoreError
from db.failures import shown, store_error
from db.metadata import METADATA
from db.session import Store

MIGRATIONS = Path(__file__).parent / "migrations"


def known_revisions() -> list[str]:
    """Every revision of this PhaseLens, oldest first (their files are numbered)."""
    return sorted(file.name.split("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def head() -> str:
    """The newest revision."""
    return known_revisions()[-1]


def revision_of(store: Store) -> str | None:
    """The revision a database is at, or None for one without tables. Raises StoreError."""
    with store.connect(write=False) as connection:
        return _revision(connection)


def bring_up_to_date(store: Store) -> str:
    """Migrates where needed and returns the revision. Raises StoreError.

    Processes that start at the same time wait for each other; the later ones find it done.
    """
    found = revision_of(store)
    _refuse_newer(store, found)
    if store.is_sqlite:
        _use_write_ahead_log(store)
    if found == head():
        return found
    with store.connect(write=True) as connection:
        found = _revision(connection)  # another process may have been faster
        _refuse_newer(store, found)
        if found is None:
            _refuse_foreign(store, connection)
        if found != head():
            _upgrade(connection)
    return head()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(store: Store, found: str | None) -> None:
    if found is not None and found not in known_revisions():
        raise StoreError(
            f"The database {shown(store.url)} was made by a newer PhaseLens "
            f"(revision {found}; this one knows up to {head()}).",
            "Update PhaseLens, or choose another folder with PHASELENS_HOME.",
        )


def _refuse_foreign(store: Store, connection: Connection) -> None:
    """Another program's tables of the same names must not be mixed with ours."""
    theirs = sorted(set(inspect(connection).get_table_names()) & set(METADATA.tables))
    if theirs:
        raise StoreError(
            f"The database {shown(store.url)} belongs to another program (it has a table "
            f"{theirs[0]!r}, but no PhaseLens revision).",
            "Choose another with PHASELENS_HOME or PHASELENS_DATABASE_URL.",
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _use_write_ahead_log(store: Store) -> None:
    """Switches a file to WAL, which it then stays in: readers never wait for a writer."""
    deadline = time.monotonic() + store.patience_s
    while True:
        try:
            with store.engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert isinstance(raw, sqlite3.Connection)
                if raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                    return
                raw.execute("PRAGMA query_only = OFF")
                raw.execute("PRAGMA journal_mode = WAL")
                return
        except (SQLAlchemyError, sqlite3.Error) as error:
            # The switch needs the file alone and does not wait by itself.
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (5, 6)
            if not busy or time.monotonic() > deadline:
                raise store_error(error, store.url) from error
            time.sleep(0.05)
