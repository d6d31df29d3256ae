"""What a database's error means for a person: a StoreError with what happened and what to do."""

import sqlite3

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from core.errors import StoreError

BUSY, LOCKED, READONLY, IO, CORRUPT = 5, 6, 8, 10, 11  # SQLite's primary result codes
FULL, CANTOPEN, NOTADB, PERMISSION = 13, 14, 26, 3
# What a refused write looks like where it is a quota or a limit that is reached, not the disk
NO_ROOM = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
FULL_DISK_FIX = "Free some space, then try again; everything saved before is still there."

# PostgreSQL's SQLSTATE classes and codes, the longest match wins
POSTGRESQL = {
    "53100": ("The disk of the database server is full.", FULL_DISK_FIX),
    "25006": (
        "The database takes no writes (it is read-only or a standby).",
        "Point PHASELENS_DATABASE_URL at the primary server.",
    ),
    "55P03": (
        "The database is locked: another process has been writing for too long.",
        "Wait for the other process, or end it, then try again.",
    ),
    "57014": ("The database stopped a query that took too long.", "Try again in a moment."),
    "28": (
        "The database server refused the user name or password.",
        "Check PHASELENS_DATABASE_URL.",
    ),
    "3D000": (
        "The database server has no database of that name.",
        "Create it with createdb, or check PHASELENS_DATABASE_URL.",
    ),
    "42501": (
        "The database user lacks a permission.",
        "Grant it the schema's tables, or use their owner in PHASELENS_DATABASE_URL.",
    ),
    "XX001": ("The database is damaged.", "Restore it from a backup of the server."),
    "XX002": ("An index of the database is damaged.", "Run REINDEX DATABASE on the server."),
}


def store_error(error: SQLAlchemyError | sqlite3.Error, url: URL) -> StoreError:
    """The StoreError for an error of SQLAlchemy or SQLite; raise it `from error`."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_error(cause, url)
    if isinstance(error, DBAPIError):
        return _server_error(error, url)
    if isinstance(error, NoSuchModuleError):
        return StoreError(
            f"There is no database driver for {shown(url)}.",
            "Use a sqlite:/// or postgresql:// address in PHASELENS_DATABASE_URL.",
        )
    return StoreError(
        f"The database cannot store or read this: {_first_line(error)}",
        "Please report this as a bug; nothing that was saved before is changed.",
    )


def shown(url: URL) -> str:
    """A database's address as it may be shown: without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "an SQLite database in memory"
    return url.render_as_string(hide_password=True)


def damaged(url: URL, why: str) -> StoreError:
    """The error for a file that is not, or no longer, a sound SQLite database."""
    return StoreError(
        f"The database {shown(url)} is damaged ({why}).",
        "Restore a backup with `phaselens db restore FILE`, or move the file away for a new "
        "start; PhaseLens has not changed it.",
    )


def _sqlite_error(error: sqlite3.Error, url: URL) -> StoreError:
    name = shown(url)
    code = getattr(error, "sqlite_errorcode", 0)  # absent where Python itself raised it
    extended = getattr(error, "sqlite_errorname", "") or type(error).__name__
    match code & 0xFF:
        case c if c in (BUSY, LOCKED):
            return StoreError(
                f"The database {name} is locked: another process has been writing for too long.",
                "Wait for the other process, or end it, then try again.",
            )
        case c if c in (READONLY, PERMISSION):
            return StoreError(
                f"The database {name} cannot be written to: it is read-only.",
                "Make the file and its folder writable for you, or choose another folder with "
                "PHASELENS_HOME.",
            )
        case c if c == FULL or extended in NO_ROOM:
            return StoreError(
                f"The disk that holds {name} is full (or a quota or file-size limit is reached).",
                FULL_DISK_FIX,
            )
        case c if c in (CORRUPT, NOTADB):
            return damaged(url, str(error))
        case c if c == CANTOPEN:
            return StoreError(
                f"The database {name} cannot be opened.",
                "Check that its folder exists and that you may write to it, or choose another "
                "with PHASELENS_HOME.",
            )
        case c if c == IO:
            return StoreError(
                f"The disk that holds {name} reports an error ({extended}).",
                "Check the disk, then try again; make a copy of the file first.",
            )
        case _:
            return StoreError(
                f"The database {name} refused an operation ({extended}: {error}).",
                "Please report this as a bug; nothing that was saved before is changed.",
            )


def _server_error(error: DBAPIError, url: URL) -> StoreError:
    state = getattr(error.orig, "sqlstate", None) or ""
    for length in (5, 2):
        if state[:length] in POSTGRESQL:
            what, fix = POSTGRESQL[state[:length]]
            return StoreError(f"{what} ({shown(url)})", fix)
    if not state or state.startswith(("08", "57P")) or error.connection_invalidated:
        return StoreError(
            f"The database server at {shown(url)} cannot be reached: {_first_line(error.orig)}",
            "Start the server or check PHASELENS_DATABASE_URL, then try again.",
        )
    return StoreError(
        f"The database at {shown(url)} refused an operation ({state}: {_first_line(error.orig)}).",
        "Please report this as a bug; nothing that was saved before is changed.",
    )


def _first_line(error: BaseException | None) -> str:
    lines = str(error or "").strip().splitlines()
    return lines[0] if lines else type(error).__name__
