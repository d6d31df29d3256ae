"""A locked, read-only, damaged or foreign database and a full disk: said plainly, nothing lost."""

import os
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.config import Settings
from core.errors import StoreError
from db.session import Store, open_store
from db.traces import TraceFilter, begin_trace, count_of, load_trace
from tests.db.children import in_child
from tests.db.examples import CONFIG, DOCUMENT
from tests.db.postgres import Server


def add_trace(store: Store) -> str:
    with store.write() as session:
        return begin_trace(session, run_id=None, config=CONFIG, document=DOCUMENT, origin="live")


def count(store: Store) -> int:
    with store.read() as session:
        return count_of(session, TraceFilter())


def failure(settings: Settings) -> str:
    """What opening and writing says, what and fix in one."""
    try:
        store = open_store(settings, patience_s=0.2)
        add_trace(store)
    except StoreError as error:
        return f"{error.what} {error.fix}" if error.what and error.fix else "an empty message"
    return "no error"


@pytest.fixture
def filled(home: Path) -> Path:
    """A closed SQLite database that holds one trace."""
    store = open_store(Settings(home=home))
    add_trace(store)
    store.close()
    return home / "phaselens.db"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a plain user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="phaselens-ro-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_locked_database_is_named_and_works_again_afterwards(
    home: Path, filled: Path, kind: str
) -> None:
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        message = failure(Settings(home=home))
        assert "is locked" in message
        assert str(filled) in message
    assert failure(Settings(home=home)) == "no error"
    assert count(open_store(Settings(home=home))) == 2


@pytest.mark.parametrize("part", ["file", "folder"])
def test_a_read_only_database_is_named(open_folder: Path, part: str) -> None:
    settings = Settings(home=open_folder)
    store = open_store(settings)
    add_trace(store)
    store.close()
    database = open_folder / "phaselens.db"
    database.chmod(0o444 if part == "file" else 0o666)
    open_folder.chmod(0o555 if part == "folder" else 0o777)
    message = in_child(lambda: failure(settings), as_plain_user=True)
    assert "read-only" in message
    assert "PHASELENS_HOME" in message
    assert count(open_store(settings)) == 1


def test_a_home_that_cannot_be_made_is_named(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    settings = Settings(home=open_folder / "home")
    message = in_child(lambda: failure(settings), as_plain_user=True)
    assert "cannot be created" in message


def test_a_file_where_the_home_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    assert "cannot be created" in failure(Settings(home=tmp_path / "home"))


def test_a_folder_where_the_database_should_be_is_named(home: Path) -> None:
    (home / "phaselens.db").mkdir(parents=True)
    assert "is not a file" in failure(Settings(home=home))


@pytest.mark.parametrize("damage", ["text", "cut off", "zeroed start", "scrambled"])
def test_a_damaged_database_is_named_and_not_touched(home: Path, filled: Path, damage: str) -> None:
    content = bytearray(filled.read_bytes())
    match damage:
        case "text":
            content = bytearray(b"This is not a database. " * 500)
        case "cut off":
            del content[len(content) // 2 :]
        case "zeroed start":
            content[:4096] = bytes(4096)
        case "scrambled":
            content[100:] = os.urandom(len(content) - 100)
    filled.write_bytes(content)
    message = failure(Settings(home=home))
    assert "damaged" in message
    assert "phaselens db restore" in message
    assert filled.read_bytes() == content


def test_damage_in_the_middle_is_found_by_the_full_check(home: Path) -> None:
    store = open_store(Settings(home=home))
    for _ in range(50):
        add_trace(store)
    store.close()
    database = home / "phaselens.db"
    content = bytearray(database.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle:] = os.urandom(len(content) - middle)
    database.write_bytes(content)
    damaged = Store(Settings(home=home).database)
    try:
        problems = damaged.check()
    except StoreError as error:
        problems = [error.what]
    assert problems
    damaged.close()


def test_an_empty_file_is_a_first_start(home: Path) -> None:
    home.mkdir()
    (home / "phaselens.db").touch()
    assert failure(Settings(home=home)) == "no error"


def test_a_full_database_is_named_and_goes_on_when_there_is_room(sqlite_store: Store) -> None:
    kept = add_trace(sqlite_store)
    pages = _pragma(sqlite_store, "page_count")
    _pragma(sqlite_store, f"max_page_count = {pages + 2}")

    def fill_up() -> None:
        for _ in range(50):
            add_trace(sqlite_store)

    with pytest.raises(StoreError, match="is full") as caught:
        fill_up()
    assert "Free some space" in caught.value.fix
    _pragma(sqlite_store, "max_page_count = 1000000")
    before = count(sqlite_store)
    added = add_trace(sqlite_store)
    with sqlite_store.read() as session:
        assert load_trace(session, kept).document == DOCUMENT
        assert load_trace(session, added).document == DOCUMENT
    assert count(sqlite_store) == before + 1
    assert sqlite_store.check() == []


def _pragma(store: Store, pragma: str) -> int:
    """On the one pooled connection of a store that is used by one thread."""
    with store.connect(write=False) as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())


def test_a_disk_that_refuses_more_bytes_is_named_and_nothing_is_lost(
    home: Path, filled: Path
) -> None:
    def fill_up() -> str:
        limit = filled.stat().st_size + 40_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        store = open_store(Settings(home=home))
        for written in range(10_000):
            try:
                add_trace(store)
            except StoreError as error:
                return f"{written}|{error}"
        return "no error"

    written, message = in_child(fill_up).split("|")
    assert "is full" in message
    store = open_store(Settings(home=home))
    assert count(store) == 1 + int(written)
    assert store.check() == []
    add_trace(store)
    store.close()


def test_a_first_start_on_a_full_disk_is_named_and_the_next_one_works(home: Path) -> None:
    def first_start() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))
        return failure(Settings(home=home))

    import alembic.command  # noqa: F401  # a file that is imported must not need writing

    assert "is full" in in_child(first_start)
    assert failure(Settings(home=home)) == "no error"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no address", "not a database address"),
        ("mysql://somebody:secret@host/db", "does not know mysql"),
        ("postgresql://somebody:secret@127.0.0.1:1/db", "cannot be reached"),
    ],
)
def test_a_database_address_that_leads_nowhere_is_named_without_its_password(
    home: Path, url: str, says: str
) -> None:
    message = failure(Settings(home=home, database_url=url))
    assert says in message
    assert "PHASELENS_DATABASE_URL" in message
    assert "secret" not in message


@pytest.mark.postgresql
def test_a_missing_postgresql_database_is_named(home: Path, postgres: Server) -> None:
    message = failure(Settings(home=home, database_url=postgres.url("nothere")))
    assert "no database of that name" in message or "cannot be reached" in message
    assert "nothere" in message


@pytest.mark.postgresql
def test_a_read_only_postgresql_server_is_named(home: Path, postgres: Server) -> None:
    url = postgres.new_database()
    settings = Settings(home=home, database_url=url)
    store = open_store(settings)
    with store.connect(write=False) as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
    store.close()
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "takes no writes" in failure(settings)
    postgres.drop(url)


@pytest.mark.postgresql
def test_a_restarted_connection_does_not_fail_the_next_page(home: Path, postgres: Server) -> None:
    url = postgres.new_database()
    store = open_store(Settings(home=home, database_url=url))
    add_trace(store)
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname IS NOT NULL AND datname <> 'postgres'"
    )
    assert count(store) == 1
    store.close()
    postgres.drop(url)
