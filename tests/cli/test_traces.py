"""`phaselens traces`: from a mixed file to the store and out again."""

import json
from pathlib import Path

from core.annotation.people import local_person
from core.config import Settings
from db.session import open_store
from db.slices import save_slice
from tests.cli.conftest import Cli
from tests.traces.importing.brought import GOOD, rows_file, with_dataset


def mixed(home: Path, tmp_path: Path) -> Path:
    with_dataset(home, tmp_path)
    rows = [GOOD, {**GOOD, "system": "other"}, {**GOOD, "trace": ""}, GOOD]
    return rows_file(tmp_path, rows, "mixed.jsonl")


def test_an_import_says_what_came_in_and_what_was_wrong(
    cli: Cli, home: Path, tmp_path: Path
) -> None:
    file = mixed(home, tmp_path)
    done = cli("traces", "import", str(file), "--json")
    assert done.status == 0
    assert (done.json["traces"], done.json["known"], done.json["rejected"]) == (2, 1, 1)
    assert (done.json["imported"], done.json["skipped_as_known"]) == (2, 1)
    assert [p["kind"] for p in done.json["problems"]] == [
        "empty traces", "traces that are here already",
    ]  # fmt: skip
    again = cli("traces", "import", str(file))
    assert again.status == 0
    assert "0 new traces; 3 were here already; 1 rows were left out." in again.stdout
    assert "mixed.jsonl row 3" in again.stdout


def test_export_takes_filters_and_slices(cli: Cli, home: Path, tmp_path: Path) -> None:
    cli("traces", "import", str(mixed(home, tmp_path)))
    with open_store(Settings(home=home)).write() as session:
        save_slice(session, local_person(), "ours", {"system": "other"})
    out = tmp_path / "out.jsonl"
    assert cli("traces", "export", str(out), "--json").json["traces"] == 2
    assert cli("traces", "export", str(out), "--slice", "ours", "--json").json["traces"] == 1
    by_option = tmp_path / "by-option.jsonl"
    assert cli("traces", "export", "--out", str(by_option), "--json").json["traces"] == 2
    assert len(by_option.read_text().splitlines()) == 2
    assert "Name one file to write." in cli("traces", "export").line
    assert json.loads(out.read_text())["system"] == "other"
    assert cli("traces", "export", str(out), "--system", "none", "--json").json["traces"] == 0
    unknown = cli("traces", "export", str(out), "--slice", "theirs")
    assert unknown.status != 0
    assert "no slice named 'theirs'" in unknown.stderr


def test_errors_say_what_to_do(cli: Cli, home: Path, tmp_path: Path) -> None:
    with_dataset(home, tmp_path)
    gone = cli("traces", "import", str(tmp_path / "gone.jsonl"))
    assert gone.status != 0
    assert "There is no file" in gone.stderr
    role = cli("traces", "import", str(tmp_path / "x"), "--column", "nonsense=a")
    assert "the roles are dataset, document" in role.stderr
    log = tmp_path / "log.eval"
    log.write_bytes(b"no log")
    assert "Inspect" in cli("traces", "import", str(log)).stderr
