"""An index that is truncated, foreign or of other labels: the pages say so and offer a build; a
search says so and leaves everything as it is."""

import json
from pathlib import Path

import pytest

from core.config import load_settings
from core.shortlist import build
from core.shortlist.manifest import GRAPH, MANIFEST, VECTORS
from tests.cli.test_real_models import change_a_label
from tests.pages.conftest import Open, html_of, run, words_of
from tests.runs.tiny import write_tiny
from tests.shortlist.synthetic import HashEncoder

TINY = {"dataset": "tiny", "k": "5", "n": "3"}
DAMAGE = [
    ("truncated graph", f"{GRAPH} has"),
    ("truncated vectors", f"{VECTORS} has"),
    ("missing graph", f"{GRAPH} is missing"),
    ("foreign manifest", f"{MANIFEST} is not one PhaseLens wrote"),
    ("labels changed", "other labels"),
]


@pytest.fixture(autouse=True)
def built(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a ready index of the tiny dataset, made without a model."""
    from core.datasets.catalogue import open_dataset

    monkeypatch.setattr(build, "BLOCK_ROWS", 32)
    write_tiny(home)
    settings = load_settings()
    assert build.build_index(settings, open_dataset(settings, "tiny"), HashEncoder()) is not None
    return home / "indexes" / "tiny"


def spoil(folder: Path, how: str) -> None:
    match how:
        case "truncated graph":
            (folder / GRAPH).write_bytes((folder / GRAPH).read_bytes()[:-100])
        case "truncated vectors":
            (folder / VECTORS).write_bytes((folder / VECTORS).read_bytes()[:-100])
        case "missing graph":
            (folder / GRAPH).unlink()
        case "foreign manifest":
            (folder / MANIFEST).write_text(json.dumps({"index": "faiss", "d": 384}))
        case _:
            change_a_label(folder.parents[1])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("how", "said"), DAMAGE)
def test_every_page_that_shows_the_index_says_what_is_wrong(
    open_page: Open, started_jobs: list[str], built: Path, how: str, said: str
) -> None:
    spoil(built, how)
    before = contents(built)
    explore = open_page("explore", **TINY)
    assert said in html_of(explore)
    assert explore.progress[0].text == "Nothing can be searched: the index cannot be used."
    assert explore.button(key="build_index_tiny").label == "Rebuild the index"
    data = open_page("data", data_dataset="tiny")
    assert said in html_of(data)
    assert data.button(key="index_build_tiny").label == "Rebuild"
    jobs = open_page("jobs")
    assert "now: damaged" in words_of(jobs)
    assert contents(built) == before, "looking changes nothing"
    explore.button(key="build_index_tiny").click()
    run(explore)
    data.button(key="index_build_tiny").click()
    run(data)
    assert len(set(started_jobs)) == 1, "both pages start one and the same build"
