"""The files of a search: made once, believed only when they are whole and of these labels."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import StoreError
from core.label_search import index as made
from core.label_search.index import MANIFEST, is_made, open_index, search_folder
from core.label_search.search import LabelSearch
from tests.label_search.spaces import dataset, names_of, settings_of

ROOT = Path(__file__).resolve().parents[2]
NAMES = [("1", "Aspirin"), ("2", "Aspirin/adverse effects"), ("3", "Deer")]
OPEN = """
import sys
from pathlib import Path
from core.config import Settings
from core.datasets.catalogue import open_dataset
from core.label_search import index
from core.label_search.search import LabelSearch

build = index.build_index
def counted(*given):
    print("made")
    return build(*given)
index.build_index = counted
settings = Settings(home=Path(sys.argv[1]), database_url="")
print(LabelSearch.open(settings, open_dataset(settings, "typed")).search("word 19999")[0].label_id)
"""


def test_it_is_made_once_and_read_from_then_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, data = settings_of(home), dataset(home, NAMES)
    assert not is_made(settings, data)
    first = LabelSearch.open(settings, data)
    assert is_made(settings, data)
    monkeypatch.setattr(made, "build_index", None)
    again = LabelSearch.open(settings, data)
    assert names_of(again, "asp") == names_of(first, "asp") == ["Aspirin", NAMES[1][1]]
    assert isinstance(again._index.places, np.memmap)


def test_changed_labels_are_searched_at_once(home: Path) -> None:
    settings = settings_of(home)
    LabelSearch.open(settings, dataset(home, NAMES))
    changed = dataset(home, [*NAMES, ("4", "Aspen")])
    assert not is_made(settings, changed)
    assert names_of(LabelSearch.open(settings, changed), "asp")[0] == "Aspen"
    renamed = dataset(home, [("1", "Ibuprofen"), *NAMES[1:]])
    assert names_of(LabelSearch.open(settings, renamed), "ibu") == ["Ibuprofen"]


def test_a_search_that_is_open_goes_on_when_the_labels_change(home: Path) -> None:
    settings = settings_of(home)
    before = LabelSearch.open(settings, dataset(home, NAMES))
    LabelSearch.open(settings, dataset(home, [("9", "Else")]))
    assert names_of(before, "asp") == ["Aspirin", "Aspirin/adverse effects"]


@pytest.mark.parametrize("harm", ["cut", "lost", "not json", "no manifest", "old format"])
def test_damaged_files_are_made_anew(home: Path, harm: str) -> None:
    settings, data = settings_of(home), dataset(home, NAMES)
    LabelSearch.open(settings, data)
    folder = search_folder(settings, data)
    manifest = folder / MANIFEST
    if harm == "cut":
        (folder / "places.npy").write_bytes(b"\x93NUMPY")
    elif harm == "lost":
        (folder / "words.arrow").unlink()
    elif harm == "not json":
        manifest.write_text("[]", "utf-8")
    elif harm == "no manifest":
        manifest.unlink()
    else:
        said = json.loads(manifest.read_text("utf-8"))
        manifest.write_text(json.dumps({**said, "format": 0}), "utf-8")
    assert not is_made(settings, data)
    assert names_of(LabelSearch.open(settings, data), "deer") == ["Deer"]
    assert is_made(settings, data)


def test_a_build_that_is_stopped_leaves_nothing_half_made(home: Path) -> None:
    settings, data = settings_of(home), dataset(home, NAMES)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_index(settings, data, stop)
    assert not search_folder(settings, data).exists()
    assert names_of(LabelSearch.open(settings, data), "deer") == ["Deer"]


def test_progress_counts_labels(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "_ROWS_AT_ONCE", 2)
    said: list[tuple[int, int]] = []
    settings, data = settings_of(home), dataset(home, NAMES)
    search = LabelSearch.open(settings, data, lambda done, total: said.append((done, total)))
    assert said == [(0, 3), (2, 3), (3, 3)]
    assert names_of(search, "d") == ["Deer"]


def test_two_processes_make_one(home: Path) -> None:
    dataset(home, [(f"{at:05}", f"word {at}") for at in range(20_000)])
    both = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(home)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    done = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], done
    said = sorted(out.split() for out, _ in done)
    assert said == [["19999"], ["made", "19999"]]
    indexes = home / "indexes" / "typed"
    assert sorted(one.name for one in indexes.iterdir()) == ["label-search", "label-search.lock"]


def test_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    data = dataset(home, NAMES)
    (home / "indexes").write_text("in the way", "utf-8")
    with pytest.raises(StoreError, match="cannot be kept"):
        LabelSearch.open(settings_of(home), data)
