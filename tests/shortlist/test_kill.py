"""A build that is killed goes on where it was, whatever it was doing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.atomic import sha256_of
from core.shortlist.index import LabelIndex, status
from core.shortlist.manifest import GRAPH, MANIFEST, NAMES, PROGRESS, VECTORS
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector

ROOT = Path(__file__).resolve().parents[2]
LABELS = 300
BLOCKS = 10  # of 32 rows


def build_in_child(
    home: Path, stage: str, count: int, kind: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.shortlist.builder", str(home), stage, str(count), kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("stage", "count", "encoded_before"),
    [
        ("encode labels", 1, 0),
        ("encode labels", 4, 90),
        ("block", 45, 30),  # in the middle of writing the second block
        ("encode labels", BLOCKS + 1, LABELS),
        ("build graph", 3, LABELS),
        ("choose ef", 1, LABELS),
    ],
)
def test_a_killed_build_keeps_its_blocks_and_ends_like_any_other(
    home: Path, stage: str, count: int, encoded_before: int
) -> None:
    dataset = make_dataset(home, LABELS)
    settings = settings_of(home)

    killed = build_in_child(home, stage, count)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = status(settings, "tiny")
    assert state.state == ("partial" if encoded_before else "none")
    assert state.encoded == encoded_before

    again = build_in_child(home, "", 0)

    assert again.returncode == 0, again.stderr
    said = json.loads(again.stdout)
    assert said["encoded"] == LABELS - encoded_before  # no finished block is encoded twice
    assert status(settings, "tiny").state == "ready"
    vectors = np.load(home / "indexes" / "tiny" / VECTORS)
    expected = np.stack([text_vector(label.name) for label in dataset.labels])
    np.testing.assert_array_equal(vectors, expected)
    index = LabelIndex.open(settings, dataset, HashEncoder().identity)
    assert index.search(text_vector("topic 7"), 1).rows[0].name == "topic 7"
    assert not list((home / "indexes" / "tiny").glob(".*.tmp"))


def test_what_a_killed_build_finished_can_be_searched_at_once(home: Path) -> None:
    dataset = make_dataset(home, LABELS)
    build_in_child(home, "encode labels", 4)

    index = LabelIndex.open(settings_of(home), dataset, HashEncoder().identity)
    found = index.search(text_vector("topic 2"), 5)

    assert index.coverage == (90, LABELS)
    assert found.partial
    assert (found.searched, found.labels, found.index, found.ef) == (90, LABELS, "partial", None)
    assert found.rows[0].name == "topic 2"
    assert {row.source for row in found.rows} == {"exact"}


@pytest.mark.parametrize(
    ("stage", "count", "began_at"),
    [
        ("build graph", 3, 0),  # before the first checkpoint, at 96 nodes
        ("build graph", 8, 192),
        ("save", 1, 0),
        ("save", 3, 192),
        ("choose ef", 1, LABELS),  # the graph is not grown twice
        ("choose ef", 5, LABELS),
    ],
)
def test_a_build_killed_in_the_graph_goes_on_from_its_checkpoint_to_the_same_bytes(
    home: Path, whole_graph: str, stage: str, count: int, began_at: int
) -> None:
    make_dataset(home, LABELS)
    killed = build_in_child(home, stage, count)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    again = build_in_child(home, "", 0)

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == {"encoded": 0, "began_at": began_at}
    assert sha256_of(home / "indexes" / "tiny" / GRAPH) == whole_graph
    assert sorted(path.name for path in (home / "indexes" / "tiny").iterdir()) == [
        ".build.lock", GRAPH, MANIFEST, NAMES, PROGRESS, VECTORS,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole_graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the graph of a build that nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    make_dataset(home, LABELS)
    assert build_in_child(home, "", 0).returncode == 0
    return sha256_of(home / "indexes" / "tiny" / GRAPH)


@pytest.mark.parametrize("count", [1, 2])
def test_a_build_killed_while_it_links_lost_nodes_anew_keeps_the_graph(
    home: Path, tmp_path: Path, count: int
) -> None:
    for folder in (home, tmp_path / "undisturbed"):
        make_dataset(folder, LABELS)
    assert build_in_child(tmp_path / "undisturbed", "", 0, "sparse").returncode == 0
    killed = build_in_child(home, "relink", count, "sparse")
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    again = build_in_child(home, "", 0, "sparse")

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == {"encoded": 0, "began_at": LABELS}  # not grown again
    graphs = [folder / "indexes" / "tiny" / GRAPH for folder in (home, tmp_path / "undisturbed")]
    assert sha256_of(graphs[0]) == sha256_of(graphs[1])
    assert not list(graphs[0].parent.glob("*.part"))


def test_a_damaged_checkpoint_is_not_believed(home: Path, whole_graph: str) -> None:
    make_dataset(home, LABELS)
    build_in_child(home, "build graph", 8)
    (part,) = (home / "indexes" / "tiny").glob("hnsw.*.part")
    data = bytearray(part.read_bytes())
    data[200] ^= 1
    part.write_bytes(data)

    again = build_in_child(home, "", 0)

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == {"encoded": 0, "began_at": 0}
    assert sha256_of(home / "indexes" / "tiny" / GRAPH) == whole_graph
