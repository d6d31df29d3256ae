"""The union of datasets keeps what its parts say; siblings share a parent."""

from pathlib import Path

import pytest

from core.datasets import union
from core.datasets.base import Document, Label, LabelSpace, Split
from core.datasets.files import About, read_dataset
from core.datasets.hierarchy import siblings
from core.datasets.icd import build as build_icd
from core.datasets.label_search import search_labels
from core.datasets.tables import document_table, label_table, write_tables
from core.errors import DataError


def write(folder: Path, labels: list[Label], documents: list[Document]) -> None:
    about = About(folder.name, folder.name, "", "", "", "")
    write_tables(folder, about, label_table(labels), document_table(documents))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    for name in union.PARTS:
        own = ("b",) if name == "wordnet" else ()
        parents = ("up",) if name != "icd" else ()
        write(
            tmp_path / name,
            [Label("b", f"{name} b", "said", parents), Label("a", f"{name} a")],
            [Document("d", f"text of {name}", ("a", "z"), Split.TEST, own)],
        )
    union.build(tmp_path / "all")
    return tmp_path / "all"


def test_the_union_has_the_labels_and_documents_of_its_parts(whole: Path) -> None:
    dataset = read_dataset(whole)

    ids = [label.id for label in dataset.labels]
    assert ids == sorted(ids)
    assert set(ids) == {f"{name}:{label}" for name in union.PARTS for label in "ab"}
    row = dataset.labels.row("mesh:b")
    assert row is not None
    assert dataset.labels[row] == Label("mesh:b", "mesh b", "said", ("mesh:up",))
    document = dataset.document("wordnet:d")
    assert document.gold == ("wordnet:a", "wordnet:z")
    assert document.excluded == ("wordnet:b",)
    assert document.split is Split.TEST  # that of the part, whatever its new id's hash says
    assert dataset.document("icd:d").excluded == ()


def test_ids_are_found_without_what_stands_before_the_colon(whole: Path) -> None:
    write(whole.parent / "x", [Label("hp:001", "one"), Label("hp:002", "two of 001")], [])
    labels = read_dataset(whole.parent / "x").labels

    assert [labels.id(row) for row in search_labels(labels, "001")] == ["hp:001", "hp:002"]
    assert list(search_labels(labels, "OF two")) == [1]
    assert list(search_labels(labels, "")) == [0, 1]


@pytest.fixture
def tree(tmp_path: Path) -> LabelSpace:
    labels = [Label(f"k{n}", f"child {n}", parents=("top",)) for n in range(9)]
    labels += [Label("top", "top"), Label("two", "both", parents=("other", "top"))]
    write(tmp_path / "tree", labels, [])
    return read_dataset(tmp_path / "tree").labels


def test_siblings_share_a_parent_nearest_ids_first(tree: LabelSpace) -> None:
    assert siblings(tree, "k4", 3) == ["k3", "k5", "k2"]
    assert set(siblings(tree, "two", 50)) == {f"k{n}" for n in range(9)}
    assert siblings(tree, "top", 5) == []
    assert siblings(tree, "nope", 5) == []
    assert siblings(tree, "k4", 0) == []


def test_icd_codes_are_siblings_under_the_code_that_they_share(tmp_path: Path) -> None:
    build_icd(tmp_path / "icd")
    dataset = read_dataset(tmp_path / "icd")

    assert set(siblings(dataset.labels, "H8101", 9)) == {"H8102", "H8103", "H8109"}
    assert siblings(dataset.labels, "I10", 9) == []  # a category that is a code itself
    assert dataset.info.fingerprint.startswith("8bbb97ebb0e6f36a")  # parents do not change it


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'a' more than once"):
        write(tmp_path / "twice", [Label("a", "x"), Label("a", "y")], [])
    assert not (tmp_path / "twice").exists()
