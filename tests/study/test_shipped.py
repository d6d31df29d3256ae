"""Results that ship come into the store by themselves, once, when their dataset is there."""

from pathlib import Path

import pytest

from core.config import Settings
from core.jobs.kinds import load_results
from core.study import pack
from core.study.shipped import not_here, waiting
from db.runs import run_records
from db.session import open_store
from tests.study.small_study import a_study, add_data, settings_of


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of one study's results, as sample_data/results; its run."""
    settings = settings_of(tmp_path / "here")
    store, run, _ = a_study(settings, split="test")
    pack.write_pack(settings, store, "small", tmp_path / "results" / "small", ["test", "dev"])
    monkeypatch.setattr(pack, "SHIPPED", tmp_path / "results")
    return run


def shipping(settings: Settings) -> Settings:
    return settings.model_copy(update={"shipped_results": True})


def load(settings: Settings) -> dict[str, int]:
    traces: dict[str, int] = load_results(settings, {}, lambda *told: None, lambda: False)["traces"]
    return traces


def test_they_wait_for_their_dataset_and_are_loaded_once(tmp_path: Path, shipped: str) -> None:
    there = shipping(settings_of(tmp_path / "there", with_data=False))
    store = open_store(there)
    assert waiting(there, store) == []
    assert not_here(there) == ["tiny"]
    assert load(there) == {}
    add_data(there)
    assert not_here(there) == []
    assert [part.name for part in waiting(there, store)] == ["small-teacher.jsonl.zst"]
    assert waiting(there.model_copy(update={"shipped_results": False}), store) == []
    assert load(there) == {"tiny": 1}
    with store.read() as session:
        assert len(list(run_records(session, shipped))) == 1
    assert waiting(there, store) == []
    assert load(there) == {}


@pytest.mark.usefixtures("shipped")
def test_a_store_that_is_new_gets_them_too(tmp_path: Path) -> None:
    there = shipping(settings_of(tmp_path / "there"))
    assert load(there) == {"tiny": 1}
    url = f"sqlite:///{tmp_path / 'other.db'}"
    moved = there.model_copy(update={"database_url": url})
    assert [part.name for part in waiting(moved, open_store(moved))] == ["small-teacher.jsonl.zst"]
    assert load(moved) == {"tiny": 1}


def test_nothing_ships_nothing_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "SHIPPED", tmp_path / "none")
    there = shipping(settings_of(tmp_path / "there"))
    assert waiting(there, open_store(there)) == []
    assert load(there) == {}
