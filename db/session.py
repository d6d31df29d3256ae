"""Opening the store, and the two ways to use it: `store.read()` and `store.write()`.

Writes are one at a time on every database, because every write here reads first: SQLite's
BEGIN IMMEDIATE takes the write lock at the start of the transaction, and PostgreSQL takes one
advisory lock for the length of it. (With SQLite's default mode, 8 threads x 50 read-then-write
transactions left 51 of 400 increments, without an error.) Reads are snapshots, refuse writes,
and never wait for a writer.
"""

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from core.config import Settings
from core.errors import StoreError
from db.failures import shown, store_error
from db.json_text import compact_json

PATIENCE_S = 10.0  # how long to wait for another process's write before saying "locked"
TRY_AGAIN_S = 0.002, 0.010
WRITE_LOCK = 0x5048_4C53  # "PHLS": PhaseLens's advisory lock on a PostgreSQL server


class Store:
    """A database with PhaseLens's tables. Safe to share between threads, not between forks.

    Use `open_store` to get one that is checked and migrated.
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        """Raises StoreError for an address that is none, or has no driver here."""
        self.url = parse_url(url)
        self.patience_s = patience_s
        self.engine = self._make_engine()

    @property
    def sqlite_file(self) -> Path | None:
        """The database file, or None on a server."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot. Writing in it is refused. Raises StoreError."""
        with self._session(write=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that holds the write lock; committed at the end, undone by any exception.

        Keep it short: everybody else's writes wait. Raises StoreError.
        """
        with self._session(write=True) as session:
            yield session
            session.commit()

    @contextmanager
    def connect(self, *, write: bool) -> Iterator[Connection]:
        """A bare connection in a transaction, for migrations and checks. Raises StoreError."""
        try:
            with self.engine.connect() as raw:
                connection = raw.execution_options(phaselens_write=write)
                with connection.begin():
                    yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise store_error(error, self.url) from error

    def check(self) -> list[str]:
        """Reads the whole database and returns what is wrong with it; empty: all is well.

        Takes seconds on a large one. Raises StoreError where it cannot even be read.
        """
        if not self.is_sqlite:
            with self.connect(write=False) as connection:
                connection.execute(text("SELECT count(*) FROM traces"))
            return []
        with self.connect(write=False) as connection:
            pages = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            keys = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        problems = [] if pages == ["ok"] else pages
        return problems + [f"{row[0]} row {row[1]} points to a missing {row[2]}" for row in keys]

    def close(self) -> None:
        """Closes every idle connection."""
        self.engine.dispose()

    @contextmanager
    def _session(self, *, write: bool) -> Iterator[Session]:
        try:
            with self.engine.connect() as raw:
                connection = raw.execution_options(phaselens_write=write)
                with Session(connection, autoflush=write, expire_on_commit=False) as session:
                    session.connection()  # begin now: a locked database fails here
                    yield session
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise store_error(error, self.url) from error

    def _make_engine(self) -> Engine:
        options: dict[str, Any] = {"json_serializer": compact_json}
        if self.is_sqlite:
            options["connect_args"] = {"timeout": self.patience_s}
        else:
            options["connect_args"] = {"connect_timeout": max(2, round(self.patience_s))}
            options["pool_pre_ping"] = True  # a server restart must not fail the next page
        try:
            engine = create_engine(self.url, **options)
        except SQLAlchemyError as error:
            raise store_error(error, self.url) from error
        except ModuleNotFoundError as error:
            raise StoreError(
                f"The driver for {shown(self.url)} is not installed ({error.name}).",
                "Install it with: .venv/bin/pip install 'psycopg[binary]'",
            ) from error
        if self.is_sqlite:
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", self._begin_sqlite)
        else:
            event.listen(engine, "begin", self._begin_postgresql)
        return engine

    def _begin_sqlite(self, connection: Connection) -> None:
        write = bool(connection.get_execution_options().get("phaselens_write"))
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if write else 'ON'}")
        if write:
            bare = connection.connection.driver_connection
            assert isinstance(bare, sqlite3.Connection)
            _take_write_lock(bare, self.patience_s)
        else:
            connection.exec_driver_sql("BEGIN")

    def _begin_postgresql(self, connection: Connection) -> None:
        if not connection.get_execution_options().get("phaselens_write"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            milliseconds = max(1, round(self.patience_s * 1000))
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, below
    for pragma in (
        "foreign_keys = ON",
        "synchronous = FULL",  # a finished document survives a power cut
        "cache_size = -32000",
        "mmap_size = 268435456",
        "journal_size_limit = 67108864",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _take_write_lock(connection: sqlite3.Connection, patience_s: float) -> None:
    """BEGIN IMMEDIATE, waiting that long for others' writes; then "database is locked" is raised.

    SQLite's own waiting sleeps longer the longer it has waited, so that newcomers pass by, and of
    many that write without a pause some are starved. Here all try equally often.
    """
    until = time.monotonic() + patience_s
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > until:
                    raise
                time.sleep(random.uniform(*TRY_AGAIN_S))
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(patience_s * 1000)}")


def parse_url(url: str) -> URL:
    """An SQLAlchemy URL; plain postgresql:// and postgres:// mean psycopg. Raises StoreError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            f"{url.split('@')[-1]!r} is not a database address.",
            "PHASELENS_DATABASE_URL looks like sqlite:////path/to/file.db or "
            "postgresql://user@host/name.",
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"PhaseLens does not know {parsed.get_backend_name()} databases.",
            "Use a sqlite:/// or postgresql:// address in PHASELENS_DATABASE_URL.",
        )
    return parsed


def open_store(settings: Settings, *, patience_s: float = PATIENCE_S) -> Store:
    """The store of these settings, made on first use and brought to the newest tables.

    Cheap when nothing is to be done (no Alembic, no full check: see `Store.check`).
    Raises StoreError for a database that is locked, read-only, damaged, on a full disk, or
    made by a newer PhaseLens.
    """
    from db.migrate import bring_up_to_date

    store = Store(settings.database, patience_s=patience_s)
    if store.sqlite_file is not None:
        _prepare_file(store.url, store.sqlite_file)
    try:
        bring_up_to_date(store)
    except StoreError:
        store.close()
        raise
    return store


def _prepare_file(url: URL, file: Path) -> None:
    """Makes folder and file (readable for the user only), or looks for what is wrong with them.

    Never opens a file that exists: closing it would drop the locks that this process's other
    connections hold on it, and another process could then delete the log they write to
    (https://www.sqlite.org/howtocorrupt.html, 2.2). SQLite itself sees a damaged header.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(
            f"The database {shown(url)} cannot be created: {error.strerror}.",
            "Make its folder writable for you, or choose another with PHASELENS_HOME.",
        ) from error
    if not file.is_file():
        raise StoreError(
            f"The database {shown(url)} is not a file.",
            "Move what is there away, or choose another folder with PHASELENS_HOME.",
        )
    if not (os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK)):
        raise StoreError(
            f"The database {shown(url)} cannot be written to: the file or its folder is read-only.",
            "Make both writable for you, or choose another folder with PHASELENS_HOME.",
        )
