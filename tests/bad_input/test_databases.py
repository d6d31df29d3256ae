"""A locked, read-only, corrupted or full database: every page and command that needs it says so;
what was saved before stays, and the same click or command works once it is mended."""

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import db.session
from core.models.base import ModelKind
from db.annotations import flags_of
from db.jobs import count_jobs
from db.models_added import added_models
from db.session import Store, open_store
from db.traces import TraceFilter, count_of
from pages.parts import services
from tests.bad_input.conftest import RUN_TINY, refused
from tests.cli.conftest import ROOT, Cli, Outcome
from tests.db.children import in_child
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run

PAGES = ("explore", "traces", "data", "jobs", "settings")
WRITES = [RUN_TINY, ("index", "tiny")]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and commands wait a moment, not 10 seconds, for a lock to go."""
    hurried = partial(open_store, patience_s=0.2)
    monkeypatch.setattr(services, "open_store", hurried)
    monkeypatch.setattr(db.session, "open_store", hurried)


@pytest.fixture
def lock(tiny: Path, impatient: None) -> Iterator[sqlite3.Connection]:
    """Another process in the middle of a write; `rollback()` ends it."""
    saved.store().close()
    with closing(sqlite3.connect(tiny / "phaselens.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def jobs() -> int:
    with saved.store().read() as session:
        return count_jobs(session)


# Locked


@pytest.mark.parametrize("words", WRITES)
def test_a_command_says_that_the_database_is_locked_and_begins_nothing(
    cli: Cli, lock: sqlite3.Connection, words: tuple[str, ...]
) -> None:
    refused(cli(*words), "is locked", "another process")
    lock.rollback()
    assert jobs() == 0


def test_what_only_reads_works_while_another_process_writes(
    cli: Cli, open_page: Open, lock: sqlite3.Connection
) -> None:
    assert cli("db", "check").status == 0
    for page in PAGES:
        assert 'role="alert"' not in html_of(open_page(page))


def test_jobs_says_that_the_database_is_locked_and_starts_after_it(
    open_page: Open, lock: sqlite3.Connection, started_jobs: list[str]
) -> None:
    app = open_page("jobs")
    app.button(key="jobs_build_tiny").click()
    assert "is locked" in html_of(run(app))
    assert started_jobs == []
    lock.rollback()
    app.button(key="jobs_build_tiny").click()
    run(app)
    assert len(started_jobs) == 1


def test_a_flag_on_a_locked_database_is_refused_and_set_after_it(
    open_page: Open, impatient: None, home: Path
) -> None:
    trace = saved.save()
    app = open_page("traces", trace=trace)
    with closing(sqlite3.connect(home / "phaselens.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        app.button(key=f"flag_good_{trace}").click()
        assert "is locked" in html_of(run(app))
    app.button(key=f"flag_good_{trace}").click()
    run(app)
    with saved.store().read() as session:
        assert [flag.verdict for flag in flags_of(session, trace)] == ["good"]


def add_model(app: AppTest) -> AppTest:
    app.get_by_key("model_kind").set_value(ModelKind.HUB)
    run(app)
    app.text_input(key="model_name").set_value("mine")
    app.text_input(key="model_hub_id").set_value("owner/name")
    app.button(key="model_add").click()
    return run(app)


def models() -> list[str]:
    with saved.store().read() as session:
        return [spec.name for spec in added_models(session)]


def test_settings_says_that_the_database_is_locked_and_adds_after_it(
    open_page: Open, lock: sqlite3.Connection
) -> None:
    app = add_model(open_page("settings"))
    assert "is locked" in html_of(app)
    lock.rollback()
    assert models() == []
    app.button(key="model_add").click()
    run(app)
    assert models() == ["mine"]


# Read-only and corrupted


@pytest.fixture
def open_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of this user with one saved trace, whose database is read-only."""
    folder = Path(tempfile.mkdtemp(prefix="phaselens-"))
    monkeypatch.setenv("PHASELENS_HOME", str(folder))
    saved.save()
    saved.store().close()
    for file in folder.glob("phaselens.db*"):
        file.chmod(0o444)
    yield folder
    shutil.rmtree(folder)


def keep_to_permissions() -> None:
    """Gives up root's power to write read-only files, where this process has it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    assert libc.capget(header, sets) == 0
    for place in (0, 1):
        sets[place] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_the_database_is_read_only(
    open_page: Open, open_home: Path, page: str
) -> None:
    def drawn() -> str:
        keep_to_permissions()
        return html_of(open_page(page))

    said = in_child(drawn)
    assert 'role="alert"' in said
    assert "is read-only" in said
    with saved.store().read() as session:
        assert count_of(session, TraceFilter()) == 1


def test_explore_says_that_the_database_is_damaged(open_page: Open, home: Path) -> None:
    home.mkdir()
    (home / "phaselens.db").write_bytes(b"garbage" * 4000)
    drawn = html_of(open_page("explore"))
    assert 'role="alert"' in drawn
    assert "damaged" in drawn
    assert "phaselens db restore" in drawn
    assert (home / "phaselens.db").read_bytes() == b"garbage" * 4000


# A full disk


def fill(store: Store, *, room: bool = False) -> None:
    """Lets the database grow no further; with `room`, again."""
    with store.connect(write=False) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {10**6 if room else pages}")


def test_jobs_says_that_the_disk_is_full_and_starts_when_there_is_room(
    open_page: Open, tiny: Path, started_jobs: list[str]
) -> None:
    app = open_page("jobs")
    fill(services.store())
    before = 0
    while "is full" not in html_of(app):  # room within the last pages is used up first
        before = len(started_jobs)
        app.number_input(key="batch_seed").set_value(before)
        app.selectbox(key="batch_dataset").select("tiny")
        app.number_input(key="batch_k").set_value(5)
        app.number_input(key="batch_n").set_value(2)
        app.button(key="batch_start").click()
        run(app)
        assert before < 200
    assert len(started_jobs) == before
    fill(services.store(), room=True)
    app.button(key="batch_start").click()
    run(app)
    assert len(started_jobs) == before + 1
    assert saved.store().check() == []


def limited(bytes_: int, *words: str) -> Outcome:
    """A command in a process that can write no file longer than this."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_}, {bytes_}));"
        "from core.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("words", [*WRITES, ("db", "backup")])
def test_a_command_says_that_the_disk_is_full_and_nothing_saved_is_lost(
    home: Path, words: tuple[str, ...]
) -> None:
    saved.save()
    saved.store().close()
    refused(limited(8192, *words), "disk")
    store = saved.store()
    assert store.check() == []
    with store.read() as session:
        assert count_of(session, TraceFilter()) == 1
    assert jobs() == 0
    assert not list(home.glob("backups/*.db"))
