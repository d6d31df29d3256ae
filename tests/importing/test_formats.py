"""Every format gives the same dataset, and XMC repository files theirs."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from core.config import Settings
from core.datasets.base import Split
from core.datasets.catalogue import open_dataset, summary
from core.errors import InputError
from core.metrics.propensity import constants_for, propensities_of
from tests.importing.files import LABELS, brought_in, documents, json_lines, problems, text


def gzipped(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def as_json(tmp_path: Path) -> tuple[Path, Path]:
    return json_lines(tmp_path / "l.jsonl", LABELS), json_lines(tmp_path / "d.jsonl", documents(40))


def as_csv(tmp_path: Path) -> tuple[Path, Path]:
    labels, docs = tmp_path / "l.csv", tmp_path / "d.csv"
    pd.DataFrame(LABELS).to_csv(labels, index=False)
    rows = [{**one, "gold": "|".join(one["gold"])} for one in documents(40)]
    pd.DataFrame(rows).to_csv(docs, index=False)
    return labels, docs


def as_gzipped_csv(tmp_path: Path) -> tuple[Path, Path]:
    labels, docs = as_csv(tmp_path)
    return gzipped(labels), gzipped(docs)


def as_parquet(tmp_path: Path) -> tuple[Path, Path]:
    labels, docs = tmp_path / "l.parquet", tmp_path / "d.parquet"
    pd.DataFrame(LABELS).to_parquet(labels)
    pd.DataFrame(documents(40)).to_parquet(docs)
    return labels, docs


@pytest.mark.parametrize("write", [as_json, as_csv, as_gzipped_csv, as_parquet])
def test_every_format_gives_the_same_dataset(home: Path, tmp_path: Path, write) -> None:
    report = brought_in(home, *write(tmp_path))

    dataset = open_dataset(Settings(home=home), "mine")
    assert (report.labels, report.documents, report.rejected, report.problems) == (5, 40, 0, ())
    assert [label.name for label in dataset.labels] == [label["name"] for label in LABELS]
    assert dataset.document("d7").text == "about topic 2"
    assert dataset.document("d7").gold == ("L2",)
    assert report.head_torso_tail == summary(dataset).head_torso_tail
    assert report.documents_by_split == summary(dataset).documents_by_split
    assert report.mean_labels == summary(dataset).mean_gold == 1


def test_labels_are_sorted_by_id_whatever_their_order(home: Path, tmp_path: Path) -> None:
    ids = [f"L{n * 7919 % 20_000}" for n in range(20_000)]
    labels = json_lines(tmp_path / "l.jsonl", ({"id": i, "name": f"name of {i}"} for i in ids))
    brought_in(home, labels, json_lines(tmp_path / "d.jsonl", documents(5)))

    space = open_dataset(Settings(home=home), "mine").labels
    assert [space.id(row) for row in range(len(space))] == sorted(ids)
    assert space.names([space.row("L19") or 0]) == ["name of L19"]


def test_other_column_names_can_be_said(home: Path, tmp_path: Path) -> None:
    labels = text(tmp_path / "l.csv", "mesh,heading,id\nX1,Heart,9\nX2,Lung,8\n")
    docs = text(tmp_path / "d.csv", "nr,words,marks\n1,a heart,X1;X2\n2,a lung,X2\n")
    columns = {"label-id": "mesh", "name": "heading", "id": "nr", "text": "words", "gold": "marks"}

    report = brought_in(home, labels, docs, columns=columns)

    assert report.problems == ()
    assert open_dataset(Settings(home=home), "mine").document("1").gold == ("X1", "X2")
    with pytest.raises(InputError, match="no column 'nope' for text"):
        brought_in(home, labels, docs, columns={**columns, "text": "nope"}, replace=True)


def test_a_guessed_column_can_be_left_out(home: Path, tmp_path: Path) -> None:
    rows = [{**one, "title": "noise"} for one in documents(5)]
    labels, docs = as_json(tmp_path)[0], json_lines(tmp_path / "e.jsonl", rows)
    brought_in(home, labels, docs)
    assert open_dataset(Settings(home=home), "mine").document("d1").text == "noise\nabout topic 1"
    brought_in(home, labels, docs, columns={"title": ""}, replace=True)
    assert open_dataset(Settings(home=home), "mine").document("d1").text == "about topic 1"


def test_quoted_csv_values_may_span_lines(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    docs = text(tmp_path / "d.csv", 'id;text;gold\n1;"two\nlines; ""so""";L1\n2;one;L2|L3\n')

    assert brought_in(home, labels, docs).problems == ()
    dataset = open_dataset(Settings(home=home), "mine")
    assert dataset.document("1").text == 'two\nlines; "so"'
    assert dataset.document("2").gold == ("L2", "L3")


def test_labels_without_ids_are_named_by_their_names(home: Path, tmp_path: Path) -> None:
    labels = text(tmp_path / "labels.txt", "heart failure\nasthma\n")
    docs = json_lines(tmp_path / "d.jsonl", [{"text": "wheezing", "labels": ["asthma"]}])

    assert brought_in(home, labels, docs).problems == ()
    assert open_dataset(Settings(home=home), "mine").document("d:0").gold == ("asthma",)


def test_split_columns_are_followed_and_unknown_ones_said(home: Path, tmp_path: Path) -> None:
    names = ["train", "test", "validation", "train-student", "odd"]
    rows = [{**one, "split": name} for one, name in zip(documents(5), names, strict=True)]
    report = brought_in(
        home, json_lines(tmp_path / "l.jsonl", LABELS), json_lines(tmp_path / "d.jsonl", rows)
    )

    dataset = open_dataset(Settings(home=home), "mine")
    splits = [dataset.document_at(row).split for row in range(5)]
    assert splits[1:4] == [Split.TEST, Split.DEV, Split.TRAIN_STUDENT]
    assert splits[0] != Split.TEST
    assert problems(report) == {"unknown splits": (1, [("d.jsonl", 5)])}


def xmc_json(folder: Path) -> tuple[Path, Path, Path, Path]:
    """As the repository has LF datasets: gold labels are rows of lbl.json."""
    folder.mkdir()
    labels = [{"uid": f"B{9 - n}", "title": f"thing {n}", "content": ""} for n in range(5)]
    both = [
        [
            {"uid": f"{part}{n}", "title": f"{part} {n}", "content": "more",
             "target_ind": [n % 5, (n + 1) % 5], "target_rel": [1.0, 1.0]}
            for n in range(count)
        ]
        for part, count in (("trn", 90), ("tst", 10))
    ]  # fmt: skip
    paths = [gzipped(json_lines(folder / "lbl.json", labels))]
    paths += [gzipped(json_lines(folder / f"{p}.json", r)) for p, r in zip(("trn", "tst"), both,
                                                                          strict=True)]  # fmt: skip
    filters = text(folder / "filter_labels_test.txt", "0 3\n2 2\n2 99\n10 0\n")
    return paths[0], paths[1], paths[2], filters


def test_xmc_json_files_keep_their_split_and_filter_pairs(home: Path, tmp_path: Path) -> None:
    labels, trn, tst, filters = xmc_json(tmp_path / "amazon-670k")
    report = brought_in(home, labels, trn, tst, filters=(filters,))

    dataset = open_dataset(Settings(home=home), "mine")
    assert report.documents_by_split["test"] == 10
    assert all(report.documents_by_split[str(split)] for split in Split)
    assert dataset.document("tst0").gold == ("B9", "B8")
    assert dataset.document("tst0").text == "tst 0\nmore"
    assert dataset.document("tst0").excluded == ("B6",)
    # A pair that is not scored is no gold label either.
    assert (dataset.document("tst2").gold, dataset.document("tst2").excluded) == (("B6",), ("B7",))
    assert dataset.document("trn0").excluded == ()
    assert report.excluded == 2
    assert problems(report) == {
        "gold labels that are excluded": (1, [("tst.json.gz", 3)]),
        "filter pairs out of range": (2, [("filter_labels_test.txt", 3),
                                          ("filter_labels_test.txt", 4)]),
    }  # fmt: skip
    # Found by the folder's name, and kept: the dataset has another name.
    assert report.propensity[:2] == (0.6, 2.6)
    assert dataset.info.propensity == (0.6, 2.6)
    weights = propensities_of(dataset)
    assert (weights.a, weights.b) == (0.6, 2.6)
    assert constants_for(dataset.info, "standard") == (0.55, 1.5)


def test_sparse_matrices_are_read_with_the_texts_beside_them(home: Path, tmp_path: Path) -> None:
    trn = text(tmp_path / "trn_X_Y.txt", "3 4\n0:1.0 3:1.0\n\n1:1.0\n")
    text(tmp_path / "raw_data" / "trn_X.txt", "B1->first\nB2->second\nB3->third -> again\n")
    labels = text(tmp_path / "Y.txt", "red\ngreen\nblue\nblack\n")

    report = brought_in(home, labels, trn)

    dataset = open_dataset(Settings(home=home), "mine")
    assert dataset.document("B1").gold == ("0", "3")
    assert dataset.document("B3").text == "third -> again"
    assert dataset.labels.names([3]) == ["black"]
    assert problems(report) == {"documents without gold": (1, [("trn_X_Y.txt", 2)])}


def test_a_matrix_and_texts_that_do_not_belong_together_are_refused(
    home: Path, tmp_path: Path
) -> None:
    trn = text(tmp_path / "trn_X_Y.txt", "2 2\n0:1\n1:1\n")
    labels = text(tmp_path / "Y.txt", "red\ngreen\n")
    with pytest.raises(InputError, match="the file with the texts is not beside it"):
        brought_in(home, labels, trn)
    text(tmp_path / "trn_X.txt", "only one\n")
    with pytest.raises(InputError, match="says that it has 2 documents"):
        brought_in(home, labels, trn)


@pytest.mark.parametrize(
    ("matrix", "texts", "said"),
    [
        ("2 2\n0:1\n1:1\n", "one\ntwo\nthree\n", "has 3 lines, and the matrix 2"),
        ("2 2\n0:1\n1:1\n", "a heading\n\none\ntwo\n", "has 4 lines, and the matrix 2"),
        ("2 2\n0:1\n1:1\n0:1\n", "one\ntwo\n", "has 2 lines, and the matrix 3"),
        ("2 2\n0:1\n1:1\n\n0:1\n", "one\ntwo\n", "has 2 lines, and the matrix 3"),
        ("2 2\n0:1\n1:1\n", "B1->one\nB2->two\nB3->three\n", "has 3 lines, and the matrix 2"),
        ("2 3\n0:1\n1:1\n", "one\ntwo\n", "has 3 labels; the file of labels has 2"),
        ("0:1\n1:1\n", "one\ntwo\n", "sparse matrix by its name"),
        ("only a text\n", "one\ntwo\n", "sparse matrix by its name"),
        ("", "one\ntwo\n", "sparse matrix by its name"),
    ],
)
def test_files_that_would_shift_gold_labels_change_nothing(
    home: Path, tmp_path: Path, matrix: str, texts: str, said: str
) -> None:
    labels = text(tmp_path / "Y.txt", "red\ngreen\n")
    text(tmp_path / "trn_X.txt", texts)
    trn = text(tmp_path / "trn_X_Y.txt", matrix)

    for documents_file in (trn, tmp_path / "trn_X.txt"):
        with pytest.raises(InputError, match=said if documents_file == trn else None):
            brought_in(home, labels, documents_file)

    assert not (home / "datasets" / "mine").exists()


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_empty_lines_at_the_end_are_no_documents(home: Path, tmp_path: Path, end: str) -> None:
    labels = text(tmp_path / "Y.txt", "red\ngreen\n")
    text(tmp_path / "trn_X.txt", "one\ntwo" + end)
    trn = text(tmp_path / "trn_X_Y.txt", "2 2\n0:1\n1:1" + end)

    report = brought_in(home, labels, trn)

    assert (report.documents, report.problems) == (2, ())


def test_the_report_is_kept_as_json(home: Path, tmp_path: Path) -> None:
    report = brought_in(home, *as_json(tmp_path))
    folder = home / "datasets" / "mine"
    assert json.loads((folder / "report.json").read_text()) == report.to_json()
    assert {"name", "labels", "documents", "rejected", "problems"} <= report.to_json().keys()


def test_the_sample_dataset_comes_in_whole(home: Path) -> None:
    sample = Path(__file__).parents[2] / "sample_data" / "bicycles"
    report = brought_in(home, sample / "labels.csv", sample / "documents.jsonl")
    assert (report.labels, report.documents, report.rejected, report.problems) == (26, 15, 0, ())
