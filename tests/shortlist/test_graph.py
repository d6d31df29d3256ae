"""Nodes that no search can come to are found in hnswlib's file, and linked again."""

from pathlib import Path

import numpy as np
import pytest

from core.shortlist import growth
from core.shortlist.exact import Rows, Vectors
from core.shortlist.graph import GraphOptions, empty_graph, save_graph, unreached

OPTIONS = GraphOptions(m=3, ef_construction=20, threads=1)


@pytest.fixture(scope="module")
def clumps() -> Vectors:
    """Ten tight clumps of points: their nodes fill each other's neighbour lists."""
    rng = np.random.default_rng(3)
    points = rng.standard_normal((10, 16))[rng.integers(0, 10, 800)]
    points = points + 0.1 * rng.standard_normal((800, 16))
    vectors: Vectors = (points / np.linalg.norm(points, axis=1)[:, None]).astype(np.float32)
    return vectors


def test_unreached_nodes_are_those_that_no_query_finds(clumps: Vectors, tmp_path: Path) -> None:
    graph = empty_graph(16, 800, OPTIONS)
    graph.add_items(clumps, np.arange(800) + 5, num_threads=1)  # labels that are no positions
    save_graph(tmp_path / "graph.bin", graph)

    lost = set(unreached(tmp_path / "graph.bin").tolist())

    assert 0 < len(lost) < 200
    graph.set_ef(800)
    found = {int(node) for query in clumps for node in graph.knn_query(query, k=200)[0][0]}
    assert found.isdisjoint(lost)
    assert len(found) + len(lost) > 780  # and nearly all others are found


def test_a_graph_of_usual_options_reaches_all(clumps: Vectors, tmp_path: Path) -> None:
    graph = empty_graph(16, 800, GraphOptions())
    graph.add_items(clumps, np.arange(800), num_threads=1)
    save_graph(tmp_path / "graph.bin", graph)

    assert unreached(tmp_path / "graph.bin").tolist() == []


def test_growth_links_lost_nodes_again_and_counts_what_is_left(
    clumps: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: Rows = np.arange(800)
    left = []
    for repairs in (0, 2):
        monkeypatch.setattr(growth, "_REPAIRS", repairs)
        grown = growth.grow(
            tmp_path, f"{repairs}", lambda: empty_graph(16, 800, OPTIONS), clumps, rows, rows,
            OPTIONS, lambda stage, done, total: None, lambda: False,
        )  # fmt: skip
        assert grown is not None
        left.append(len(unreached(tmp_path / grown.growth.file)))
        assert grown.growth.unreached == left[-1]

    assert left[1] < left[0]


def test_old_nodes_that_a_change_leaves_out_of_reach_are_linked_and_counted(
    clumps: Vectors, tmp_path: Path
) -> None:
    def old() -> object:
        graph = empty_graph(16, 800, OPTIONS)
        graph.add_items(clumps[:780], np.arange(780), num_threads=1)
        return graph

    save_graph(tmp_path / "old.bin", old())
    before = unreached(tmp_path / "old.bin")
    nodes: Rows = np.arange(800)
    grown = growth.grow(
        tmp_path, "plan", old, clumps, nodes[780:], nodes, OPTIONS,
        lambda stage, done, total: None, lambda: False,
    )  # fmt: skip

    assert grown is not None
    left = unreached(tmp_path / grown.growth.file)
    assert grown.growth.unreached == len(left) < len(before)


def test_nodes_of_labels_that_are_gone_are_not_counted(clumps: Vectors, tmp_path: Path) -> None:
    graph = empty_graph(16, 800, OPTIONS)
    graph.add_items(clumps, np.arange(800), num_threads=1)
    save_graph(tmp_path / "old.bin", graph)
    lost = unreached(tmp_path / "old.bin")
    nodes: Rows = np.setdiff1d(np.arange(800), lost)  # the labels of these are gone
    grown = growth.grow(
        tmp_path, "plan", lambda: graph, clumps[nodes], np.arange(0), nodes, OPTIONS,
        lambda stage, done, total: None, lambda: False,
    )  # fmt: skip

    assert grown is not None
    assert grown.growth.unreached == 0
