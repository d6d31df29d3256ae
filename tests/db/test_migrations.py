"""The migrations make exactly the tables that the models describe, all at once or not at all."""

import json
import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import db.migrate
from core.config import Settings
from core.errors import StoreError
from db.annotations import flags_of
from db.metadata import METADATA
from db.migrate import MIGRATIONS, bring_up_to_date, head, known_revisions, revision_of
from db.session import Store, open_store
from db.shortlist_flags import shortlist_flags
from db.trace_views import TraceFilter
from db.traces import page_of
from tests.db.examples import CONFIG


def test_the_models_equal_the_migrated_tables(store: Store) -> None:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and (name or "").startswith("trace_search"))

    with store.connect(write=False) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": ours}
        )
        assert compare_metadata(context, METADATA) == []


def test_each_migration_is_named_after_its_revision_and_follows_the_one_before() -> None:
    before = None
    for file, revision in zip(
        sorted((MIGRATIONS / "versions").glob("[0-9]*.py")), known_revisions(), strict=True
    ):
        source = file.read_text()
        assert re.search(rf'^revision = "{revision}"$', source, re.M)
        expected = "None" if before is None else f'"{before}"'
        assert re.search(rf"^down_revision = {expected}$", source, re.M)
        before = revision


def test_an_opened_store_is_at_the_newest_revision(store: Store) -> None:
    assert revision_of(store) == head()
    assert bring_up_to_date(store) == head()


def test_a_migration_that_breaks_off_leaves_nothing_behind(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = db.migrate._upgrade

    def killed(connection: object) -> None:
        original(connection)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(db.migrate, "_upgrade", killed)
    with pytest.raises(KeyboardInterrupt):
        open_store(Settings(home=home))
    monkeypatch.undo()
    store = Store(Settings(home=home).database)
    with store.connect(write=False) as connection:
        assert inspect(connection).get_table_names() == []
    store.close()
    assert open_store(Settings(home=home)).check() == []


def test_a_store_of_the_first_release_keeps_its_flags_and_takes_new_ones(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=home)

    def first_only(connection: object) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    monkeypatch.setattr(db.migrate, "_upgrade", first_only)
    monkeypatch.setattr(db.migrate, "head", lambda: "0001")
    store = open_store(settings)
    moment = "2026-01-02 03:04:05.000000"
    rows: dict[str, dict[str, object]] = {
        "traces": {
            "seq": 1, "id": "old", "origin": "live", "dataset": "icd", "document_id": "d",
            "document_start": "text", "system": "base", "state": "done", "attempt": 1,
            "created_at": moment, "updated_at": moment, "k": 3, "n": 2, "gold": 1, "tokens": 5,
            "has_phases": True, "boundary": 0.5,
        },
        "trace_texts": {"trace_seq": 1, "document": "text", "labels": "", "trace": "twelve chars"},
        "trace_bodies": {"trace_seq": 1, "gold": "[]", "config": json.dumps(CONFIG.to_json())},
        "annotation_events": {
            "id": "flag", "kind": "flag", "trace_id": "old", "verdict": "good", "comment": "",
            "annotator": "", "created_at": moment,
        },
    }  # fmt: skip
    with store.connect(write=True) as connection:
        for table, values in rows.items():
            names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
    store.close()
    monkeypatch.undo()

    store = open_store(settings)
    assert revision_of(store) == head() != "0001"
    with store.read() as session:
        assert len(flags_of(session, "old")) == 1
        assert shortlist_flags(session) == []
        (row,) = page_of(session, TraceFilter(text="twelve"))
    assert (row.chars, row.boundary_source) == (12, "grammar")
    assert store.check() == []


def test_a_store_of_a_newer_phaselens_is_refused_and_left_alone(settings: Settings) -> None:
    store = open_store(settings)
    with store.connect(write=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match="newer PhaseLens") as caught:
        open_store(settings)
    assert "Update" in caught.value.fix
    assert revision_of(store) == "9999"
    store.close()


def test_a_foreign_sqlite_database_is_not_taken_over(home: Path) -> None:
    settings = Settings(home=home)
    home.mkdir()
    foreign = Store(settings.database)
    with foreign.connect(write=True) as connection:
        connection.execute(text("CREATE TABLE jobs (theirs TEXT)"))
    foreign.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(settings)
    with foreign.connect(write=False) as connection:
        assert inspect(connection).get_table_names() == ["jobs"]
    foreign.close()
