"""Copies of a SQLite database, made and put back through SQLite itself.

SQLite's backup copies pages inside transactions, so both are safe while the app is running;
copying the file would lose what is still in the write-ahead log. PostgreSQL has pg_dump.
"""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from core.atomic import new_file
from core.errors import StoreError
from db.migrate import head, known_revisions
from db.session import parse_url

BUSY_S = 10.0


def back_up(url: str, target: Path, *, overwrite: bool = False) -> int:
    """Writes a whole, checked copy to `target` and returns its bytes. Raises StoreError."""
    source = _sqlite_only(url)
    if not source.is_file():
        raise StoreError(f"There is no database at {source}.", "Nothing needs a backup yet.")
    if target.exists() and not overwrite:
        raise StoreError(f"{target} exists already.", "Choose another name, or add --overwrite.")
    if target.exists() and target.samefile(source):
        raise StoreError("The target is the database itself.", "Choose another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with new_file(target) as temporary:
        _copy(source, temporary)
        _make_one_file(temporary)
        revision_in(temporary)
    return target.stat().st_size


def restore(url: str, source: Path) -> Path | None:
    """Puts a backup in the place of the database; returns where the old one is kept now.

    The backup is checked first; nothing is changed when it is damaged or no PhaseLens database.
    Raises StoreError.
    """
    target = _sqlite_only(url)
    if not source.is_file():
        raise StoreError(
            f"There is no file {source}.", "Name a file made by `phaselens db backup`."
        )
    if target.exists() and target.samefile(source):
        raise StoreError("The backup is the database itself.", "Name another file.")
    revision_in(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = _keep(target) if target.exists() else None
    _copy(source, target)
    return kept


def _keep(database: Path) -> Path:
    """Copies the present database aside; a damaged one is moved as it is."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = database.with_name(f"{database.stem}.before-restore-{stamp}{database.suffix}")
    try:
        with new_file(kept) as temporary:
            _copy(database, temporary)
            _make_one_file(temporary)
            revision_in(temporary)
    except StoreError:
        for end in ("", "-wal", "-shm"):
            part = database.with_name(database.name + end)
            if part.exists():
                shutil.move(part, kept.with_name(kept.name + end))
    return kept


def _copy(source: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target, timeout=BUSY_S)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise StoreError(
            f"Copying {source} to {target} failed ({error}).",
            "See that both can be read and written, that the disk has room and that no other "
            "program holds them.",
        ) from error


def _make_one_file(database: Path) -> None:
    """Leaves write-ahead mode, so that the copy needs no second file beside it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def revision_in(database: Path) -> str:
    """The revision of an undamaged PhaseLens database file. Raises StoreError for any other."""
    use_another = "Use a backup made by `phaselens db backup`."
    try:
        uri = f"{database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            verdict = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(
            f"{database} is not a PhaseLens database, or is damaged ({error}).", use_another
        ) from error
    if verdict != "ok" or row is None:
        raise StoreError(f"{database} is damaged ({verdict}).", use_another)
    if row[0] not in known_revisions():
        raise StoreError(
            f"{database} was made by a newer PhaseLens (revision {row[0]}; this one knows up to "
            f"{head()}).",
            "Update PhaseLens first.",
        )
    return str(row[0])


def _sqlite_only(url: str) -> Path:
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise StoreError(
            "Only an SQLite database is copied here; this one is on a database server.",
            "Use the server's own tools, e.g. pg_dump and pg_restore.",
        )
    return Path(parsed.database)
