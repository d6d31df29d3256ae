"""Files that are truncated, foreign or changed are found, named and repaired; nothing crashes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import DataError, IndexFileError
from core.shortlist.build import build_index
from core.shortlist.index import LabelIndex, status
from core.shortlist.manifest import GRAPH, MANIFEST, PROGRESS, VECTORS
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import HashEncoder, make_dataset, text_vector


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def garble(path: Path) -> None:
    """Other bytes, same length."""
    path.write_bytes(os.urandom(path.stat().st_size))


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def not_json(path: Path) -> None:
    path.write_text("{", encoding="utf-8")


def other_json(path: Path) -> None:
    path.write_text('{"files": [1, 2]}', encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (GRAPH, truncate),
        (GRAPH, garble),
        (GRAPH, remove),
        (GRAPH, empty),
        (VECTORS, truncate),
        (VECTORS, garble),
        (VECTORS, remove),
        (MANIFEST, not_json),
        (MANIFEST, other_json),
        (MANIFEST, empty),
    ],
)
def test_damage_is_named_with_a_way_out_and_a_build_repairs_it(
    built: Built, name: str, damage: Callable[[Path], None]
) -> None:
    damage(built.folder / name)

    with pytest.raises(IndexFileError) as raised:
        built.open()
    assert name in raised.value.what
    assert "phaselens index tiny" in raised.value.fix

    assert built.build() is not None
    assert built.open().search(text_vector("topic 5"), 1).rows[0].name == "topic 5"
    assert status(built.settings, "tiny").state == "ready"


@pytest.mark.parametrize("damage", [truncate, remove])
@pytest.mark.parametrize("name", [GRAPH, VECTORS])
def test_status_sees_missing_and_truncated_files(
    built: Built, name: str, damage: Callable[[Path], None]
) -> None:
    damage(built.folder / name)

    state = status(built.settings, "tiny")

    assert state.state == "damaged"
    assert name in state.problem


def test_a_damaged_graph_is_rebuilt_without_encoding_again(built: Built) -> None:
    truncate(built.folder / GRAPH)
    encoder = HashEncoder()

    built.build(encoder)

    assert encoder.labels_encoded == 0


def test_only_damaged_blocks_are_encoded_again(built: Built) -> None:
    with (built.folder / VECTORS).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\xff\xff\xff\xff")
    encoder = HashEncoder()

    built.build(encoder)

    assert encoder.labels_encoded == 30


def test_a_copied_folder_is_hashed_once_and_believed(built: Built) -> None:
    for name in built.manifest.files:
        os.utime(built.folder / name, ns=(1, 1))

    built.open()

    manifest = json.loads((built.folder / MANIFEST).read_text(encoding="utf-8"))
    assert {stamp["mtime_ns"] for stamp in manifest["files"].values()} == {1}


def test_an_index_of_other_labels_is_refused_and_rebuilt(built: Built, home: Path) -> None:
    built.dataset = make_dataset(home, tag=" (revised)")

    with pytest.raises(IndexFileError, match="other labels"):
        built.open()
    assert status(built.settings, "tiny").state == "damaged"

    built.build()
    found = built.open().search(text_vector("topic 5 (revised)"), 1)
    assert found.rows[0].name == "topic 5 (revised)"


def test_a_label_file_swapped_under_the_dataset_is_refused(built: Built, home: Path) -> None:
    make_dataset(home, name="other", tag=" of another set")
    folder = home / "datasets"
    (folder / "tiny" / "labels.arrow").write_bytes((folder / "other" / "labels.arrow").read_bytes())

    from core.datasets.catalogue import open_dataset

    with pytest.raises(DataError, match="changed after the dataset was written"):
        open_dataset(built.settings, "tiny")


def test_an_index_of_another_encoder_is_refused(built: Built) -> None:
    with pytest.raises(IndexFileError, match="built with hash@1"):
        LabelIndex.open(built.settings, built.dataset, "other@2/float32")


def test_the_number_format_of_queries_may_differ(built: Built) -> None:
    assert LabelIndex.open(built.settings, built.dataset, "hash@1/bfloat16").coverage[0] == 300


@pytest.mark.parametrize("damage", [not_json, other_json, empty])
def test_a_damaged_progress_file_is_named_and_begun_again(
    built: Built, damage: Callable[[Path], None]
) -> None:
    (built.folder / MANIFEST).unlink()
    damage(built.folder / PROGRESS)

    assert status(built.settings, "tiny").state == "damaged"
    with pytest.raises(IndexFileError, match=PROGRESS):
        built.open()
    assert built.build() is not None


def test_vectors_of_a_half_built_index_are_checked_before_use(built: Built) -> None:
    (built.folder / MANIFEST).unlink()
    with (built.folder / VECTORS).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\xff\xff\xff\xff")

    with pytest.raises(IndexFileError, match="not those that were written"):
        built.open()


def test_no_index_says_how_to_build_one(built: Built, home: Path) -> None:
    fresh = make_dataset(home, name="fresh")

    assert status(built.settings, "fresh").state == "none"
    with pytest.raises(IndexFileError) as raised:
        LabelIndex.open(built.settings, fresh, built.encoder.identity)
    assert "phaselens index fresh" in raised.value.fix


def test_a_foreign_graph_of_the_right_size_never_reaches_hnswlib(built: Built) -> None:
    """In a process of its own: hnswlib may crash on garbage."""
    garble(built.folder / GRAPH)
    code = (
        "from core.datasets.catalogue import open_dataset\n"
        "from core.shortlist.index import LabelIndex\n"
        "from core.config import load_settings\n"
        "settings = load_settings()\n"
        "LabelIndex.open(settings, open_dataset(settings, 'tiny'), 'hash@1/float32')\n"
    )

    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert child.returncode == 1
    assert "IndexFileError" in child.stderr


def test_what_pages_ask_needs_no_model_library() -> None:
    code = (
        "import sys, core.shortlist.index, core.datasets.catalogue, core.encoders\n"
        "print({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules))\n"
    )

    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert child.stdout.strip() == "set()"


def test_build_index_of_a_good_index_changes_nothing(built: Built) -> None:
    encoder = HashEncoder()

    again = build_index(built.settings, built.dataset, encoder)

    assert again is not None
    assert again.fingerprint == built.manifest.fingerprint
    assert encoder.labels_encoded == 0
