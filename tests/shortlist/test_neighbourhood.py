"""What lies around an example, and the lists beside each other."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Document
from core.shortlist import build
from core.shortlist.base import Method, ShortlistRow
from core.shortlist.compared import compare, rank_by_rank
from core.shortlist.neighbourhood import BOTH, DOCUMENT, GOLD, NEAR, flattened, neighbourhood
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
        assert each.siblings == ()


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
