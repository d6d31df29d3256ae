"""What lies around an example, and the lists beside each other."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Document, Label
from core.datasets.catalogue import open_dataset
from core.datasets.files import About
from core.datasets.tables import document_table, label_table, write_tables
from core.shortlist import build
from core.shortlist.base import Method, ShortlistRow
from core.shortlist.compared import compare, rank_by_rank
from core.shortlist.neighbourhood import (
    ALL_GOLD,
    ALONE,
    AT_TOP,
    BOTH,
    DOCUMENT,
    FLAT,
    GOLD,
    NEAR,
    flattened,
    neighbourhood,
)
from core.shortlist.retriever import Retriever
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector

DOC = Document("d", "about topic 7", ("L00007", "L00250", "elsewhere"))


def opened(built: Built) -> Retriever:
    return Retriever.open(built.settings, built.dataset, built.encoder)  # type: ignore[arg-type]


def test_points_of_a_plane_keep_their_distances() -> None:
    chance = np.random.default_rng(0)
    plane = chance.standard_normal((12, 2))
    turned = plane @ np.linalg.qr(chance.standard_normal((9, 9)))[0][:2]
    places, explained = flattened(turned)
    assert explained == pytest.approx(1)
    between = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.testing.assert_allclose(between, np.linalg.norm(plane[:, None] - plane[None], axis=2))


def test_three_equal_directions_show_two_thirds_of_the_variance() -> None:
    _, explained = flattened(np.vstack([np.eye(3), -np.eye(3)]))
    assert explained == pytest.approx(2 / 3)


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((3, 4))])
def test_points_that_do_not_differ_are_one_place(points: np.ndarray) -> None:
    places, explained = flattened(points)
    assert explained == 1
    assert not places.any()


def test_near_misses_of_each_gold_label_are_its_nearest_labels_that_are_not_gold(
    built: Built,
) -> None:
    found = neighbourhood(opened(built), DOC, text_vector(DOC.text), 20, method=Method.DENSE)
    labels = np.stack([text_vector(label.name) for label in built.dataset.labels])
    assert [each.label_id for each in found.gold] == ["L00007", "L00250"]
    for each in found.gold:
        scores = labels @ labels[int(each.label_id[1:])]
        scores[[7, 250]] = -2
        expected = [f"L{row:05}" for row in np.argsort(-scores)[:NEAR]]
        assert [miss.label_id for miss in each.near] == expected
        assert (each.siblings, each.children, each.kin) == ((), (), FLAT)


def test_the_map_has_the_text_gold_shortlist_and_near_misses_once_each(built: Built) -> None:
    retriever, vector = opened(built), text_vector(DOC.text)
    found = neighbourhood(retriever, DOC, vector, 20, method=Method.FUSION)
    listed = retriever.search(DOC.text, vector, 20, method=Method.FUSION)
    ids = [point.label_id for point in found.points]
    assert found.points[0].kind == DOCUMENT
    assert len(set(ids)) == len(ids)
    assert {row.label_id: row.rank for row in listed.rows} == {
        p.label_id: p.rank for p in found.points if p.rank
    }
    kinds = {p.label_id: p.kind for p in found.points}
    ranked = {row.label_id for row in listed.rows}
    assert all(kinds[i] == (BOTH if i in ranked else GOLD) for i in ("L00007", "L00250"))
    assert 0 < found.explained < 1


def test_a_larger_ef_finds_no_less_and_enough_finds_all(home: Path) -> None:
    settings, encoder = settings_of(home), HashEncoder()
    dataset = make_dataset(home, labels=600, name="larger")
    build.build_index(settings, dataset, encoder)
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    found = neighbourhood(retriever, DOC, text_vector(DOC.text), 50, method=Method.DENSE)
    assert [p.ef for p in found.sweep] == sorted({50, 100, 200, 400, retriever.index.ef})
    assert found.sweep[-1].overlap == 1
    assert {p.recall for p in found.sweep} <= {0, 1 / 3, 2 / 3}
    assert neighbourhood(
        retriever, DOC, text_vector(DOC.text), 50, method=Method.LEXICAL
    ).sweep == ()  # fmt: skip


@pytest.mark.parametrize("method", [Method.FUSION, Method.SENTENCES, Method.TWO_STEP])
def test_each_ef_of_a_fused_search_is_one_that_hnsw_searched_with(
    home: Path, method: Method
) -> None:
    settings, encoder = settings_of(home), HashEncoder()
    dataset = make_dataset(home, labels=600, name="larger")
    build.build_index(settings, dataset, encoder)
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    vector = text_vector(DOC.text)
    sweep = neighbourhood(retriever, DOC, vector, 50, method=method).sweep
    efs = [point.ef for point in sweep]
    assert efs == sorted({100, 200, 400, 800, max(100, retriever.index.ef or 0)})
    for ef in efs:
        assert retriever.search(DOC.text, vector, 50, method=method, ef=ef).ef == ef


def test_every_method_is_timed_at_several_k_with_what_it_finds(built: Built) -> None:
    found = neighbourhood(opened(built), DOC, text_vector(DOC.text), 30, method=Method.DENSE)
    assert {(p.method, p.k) for p in found.by_k} == {
        (method.value, k) for method in Method for k in (10, 20, 30, 50, 100, 200)
    }
    lexical = [p for p in found.by_k if p.method == "lexical"]
    assert {p.recall for p in lexical} <= {1 / 3, 2 / 3}
    assert all(p.ms >= 0 for p in found.by_k)


def test_a_family_is_listed_and_its_absence_explained(home: Path) -> None:
    settings, encoder = settings_of(home), HashEncoder()
    labels = [
        Label("H1", "heart"), Label("H1a", "heart/drugs", parents=("H1",)),
        Label("H1b", "heart/surgery", parents=("H1",)), Label("H2", "lung"),
        Label("H2a", "lung/drugs", parents=("H2",)),
    ]  # fmt: skip
    about = About("tree", "Tree", "Made up.", "synthetic", "CC0", "tests")
    write_tables(settings.datasets_dir / "tree", about, label_table(labels), document_table([]))
    dataset = open_dataset(settings, "tree")
    build.build_index(settings, dataset, encoder)
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]

    def family(*gold: str) -> list[tuple[list[str], list[str], str]]:
        document = Document("d", "heart drugs", gold)
        found = neighbourhood(retriever, document, text_vector(document.text), 2)
        return [
            ([m.label_id for m in g.siblings], sorted(m.label_id for m in g.children), g.kin)
            for g in found.gold
        ]

    assert family("H1") == [([], ["H1a", "H1b"], AT_TOP)]
    assert family("H1a") == [(["H1b"], [], "")]
    assert family("H2a") == [([], [], ALONE)]
    assert family("H1a", "H1b") == [([], [], ALL_GOLD), ([], [], ALL_GOLD)]


def test_every_method_is_compared_on_one_text(built: Built) -> None:
    retriever, vector = opened(built), text_vector(DOC.text)
    found = compare(retriever, DOC, vector, 30, method=Method.LEXICAL)
    assert set(found.others) == set(found.gold) == {method.value for method in Method}
    assert found.found is found.others["lexical"]
    assert found.overlap == 1
    assert found.gold["lexical"][0].exact_rank == 1
    assert [g.in_vocabulary for g in found.gold["dense"]] == [True, True, False]


def rows(ids: str) -> list[ShortlistRow]:
    return [ShortlistRow(i, i, rank, 0.5) for rank, i in enumerate(ids, start=1)]


def test_two_lists_rank_by_rank() -> None:
    pairs = rank_by_rank(rows("acbx"), rows("abcd"))
    assert [pair.same for pair in pairs] == [True, False, False, False]
    assert [pair.moved for pair in pairs] == [1, 3, 2, None]
    assert [pair.lost for pair in pairs] == [False, False, False, True]


def test_a_shorter_list_leaves_its_side_empty() -> None:
    pairs = rank_by_rank(rows("a"), rows("ab"))
    assert (pairs[1].found, pairs[1].lost) == (None, True)
