"""A real PostgreSQL server for a test session: in a temporary folder, on a socket, no TCP port."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
USERS_FOR_ROOT = ("postgres", "nobody")  # PostgreSQL refuses to run as root


def programs() -> Path | None:
    """The folder that holds initdb, or None."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = [f for place in PLACES for f in Path("/").glob(place.lstrip("/"))]
    return max((f for f in folders if (f / "initdb").exists()), default=None)


def without_server(why: str) -> None:
    """Skips loudly, or fails where PostgreSQL is required."""
    message = f"PostgreSQL NOT TESTED: {why}. Install it (Debian: apt-get install postgresql)."
    if os.environ.get("PHASELENS_REQUIRE_POSTGRESQL") == "1":
        pytest.fail(message)
    pytest.skip(message)


class Server:
    """A running server; `url(database)` is an SQLAlchemy address of one of its databases."""

    def __init__(self, socket: Path, user: str) -> None:
        self.socket, self.user = socket, user
        self._made = 0

    def url(self, database: str) -> str:
        url = URL.create(
            "postgresql", self.user, database=database, query={"host": str(self.socket)}
        )
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        dsn = f"host={self.socket} user={self.user} dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self, template: str = "template0") -> str:
        """The address of a database of its own, a copy of `template`."""
        self._made += 1
        name = f"phaselens_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.split("?")[0].rsplit("/", 1)[1]
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def running_server() -> Iterator[Server]:
    """Starts a server and stops it at the end. Skips, or fails, where there is none."""
    binaries = programs()
    if binaries is None:
        without_server("there is no initdb")
        return
    run_as = _user()
    # A socket's path must be short, so not pytest's own temporary folder.
    folder = Path(tempfile.mkdtemp(prefix="phaselens-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, run_as)
        data = folder / "data"
        _run(
            run_as,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            run_as,
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
        )
        settings = f"-c listen_addresses='' -c fsync=off -c timezone=America/New_York -k {folder}"
        control = (run_as, binaries / "pg_ctl", "-D", data, "-w")
        _run(*control, "-l", folder / "log", "-o", settings, "start")
        try:
            yield Server(folder, run_as)
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS_FOR_ROOT if name in known)


def _run(run_as: str, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=run_as if os.geteuid() == 0 else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would be kept open by the server itself
        stderr=subprocess.PIPE if "initdb" in str(command[0]) else subprocess.DEVNULL,
        check=False,
        text=True,
    )
    if done.returncode != 0:
        without_server(f"{command[0]} failed: {done.stderr or done.returncode}")
