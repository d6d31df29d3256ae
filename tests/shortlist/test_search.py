"""What a search gives, and what it refuses."""

import numpy as np
import pytest

from core.errors import InputError, UnknownNameError
from core.rerank.base import Candidate
from core.shortlist.exact import rank_of, top_rows
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import DIM, text_vector


def all_cosines(built: Built, query: np.ndarray) -> np.ndarray:
    return np.stack([text_vector(label.name) for label in built.dataset.labels]) @ query


def test_rows_are_ranked_by_cosine_with_their_exact_ranks(built: Built) -> None:
    query = text_vector("a question")
    truth = np.argsort(-all_cosines(built, query))

    found = built.open().search(query, 20, ms_encode=1.5)

    assert [row.rank for row in found.rows] == list(range(1, 21))
    assert [row.cosine for row in found.rows] == sorted(
        (r.cosine for r in found.rows), reverse=True
    )
    for row in found.rows:
        assert built.dataset.labels.id(int(truth[row.exact_rank - 1])) == row.label_id
        assert row.source == "hnsw"
        assert row.cosine == pytest.approx(all_cosines(built, query)[truth[row.exact_rank - 1]])
    assert found.ef == built.manifest.ef
    assert found.index == built.manifest.fingerprint
    assert found.encoder == built.encoder.identity
    assert (found.searched, found.labels, found.partial) == (300, 300, False)
    assert found.ms_encode == 1.5
    assert found.ms_search > 0


def test_exact_search_finds_what_sorting_all_cosines_finds(built: Built) -> None:
    query = text_vector("another question")
    truth = np.argsort(-all_cosines(built, query))[:30]

    found = built.open().search(query, 30, exact=True)

    assert [row.label_id for row in found.rows] == [built.dataset.labels.id(int(r)) for r in truth]
    assert [row.exact_rank for row in found.rows] == list(range(1, 31))
    assert {row.source for row in found.rows} == {"exact"}
    assert found.ef is None


def test_all_labels_can_be_asked_for(built: Built) -> None:
    found = built.open().search(text_vector("everything"), 300)

    assert len({row.label_id for row in found.rows}) == 300
    assert {row.source for row in found.rows} == {"exact"}


@pytest.mark.parametrize("k", [0, -1, 301])
def test_k_must_be_within_the_labels(built: Built, k: int) -> None:
    with pytest.raises(InputError, match="between 1 and the 300 labels"):
        built.open().search(text_vector("x"), k)


def test_ef_below_k_is_refused(built: Built) -> None:
    with pytest.raises(InputError, match="HNSW needs at least k = 20"):
        built.open().search(text_vector("x"), 20, ef=10)


@pytest.mark.parametrize("query", [np.zeros(DIM + 1, "f4"), np.full(DIM, np.nan, "f4")])
def test_a_query_that_is_no_vector_of_the_index_is_refused(built: Built, query: np.ndarray) -> None:
    with pytest.raises(InputError, match="16 finite numbers"):
        built.open().search(query, 5)


def test_gold_ranks_are_exact_and_know_the_vocabulary(built: Built) -> None:
    query = text_vector("topic 42")

    known, unknown = built.open().gold_ranks(query, ["L00042", "nowhere"])

    assert (known.name, known.in_vocabulary, known.exact_rank) == ("topic 42", True, 1)
    assert (unknown.in_vocabulary, unknown.exact_rank) == (False, None)


def test_the_nearest_wrong_labels_exclude_the_right_ones(built: Built) -> None:
    gold = ["L00001", "L00002", "nowhere", "L00001"]
    labels = [label for label in built.dataset.labels if label.id not in gold]
    right = np.stack([text_vector("topic 1"), text_vector("topic 2")])
    closest = {label.id: float((right @ text_vector(label.name)).max()) for label in labels}

    misses = built.open().nearest_wrong(gold, 7)

    expected = sorted(closest, key=closest.__getitem__, reverse=True)[:7]
    assert [miss.label_id for miss in misses] == expected
    assert [miss.cosine for miss in misses] == pytest.approx([closest[i] for i in expected])
    assert {miss.near for miss in misses} <= {"L00001", "L00002"}


def test_without_a_known_gold_label_there_is_no_near_miss(built: Built) -> None:
    assert built.open().nearest_wrong(["nowhere"], 5) == []
    assert built.open().nearest_wrong(["L00001"], 0) == []


def test_candidates_not_chosen_name_the_nearest_chosen_label(built: Built) -> None:
    left = [Candidate(3, "L00003", "topic 3")]
    index = built.open()

    (miss,) = index.near_of(left, ["L00004", "L00005"])
    (alone,) = index.near_of(left, [])

    cosines = [float(text_vector("topic 3") @ text_vector(f"topic {i}")) for i in (4, 5)]
    assert miss.cosine == pytest.approx(max(cosines))
    assert miss.near == f"L0000{4 + cosines.index(max(cosines))}"
    assert (alone.near, alone.cosine) == ("", 0.0)


def test_the_vector_of_a_label_is_that_of_its_name(built: Built) -> None:
    index = built.open()

    np.testing.assert_array_equal(index.vector("L00009"), text_vector("topic 9"))
    with pytest.raises(UnknownNameError):
        index.vector("nowhere")


def test_ties_are_broken_by_row_in_lists_and_ranks_alike() -> None:
    scores = np.array([0.5, 0.9, 0.5, 0.5, 0.1], dtype=np.float32)

    assert top_rows(scores, 3).tolist() == [1, 0, 2]
    assert [rank_of(scores, row) for row in range(5)] == [2, 1, 3, 4, 5]
    assert top_rows(scores, 99).tolist() == [1, 0, 2, 3, 4]


def test_without_exact_ranks_nothing_is_scanned(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, index = text_vector("a question"), built.open()
    ranked = index.search(query, 20)
    index = built.open()
    monkeypatch.setattr("core.shortlist.index.cosines_of", None)

    found = index.search(query, 20, exact_ranks=False)

    assert [row.label_id for row in found.rows] == [row.label_id for row in ranked.rows]
    assert {row.exact_rank for row in found.rows} == {None}
    assert [row.cosine for row in found.rows] == pytest.approx([r.cosine for r in ranked.rows])


@pytest.mark.parametrize("exact", [False, True])
def test_excluded_labels_leave_no_gap(built: Built, exact: bool) -> None:
    query, index = text_vector("topic 42"), built.open()
    plain = [row.label_id for row in index.search(query, 22, exact=exact).rows]
    excluded = [plain[0], "nowhere", plain[3], plain[0]]

    found = index.search(query, 20, exact=exact, excluded=excluded)

    assert [row.label_id for row in found.rows] == [i for i in plain if i not in excluded]
    assert [row.rank for row in found.rows] == list(range(1, 21))
    assert [row.exact_rank for row in found.rows] == list(range(1, 21))


@pytest.mark.parametrize("exact", [False, True])
def test_many_queries_find_what_each_finds(built: Built, exact: bool) -> None:
    index = built.open()
    queries = np.stack([text_vector(f"question {at}") for at in range(9)])

    rows, cosines = index.search_rows_many(queries, 12, exact=exact)
    many = index.search_many(queries, 12, exact=exact, exact_ranks=True)

    for query, found, scores, shortlist in zip(queries, rows, cosines, many, strict=True):
        one, one_scores = index.search_rows(query, 12, exact=exact)
        np.testing.assert_array_equal(found, one)
        np.testing.assert_allclose(scores, one_scores, atol=1e-6)
        single = index.search(query, 12, exact=exact)
        assert [row.label_id for row in shortlist.rows] == [row.label_id for row in single.rows]
        assert [row.exact_rank for row in shortlist.rows] == [row.exact_rank for row in single.rows]
        assert [row.label_id for row in single.rows] == [built.dataset.labels.id(r) for r in one]
    assert index.search_many(queries[:0], 12) == []
    assert index.search_rows_many(queries[:0], 12)[0].shape == (0, 12)


def test_gold_ranks_of_many_documents_are_those_of_each(built: Built) -> None:
    index = built.open()
    queries = np.stack([text_vector(f"question {at}") for at in range(5)])
    gold = [["L00001", "nowhere"], [], ["L00007", "L00299"], ["L00007"], ["nowhere"]]

    many = index.gold_ranks_many(queries, gold)

    assert many == [index.gold_ranks(q, ids) for q, ids in zip(queries, gold, strict=True)]
    rows = [[1, 299]] * 5
    assert index.exact_ranks_many(queries, rows)[0][0] == many[0][0].exact_rank
