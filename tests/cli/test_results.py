"""`phaselens results pack` and `load`: a study to another home and back."""

from pathlib import Path

import pytest

from core.config import Settings
from core.study.asked import Asked
from core.study.choice import begun
from tests.cli.conftest import Cli, Outcome
from tests.study.small_study import PART, a_study, add_data, settings_of


@pytest.fixture
def packed(settings: Settings, tmp_path: Path) -> Path:
    """A pack of a study whose one run, on dev, came from another home."""
    elsewhere = settings_of(tmp_path / "elsewhere")
    store, _, _ = a_study(elsewhere)
    begun(elsewhere, store, Asked("smoke", called="small"))
    add_data(settings)
    return tmp_path / "pack"


@pytest.fixture
def elsewhere(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Commands in that other home."""

    def run(*words: str) -> Outcome:
        with monkeypatch.context() as patch:
            patch.setenv("PHASELENS_HOME", str(tmp_path / "elsewhere"))
            return cli(*words)

    return run


def test_whole_takes_runs_on_dev_along_and_brings_them_in(
    cli: Cli, elsewhere: Cli, packed: Path
) -> None:
    folder = ("--study", "small", "--folder", str(packed))
    assert elsewhere("results", "pack", *folder, "--json").json["traces"] == {}
    whole = elsewhere("results", "pack", *folder, "--whole", "--json")
    assert whole.json["traces"] == {"tiny": 1}
    again = elsewhere("results", "pack", *folder, "--json")
    assert again.json["traces"] == {"tiny": 1}, "a pack keeps the splits it has"
    done = cli("results", "load", *folder)
    assert done.status == 0, done.stderr
    assert "1 runs on dev and train-student were left; --whole brings them too." in done.stdout
    assert cli("results", "load", *folder, "--whole", "--json").json["traces"] == {"tiny": 1}
    assert cli("results", "load", *folder, "--whole").stdout.strip() == (
        "All of it was here already."
    )


def test_a_pack_with_runs_that_are_not_here_is_not_replaced(
    cli: Cli, elsewhere: Cli, packed: Path
) -> None:
    folder = ("--study", "small", "--folder", str(packed))
    assert elsewhere("results", "pack", *folder, "--whole").status == 0
    assert cli("results", "load", *folder).status == 0
    before = (packed / PART).read_bytes()
    refused = cli("results", "pack", *folder, "--whole")
    assert refused.status == 1
    assert "1 runs that are not in this store and would be lost" in refused.stderr
    assert f"phaselens results load --whole --folder {packed}" in refused.stderr
    assert (packed / PART).read_bytes() == before


def test_curves_of_a_study_without_tests_are_told(cli: Cli) -> None:
    done = cli("results", "curves")
    assert done.status == 1
    assert "no results of the study laptop here" in done.line
