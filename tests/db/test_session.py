"""Opening the store, one writer at a time, and snapshots for readers."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from core.config import Settings
from core.errors import StoreError
from db import jobs
from db.models import JobRow
from db.session import Store, open_store

ROOT = Path(__file__).parents[2]


def add_counter(store: Store) -> str:
    with store.write() as session:
        return jobs.add_job(session, "index", {}, "a counter")


def count_up(store: Store, job_id: str) -> None:
    with store.write() as session:
        row = session.get_one(JobRow, job_id)
        row.done = row.done + 1


def counter(store: Store, job_id: str) -> int:
    with store.read() as session:
        return session.get_one(JobRow, job_id).done


def test_the_first_opening_makes_a_private_file_with_a_write_ahead_log(home: Path) -> None:
    store = open_store(Settings(home=home / "not" / "yet" / "there"))
    assert store.sqlite_file is not None
    assert stat.S_IMODE(store.sqlite_file.stat().st_mode) == 0o600
    with store.connect(write=False) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    assert store.check() == []


def test_opening_a_store_that_is_up_to_date_does_not_import_alembic(home: Path) -> None:
    open_store(Settings(home=home)).close()
    code = (
        "import sys; from core.config import load_settings; from db.session import open_store; "
        "open_store(load_settings()); sys.exit('alembic' in sys.modules or 'torch' in sys.modules)"
    )
    env = {**os.environ, "PHASELENS_HOME": str(home)}
    assert subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT).returncode == 0


def test_opening_a_store_again_does_not_endanger_the_writes_of_the_first(home: Path) -> None:
    # Closing any file descriptor of a database drops a process's locks on it; the other process
    # would then take itself for the last user and delete the log that we write to.
    code = (
        "from core.config import load_settings; from db.session import open_store; "
        "from db.models import JobRow; s = open_store(load_settings()); x = s.read(); "
        "print([row.done for row in x.__enter__().query(JobRow)]); x.__exit__(None, None, None)"
    )

    def seen_elsewhere() -> str:
        env = {**os.environ, "PHASELENS_HOME": str(home)}
        return subprocess.check_output([sys.executable, "-c", code], env=env, cwd=ROOT, text=True)

    store = open_store(Settings(home=home))
    job_id = add_counter(store)
    open_store(Settings(home=home)).close()
    for expected in range(3):
        assert seen_elsewhere() == f"[{expected}]\n"
        count_up(store, job_id)
    store.close()


def test_processes_that_open_a_new_store_at_once_make_one_good_store(home: Path) -> None:
    code = (
        "from core.config import load_settings; from db.session import open_store; "
        "from db.jobs import add_job; s = open_store(load_settings()); x = s.write(); "
        "add_job(x.__enter__(), 'index', {}, 'one'); x.__exit__(None, None, None)"
    )
    env = {**os.environ, "PHASELENS_HOME": str(home)}
    children = [subprocess.Popen([sys.executable, "-c", code], env=env, cwd=ROOT) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    store = open_store(Settings(home=home))
    with store.read() as session:
        assert jobs.count_jobs(session) == 4
    assert store.check() == []


def test_eight_threads_with_fifty_read_then_write_increments_lose_none(store: Store) -> None:
    job_id = add_counter(store)
    refused: list[StoreError] = []

    def work() -> None:
        try:
            for _ in range(50):
                count_up(store, job_id)
        except StoreError as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    assert counter(store, job_id) == 400


def test_a_reader_keeps_its_snapshot_and_does_not_wait_for_a_writer(store: Store) -> None:
    job_id = add_counter(store)
    with store.write() as writing:
        writing.get_one(JobRow, job_id).done = 7
        writing.flush()
        assert counter(store, job_id) == 0
    with store.read() as reading:
        assert reading.get_one(JobRow, job_id).done == 7
        count_up(store, job_id)
        reading.expire_all()
        assert reading.get_one(JobRow, job_id).done == 7
    assert counter(store, job_id) == 8


def test_writing_in_a_read_session_is_refused(store: Store) -> None:
    job_id = add_counter(store)

    def write_while_reading() -> None:
        with store.read() as session:
            session.get_one(JobRow, job_id).done = 1
            session.flush()

    with pytest.raises(StoreError, match="read-only"):
        write_while_reading()
    assert counter(store, job_id) == 0


def test_an_exception_undoes_the_whole_write(store: Store) -> None:
    job_id = add_counter(store)

    def break_off() -> None:
        with store.write() as session:
            session.get_one(JobRow, job_id).done = 1
            session.flush()
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert counter(store, job_id) == 0
    count_up(store, job_id)
    assert counter(store, job_id) == 1


def test_a_second_writer_waits_and_then_says_that_the_store_is_locked(settings: Settings) -> None:
    first, second = open_store(settings), open_store(settings, patience_s=0.2)
    job_id = add_counter(first)
    with first.write() as session:
        session.get_one(JobRow, job_id).done = 5
        session.flush()
        with pytest.raises(StoreError, match="locked") as caught:
            count_up(second, job_id)
        assert "try again" in caught.value.fix
    count_up(second, job_id)
    assert counter(first, job_id) == 6
    first.close()
    second.close()


def test_text_that_no_database_stores_is_kept_readable(store: Store) -> None:
    with store.write() as session:
        job_id = jobs.add_job(session, "index", {"a": "nul \x00"}, "nul \x00 half \ud83d emoji")
    with store.read() as session:
        assert jobs.load_job(session, job_id).title == "nul \ufffd half \ufffd emoji"
