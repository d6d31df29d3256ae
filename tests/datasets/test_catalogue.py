"""Which datasets there are, and what happens when one is unknown or damaged."""

import os
import shutil
from pathlib import Path

import pytest

from core.datasets.catalogue import dataset_info, names, open_dataset, search_documents, summary
from core.datasets.files import About, write_dataset
from core.errors import DataError, UnknownNameError
from tests.shortlist.synthetic import make_dataset, settings_of


@pytest.mark.parametrize("name", ["nope", "", "../icd", "icd/", "."])
def test_an_unknown_dataset_is_named_with_those_there_are(home: Path, name: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        open_dataset(settings_of(home), name)
    assert "icd" in raised.value.fix


def test_datasets_in_the_home_folder_are_listed(home: Path) -> None:
    make_dataset(home)

    assert names() == ["icd"]
    assert names(settings_of(home)) == ["icd", "tiny"]
    assert dataset_info(settings_of(home), "tiny").labels == 300


@pytest.mark.parametrize("name", ["labels.arrow", "documents.arrow", "dataset.json"])
def test_a_truncated_file_is_said_and_the_folder_can_be_deleted(home: Path, name: str) -> None:
    make_dataset(home)
    path = home / "datasets" / "tiny" / name
    os.truncate(path, path.stat().st_size // 2)

    with pytest.raises(DataError) as raised:
        open_dataset(settings_of(home), "tiny")
    assert "Delete that folder" in raised.value.fix


@pytest.mark.parametrize("name", ["labels.arrow", "documents.arrow"])
def test_a_missing_file_is_said(home: Path, name: str) -> None:
    make_dataset(home)
    (home / "datasets" / "tiny" / name).unlink()

    with pytest.raises(DataError):
        open_dataset(settings_of(home), "tiny")


def test_a_file_of_another_dataset_is_refused(home: Path) -> None:
    make_dataset(home)
    make_dataset(home, labels=20, name="other")
    folder = home / "datasets"
    shutil.copy(folder / "other" / "documents.arrow", folder / "tiny" / "documents.arrow")

    with pytest.raises(DataError, match=r"documents\.arrow was changed"):
        open_dataset(settings_of(home), "tiny")


def test_writing_again_replaces_the_whole_folder(home: Path) -> None:
    first = make_dataset(home)
    second = make_dataset(home, tag=" changed")

    assert first.info.fingerprint != second.info.fingerprint
    assert first.labels.name(0) == "topic 0"  # still readable by those who had it open
    assert [path.name for path in (home / "datasets").iterdir()] == ["tiny"]


def test_a_dataset_without_documents_has_a_summary(home: Path) -> None:
    write_dataset(home / "datasets" / "bare", About("bare", "Bare", "", "", "", ""), [], [])

    bare = open_dataset(settings_of(home), "bare")

    assert summary(bare).mean_gold == 0
    assert search_documents(bare, "x") == []
    assert bare.labels.row("x") is None


def test_unknown_documents_are_said(home: Path) -> None:
    with pytest.raises(UnknownNameError, match="no document 'nope'"):
        make_dataset(home).document("nope")


def test_label_rows_are_sorted_and_found_by_id(home: Path) -> None:
    labels = make_dataset(home).labels

    assert [labels.row(labels.id(row)) for row in range(len(labels))] == list(range(300))
    assert labels.row("L99999") is None
    assert labels.names([5, 2]) == ["topic 5", "topic 2"]
