"""Settings come from the environment and phaselens.toml; what cannot be used is said in words."""

from pathlib import Path

import pytest

from core.config import Settings, load_settings
from core.errors import InputError
from db.session import open_store


def test_the_environment_goes_before_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(exist_ok=True)
    (home / "phaselens.toml").write_text("threads = 3\nmax_text_chars = 500\n")
    monkeypatch.setenv("PHASELENS_THREADS", "2")
    settings = load_settings()
    assert (settings.threads, settings.max_text_chars) == (2, 500)


@pytest.mark.parametrize(
    ("name", "value"),
    [("THREADS", "many"), ("THREADS", "-1"), ("MAX_TEXT_CHARS", "0"), ("PREPARE", "perhaps")],
)
def test_a_value_that_cannot_be_used_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"PHASELENS_{name}", value)
    with pytest.raises(InputError, match=f"{value}(.|\n)*PHASELENS_{name}"):
        load_settings()


@pytest.mark.parametrize("name", ["plain", "what?", "a b#c", "50%20", "é&x=1"])
def test_the_database_is_in_the_home_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / name)
    store = open_store(settings)
    store.close()
    assert store.sqlite_file == tmp_path / name / "phaselens.db"
    assert store.sqlite_file.is_file()


@pytest.mark.parametrize("content", [b"threads = \n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(home: Path, content: bytes) -> None:
    home.mkdir(exist_ok=True)
    (home / "phaselens.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"phaselens\.toml cannot be read"):
        load_settings()
