"""Each mistake gives one clear line on stderr, a non-zero exit, and nothing on stdout."""

import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import load_settings
from core.models.base import ModelKind, ModelSpec
from db.models_added import add_model
from db.session import open_store
from tests.cli.conftest import ROOT, Cli, Outcome
from tests.db.children import in_child
from tests.runs.tiny import write_tiny


@pytest.fixture(autouse=True)
def tiny(home: Path) -> None:
    write_tiny(home)


def refused(outcome: Outcome, *parts: str) -> None:
    assert outcome.status == 1
    assert outcome.stdout == ""
    for part in parts:
        assert part in outcome.line


RUN_TINY = ("run", "--dataset", "tiny")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("data", "info", "nowhere"), ["no dataset 'nowhere'", "icd"]),
        (("data", "get", "nowhere"), ["no dataset 'nowhere'"]),
        (("index", "nowhere"), ["no dataset 'nowhere'"]),
        (("shortlist", "nowhere", "--text", "heart"), ["no dataset 'nowhere'"]),
        (("run", "--dataset", "nowhere"), ["no dataset 'nowhere'"]),
        (("data", "info", "../../etc"), ["no dataset"]),
        ((*RUN_TINY, "--system", "nobody"), ["no system named 'nobody'", "base"]),
        ((*RUN_TINY, "--split", "tset"), ["no split named 'tset'", "test"]),
        ((*RUN_TINY, "--limit", "0"), ["at least 1"]),
        ((*RUN_TINY, "--limit", "-3"), ["at least 1"]),
        ((*RUN_TINY, "--k", "0"), ["k is 0", "20 labels"]),
        ((*RUN_TINY, "--k", "-4"), ["k is -4"]),
        ((*RUN_TINY, "--k", "21"), ["k is 21", "20 labels"]),
        ((*RUN_TINY, "--k", "5", "--n", "6"), ["n is 6", "k = 5"]),
        ((*RUN_TINY, "--k", "5", "--n", "0"), ["n is 0"]),
        ((*RUN_TINY, "--k", "5", "--n", "2", "--ef", "3"), ["ef is 3"]),
        ((*RUN_TINY, "--k", "5", "--n", "2", "--temperature", "-1"), ["temperature"]),
        ((*RUN_TINY, "--k", "5", "--n", "2", "--max-new-tokens", "0"), ["token limit"]),
        (("eval", "0123456789abcdef"), ["no run '0123456789abcdef'"]),
        (("eval", "%"), ["no run '%'"]),
        (("eval", ""), ["no run ''"]),
        (("shortlist", "tiny", "--document", "doc99"), ["no document 'doc99'"]),
        (("shortlist", "tiny", "--text", "heart", "--k", "0"), ["k is 0"]),
        (("shortlist", "tiny", "--text", "heart", "--k", "-1"), ["k is -1"]),
        (("shortlist", "tiny", "--text", "heart", "--k", "21"), ["k is 21"]),
        (("shortlist", "tiny", "--text", "heart", "--k", "5", "--ef", "4"), ["ef is 4"]),
        (("shortlist", "tiny", "--text", ""), ["The text is empty"]),
        (("shortlist", "tiny", "--text", " \n\t "), ["The text is empty"]),
        (("shortlist", "tiny", "--text", "1234 567"), ["no letters"]),
        (("shortlist", "tiny", "--text", "сахарный диабет"), ["Cyrillic"]),
        (("shortlist", "tiny", "--text", "二型糖尿病的神经病变"), ["script", "English"]),
        (("db", "restore", "nothing-here.db"), ["no file"]),
    ],
)
def test_a_mistake_is_said_in_one_line(cli: Cli, words: tuple[str, ...], parts: list[str]) -> None:
    refused(cli(*words), *parts)


def test_a_text_of_a_megabyte_is_refused(cli: Cli) -> None:
    megabyte = "heart failure " * 75_000
    refused(cli("shortlist", "tiny", "--text", "-", stdin=megabyte), "characters", "the most is")


@pytest.mark.model
def test_a_dataset_without_an_index_says_how_to_build_it_and_nothing_else(process: Cli) -> None:
    refused(process("shortlist", "tiny", "--text", "heart", "--k", "5"), "phaselens index tiny")


def test_with_json_the_error_is_the_one_object(cli: Cli) -> None:
    outcome = cli("data", "info", "nowhere", "--json")
    assert outcome.status == 1
    assert set(outcome.json["error"]) == {"what", "fix"}
    assert "nowhere" in outcome.line


@pytest.mark.parametrize(
    "words",
    [
        ("shortlist", "tiny"),
        ("shortlist", "tiny", "--text", "a", "--document", "b"),
        ("shortlist", "tiny", "--text", "heart", "--k", "many"),
        ("run",),
        ("run", "--dataset"),
        ("fly",),
        ("data", "fly"),
        ("doctor", "--fly"),
    ],
)
def test_wrong_usage_exits_with_2(cli: Cli, words: tuple[str, ...]) -> None:
    outcome = cli(*words)
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert "Error" in outcome.stderr or "Usage" in outcome.stderr


def test_names_that_would_command_the_terminal_are_shown_inert(cli: Cli) -> None:
    outcome = cli("data", "info", "\x1b[2Jwiped\nsecond line")
    assert outcome.status == 1
    assert "\x1b" not in outcome.line


def test_a_mistake_leaves_no_job_behind(cli: Cli) -> None:
    cli(*RUN_TINY, "--k", "0")
    cli(*RUN_TINY, "--system", "nobody")
    cli("index", "nowhere")
    store = open_store(load_settings())
    from db.jobs import count_jobs

    with store.read() as session:
        assert count_jobs(session) == 0


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port where nobody listens, kept from others while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def added(name: str, kind: ModelKind, location: str) -> None:
    store = open_store(load_settings())
    with store.write() as session:
        add_model(
            session, local_person(), ModelSpec(name, kind, location, served_model="m", timeout_s=2)
        )


def test_an_endpoint_that_refuses_stops_a_run_at_once(cli: Cli, dead_port: int) -> None:
    added("server", ModelKind.ENDPOINT, f"http://127.0.0.1:{dead_port}/v1")
    refused(cli(*RUN_TINY, "--system", "server", "--k", "5", "--n", "2"), str(dead_port))


def test_a_model_folder_without_weights_stops_a_run_at_once(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    added("empty", ModelKind.LOCAL, str(tmp_path / "empty"))
    refused(cli(*RUN_TINY, "--system", "empty", "--k", "5", "--n", "2"), "empty")


@pytest.fixture
def locked(home: Path) -> Iterator[None]:
    open_store(load_settings()).close()
    with closing(sqlite3.connect(home / "phaselens.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.usefixtures("locked")
def test_doctor_says_that_the_database_is_locked(cli: Cli) -> None:
    outcome = cli("doctor")
    assert outcome.status == 1
    assert "locked" in outcome.stderr


NEEDS_STORE = [("eval", "abcd"), ("db", "check"), ("db", "migrate"), RUN_TINY]


@pytest.mark.parametrize("words", NEEDS_STORE)
def test_a_corrupted_database_is_named_and_left_alone(
    cli: Cli, home: Path, words: tuple[str, ...]
) -> None:
    home.mkdir(exist_ok=True)
    (home / "phaselens.db").write_bytes(b"garbage" * 4000)
    refused(cli(*words), "damaged", "db restore")
    assert (home / "phaselens.db").read_bytes() == b"garbage" * 4000


@pytest.fixture
def open_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that every user can reach (pytest's own folders are root's alone)."""
    folder = Path(tempfile.mkdtemp(prefix="phaselens-"))
    folder.chmod(0o777)
    monkeypatch.setenv("PHASELENS_HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("words", NEEDS_STORE)
def test_a_read_only_database_is_named(cli: Cli, open_home: Path, words: tuple[str, ...]) -> None:
    open_store(load_settings()).close()
    cli(*words)  # the child may not see this checkout: everything is imported before
    for file in open_home.glob("phaselens.db*"):
        file.chmod(0o444)

    def refused_line() -> str:
        outcome = cli(*words)
        return f"{outcome.status} {outcome.line}"

    said = in_child(refused_line, as_plain_user=True)
    assert said.startswith("1 Error: "), said
    assert "read-only" in said


@pytest.mark.parametrize("words", NEEDS_STORE)
def test_a_home_that_cannot_be_made_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PHASELENS_HOME", str(tmp_path / "file" / "home"))
    outcome = cli(*words)
    assert outcome.status == 1
    assert outcome.stdout == ""
    assert "PHASELENS_HOME" in outcome.line or "no dataset" in outcome.line


def test_a_full_disk_is_said_and_leaves_nothing_half_written(home: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "from core.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "data", "get", "icd"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    refused(Outcome(done.returncode, done.stdout, done.stderr), "disk")
    assert not (home / "datasets" / "icd").exists()
