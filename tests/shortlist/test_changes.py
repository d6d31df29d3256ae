"""Labels that come, go or change their names are brought into a ready index; vectors are reused."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Dataset, Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.encoders import Encoder
from core.shortlist.build import build_index
from core.shortlist.changes import PREVIOUS, _matched, name_hashes
from core.shortlist.graph import GraphOptions
from core.shortlist.index import LabelIndex
from core.shortlist.manifest import NODES, VECTORS, Manifest, index_folder
from tests.shortlist.synthetic import HashEncoder, settings_of, text_vector

ABOUT = About("moving", "Moving", "Labels that change.", "synthetic", "CC0", "tests")
START = {f"L{row:04d}": f"topic {row}" for row in range(400)}
EDITED = {
    **{label: name for label, name in START.items() if not label.endswith("7")},  # 40 gone
    "L0000": "topic 0, revised",
    "A0001": "topic 399",  # now the name of two labels, and rows shift
    "M0001": "something new",
    "M0002": "something else that is new",
}


def write(home: Path, names: dict[str, str], name: str = "moving") -> Dataset:
    about = About(name, *(getattr(ABOUT, key) for key in ("title", "what", "kind")), "CC0", "tests")
    documents = [
        Document(f"d{row}", f"about topic {row}", ("L0001",), Split.TRAIN_TEACHER)
        for row in range(60)
    ]
    labels = [Label(label_id, text) for label_id, text in names.items()]
    write_dataset(home / "datasets" / name, about, labels, documents)
    return open_dataset(settings_of(home), name)


def build(home: Path, dataset: Dataset, **options: object) -> tuple[Manifest, HashEncoder]:
    encoder = HashEncoder()
    manifest = build_index(
        settings_of(home), dataset, encoder, options=GraphOptions(**options) if options else None
    )
    assert manifest is not None
    return manifest, encoder


def recall(index: LabelIndex, queries: np.ndarray, k: int = 20) -> float:
    """The share of the exact answer that the graph finds."""
    found, _ = index.search_rows_many(queries, k)
    truth, _ = index.search_rows_many(queries, k, exact=True)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(found, truth, strict=True)]))


def test_a_changed_label_space_is_brought_up_to_date(home: Path) -> None:
    build(home, write(home, START))
    dataset = write(home, EDITED)

    manifest, encoder = build(home, dataset)

    assert encoder.labels_encoded == 3  # "topic 399" was known
    assert (manifest.labels, manifest.reused) == (363, 360)
    assert manifest.deleted == 41
    folder = index_folder(settings_of(home), "moving")
    assert (folder / NODES).exists()
    assert not (folder / PREVIOUS).exists()
    vectors = np.load(folder / VECTORS)
    expected = np.stack([text_vector(label.name) for label in dataset.labels])
    np.testing.assert_array_equal(vectors, expected)
    index = LabelIndex.open(settings_of(home), dataset, encoder.identity)
    queries = np.stack([text_vector(f"question {at}") for at in range(40)])
    assert recall(index, queries) >= manifest.target
    assert index.search(text_vector("topic 0, revised"), 1).rows[0].label_id == "L0000"
    assert {row.label_id for row in index.search(text_vector("topic 399"), 2).rows} == {
        "A0001",
        "L0399",
    }
    gone = [row.name for row in index.search(text_vector("topic 7"), 50).rows]
    assert "topic 7" not in gone
    assert {row.source for row in index.search(text_vector("topic 7"), 50).rows} == {"hnsw"}


def test_updates_follow_one_another_until_too_much_has_changed(home: Path) -> None:
    build(home, write(home, START))
    names = dict(START)
    deleted = []
    for step in range(4):
        for row in range(step * 10, step * 10 + 10):
            names[f"L{row:04d}"] = f"topic {row}, revision {step}"
        dataset = write(home, names)
        manifest, encoder = build(home, dataset)
        deleted.append(manifest.deleted)
        index = LabelIndex.open(settings_of(home), dataset, encoder.identity)
        for row in (0, step * 10 + 9, 399):
            label_id = f"L{row:04d}"
            found = index.search(text_vector(names[label_id]), 3).rows[0]
            assert (found.label_id, found.name) == (label_id, names[label_id])
    # 10 + 10 changes, then 10 + 10 beside the deleted; of 400 labels at most 80.
    assert deleted == [10, 20, 30, 40]
    for row in range(200, 240):
        del names[f"L{row:04d}"]
    manifest, _ = build(home, write(home, names))
    assert manifest.deleted == 0
    assert not (index_folder(settings_of(home), "moving") / NODES).exists()


def test_a_deterministic_build_never_depends_on_what_was_there(home: Path) -> None:
    build(home, write(home, EDITED), deterministic=True)
    graph = (home / "indexes" / "moving" / "hnsw.bin").read_bytes()
    build(home, write(home, START), deterministic=True)

    manifest, encoder = build(home, write(home, EDITED), deterministic=True)

    assert (home / "indexes" / "moving" / "hnsw.bin").read_bytes() == graph
    assert (manifest.deterministic, manifest.deleted) == (True, 0)
    assert (encoder.labels_encoded, manifest.reused) == (363, 0)


def test_an_update_that_is_cancelled_goes_on(home: Path) -> None:
    build(home, write(home, START))
    dataset = write(home, EDITED)
    stages: list[str] = []
    stopped = build_index(
        settings_of(home),
        dataset,
        HashEncoder(),
        on_progress=lambda stage, done, total: stages.append(stage),
        cancelled=lambda: "build graph" in stages,
    )
    assert stopped is None

    manifest, encoder = build(home, dataset)

    assert encoder.labels_encoded == 0
    assert manifest.deleted == 41


def test_rebuilding_grows_the_graph_anew_and_keeps_the_vectors(home: Path) -> None:
    build(home, write(home, START))
    dataset = write(home, EDITED)
    build(home, dataset)

    manifest, encoder = build(home, dataset, rebuild=True)

    assert (manifest.deleted, encoder.labels_encoded) == (0, 0)


@pytest.mark.parametrize("option", [{"m": 8}, {"ef_construction": 50}])
def test_other_options_of_the_graph_grow_it_anew(home: Path, option: dict[str, int]) -> None:
    dataset = write(home, START)
    before, _ = build(home, dataset)

    after, encoder = build(home, dataset, **option)

    assert {key: getattr(after, key) for key in option} == option
    assert after.fingerprint != before.fingerprint
    assert encoder.labels_encoded == 0
    assert build(home, dataset)[0] == after  # what is there stays, where nothing is asked for


def test_a_dataset_with_names_that_another_index_knows_encodes_only_the_rest(home: Path) -> None:
    build(home, write(home, START))
    union = {f"x:{label}": name for label, name in START.items()} | {"y:1": "only here"}

    manifest, encoder = build(home, write(home, union, "union"))

    assert (encoder.labels_encoded, manifest.reused) == (1, 400)
    vectors = np.load(home / "indexes" / "union" / VECTORS)
    np.testing.assert_array_equal(vectors[-1], text_vector("only here"))


def test_vectors_of_another_encoder_are_not_copied(home: Path) -> None:
    build(home, write(home, START))
    other = HashEncoder("hash@2")

    build_index(settings_of(home), write(home, START, "twin"), other)

    assert other.labels_encoded == 400


def test_repeated_names_are_matched_one_to_one() -> None:
    new, old = name_hashes(list("abacxa")), name_hashes(list("aabbz"))

    new_rows, old_rows = _matched(new, old)

    pairs = {("abacxa"[n], "aabbz"[o]) for n, o in zip(new_rows, old_rows, strict=True)}
    assert pairs == {("a", "a"), ("b", "b")}
    assert len(new_rows) == len(set(new_rows)) == len(set(old_rows)) == 3


def test_an_update_of_real_vectors_answers_like_a_fresh_build(home: Path) -> None:
    settings = settings_of(home)
    encoder = Encoder.load(settings)
    parts = ["heart", "lung", "kidney", "liver", "knee", "eye", "skin", "ear", "hand", "bone"]
    kinds = ["fracture", "infection", "tumour", "pain", "burn", "ulcer", "cyst", "bleeding"]
    sides = ["left", "right", "both sides", "unspecified side", "after surgery"]
    names = {
        f"L{a}{b}{c}": f"{kind} of the {part}, {side}"
        for a, part in enumerate(parts)
        for b, kind in enumerate(kinds)
        for c, side in enumerate(sides)
    }
    build_index(settings, write(home, names), encoder)
    edited = {key: name for key, name in names.items() if key[1:3] != "00"}  # 5 gone
    edited |= {f"N{at}": f"{part} transplant" for at, part in enumerate(parts)}
    edited["L974"] = "old scar of the hand"
    dataset = write(home, edited)

    updated = build_index(settings, dataset, encoder)
    assert updated is not None
    queries = encoder.encode([f"patient with {kind} near {p}" for kind in kinds for p in parts])
    by_update = LabelIndex.open(settings, dataset, encoder.identity)
    update_recall = recall(by_update, queries)
    fresh = build_index(settings, dataset, encoder, options=GraphOptions(rebuild=True))
    assert fresh is not None
    by_fresh = LabelIndex.open(settings, dataset, encoder.identity)

    assert updated.deleted > 0
    assert fresh.deleted == 0
    assert update_recall >= updated.target
    assert update_recall == pytest.approx(recall(by_fresh, queries), abs=0.02)
    np.testing.assert_array_equal(by_update.vectors, by_fresh.vectors)
