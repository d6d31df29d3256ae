"""phaselens db: each error is one clear line and nothing is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Cli


def row_count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM models").fetchone()[0])


def add_model(database: Path, name: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO models (name, created_at, spec) VALUES (?, '2026-01-01', '{}')", (name,)
        )


def test_migrate_makes_a_database_that_check_finds_sound(cli: Cli, home: Path) -> None:
    made = cli("db", "migrate", "--json")
    assert made.status == 0
    assert made.json["ok"] is True
    assert (home / "phaselens.db").is_file()
    checked = cli("db", "check", "--json")
    assert checked.status == 0
    assert checked.json["ok"] is True
    assert checked.json["revision"] == made.json["revision"]


def test_a_restored_backup_holds_what_the_database_held_then(cli: Cli, home: Path) -> None:
    cli("db", "migrate")
    database = home / "phaselens.db"
    add_model(database, "first")
    saved = cli("db", "backup", str(home / "copy.db"), "--json")
    assert saved.status == 0
    assert saved.json["ok"] is True
    add_model(database, "second")
    back = cli("db", "restore", str(home / "copy.db"), "--json")
    assert back.status == 0
    assert row_count(database) == 1
    assert row_count(Path(back.json["kept"])) == 2, "the database before it is kept"


def test_a_backup_is_one_file_and_includes_what_is_still_in_the_log(cli: Cli, home: Path) -> None:
    cli("db", "migrate")
    with closing(sqlite3.connect(home / "phaselens.db")) as still_open, still_open:
        still_open.execute("PRAGMA wal_autocheckpoint = 0")
        still_open.execute("INSERT INTO models VALUES ('kept', '2026-01-01', '{}')")
        still_open.commit()
        assert cli("db", "backup", str(home / "one" / "copy.db")).status == 0
    assert [file.name for file in (home / "one").iterdir()] == ["copy.db"]
    assert row_count(home / "one" / "copy.db") == 1


def test_a_backup_never_replaces_a_file_unasked(cli: Cli, home: Path) -> None:
    cli("db", "migrate")
    (home / "precious.txt").write_text("mine")
    refused = cli("db", "backup", str(home / "precious.txt"))
    assert refused.status == 1
    assert "exists already" in refused.line
    assert (home / "precious.txt").read_text() == "mine"


def test_restoring_something_else_changes_nothing(cli: Cli, home: Path) -> None:
    cli("db", "migrate")
    add_model(home / "phaselens.db", "mine")
    (home / "notes.db").write_text("not a database at all, but long enough to look at" * 20)
    refused = cli("db", "restore", str(home / "notes.db"))
    assert refused.status == 1
    assert "not a PhaseLens database" in refused.line
    assert row_count(home / "phaselens.db") == 1


def test_a_backup_of_a_newer_phaselens_is_refused_before_anything_changes(
    cli: Cli, home: Path
) -> None:
    cli("db", "migrate")
    add_model(home / "phaselens.db", "mine")
    cli("db", "backup", str(home / "copy.db"))
    with closing(sqlite3.connect(home / "copy.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = cli("db", "restore", str(home / "copy.db"))
    assert refused.status == 1
    assert "newer PhaseLens" in refused.line
    assert row_count(home / "phaselens.db") == 1


def test_a_damaged_database_is_kept_aside_when_a_backup_replaces_it(cli: Cli, home: Path) -> None:
    cli("db", "migrate")
    cli("db", "backup", str(home / "copy.db"))
    damaged = b"SQLite format 3\x00" + b"\xff" * 5000
    # A new file: this process may still hold the old one open, and SQLite goes by the file.
    for end in ("", "-wal", "-shm"):
        (home / f"phaselens.db{end}").unlink(missing_ok=True)
    (home / "phaselens.db").write_bytes(damaged)
    assert cli("db", "check").status == 1
    back = cli("db", "restore", str(home / "copy.db"), "--json")
    assert back.status == 0
    assert Path(back.json["kept"]).read_bytes() == damaged
    assert cli("db", "check").status == 0


def test_backup_without_a_database_says_so(cli: Cli) -> None:
    refused = cli("db", "backup")
    assert refused.status == 1
    assert "There is no database" in refused.line
