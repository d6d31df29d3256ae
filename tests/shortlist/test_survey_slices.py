"""What is read from a survey, on four documents whose numbers can be counted by hand."""

import pandas as pd
import pytest

from core.shortlist import slices
from core.shortlist.slices import RetrievalFate, fate_at_retrieval
from core.shortlist.survey import Plan
from core.shortlist.survey_store import Survey, SurveyInfo

# document, label, known, rank (HNSW), exact rank; k_max is 10
GOLD = [
    ("one", "a", True, 1, 1),
    ("two", "a", True, 3, 3),
    ("two", "b", True, None, 5),  # exact search has it: lost by the index
    ("three", "b", True, 7, 6),
    ("three", "c", True, None, 40),
    ("three", "d", False, None, None),
    ("four", "c", True, 8, 8),
]


@pytest.fixture
def survey() -> Survey:
    gold = pd.DataFrame(GOLD, columns=["document", "label", "known", "rank", "exact_rank"])
    gold = gold.assign(method="dense").astype({"rank": "Int64", "exact_rank": "Int64"})
    documents = pd.DataFrame(
        {
            "method": "dense",
            "document": ["one", "two", "three", "four"],
            "gold": [1, 2, 3, 1],
            "ms_search": [1.0, 2.0, 3.0, 4.0],
            "overlap_10": [1.0, 0.9, 1.0, 0.7],
            **{f"overlap_{k}": float("nan") for k in (20, 50, 100)},
        }
    )
    plan = Plan("tiny", "dev", None, ("dense",), None, 10)
    return Survey(SurveyInfo("id", plan, 4, 1.0, "2026-01-01", {}), gold, documents)


def test_recall_of_each_document(survey: Survey) -> None:
    found = slices.recalls(survey, "dense", [1, 5, 10])
    assert found.tolist() == [[1, 1, 1], [0, 0.5, 0.5], [0, 0, 1 / 3], [0, 0, 1]]
    exact = slices.recalls(survey, "dense", [1, 5, 10], exact=True)
    assert exact.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1 / 3], [0, 0, 1]]


def test_the_curve_is_the_mean_over_documents_within_its_interval(survey: Survey) -> None:
    curve = slices.recall_curve(survey, ["dense"]).set_index("k")
    assert list(curve.index) == list(range(1, 11))
    assert curve.loc[1, "recall"] == pytest.approx(1 / 4)
    assert curve.loc[10, "recall"] == pytest.approx((1 + 0.5 + 1 / 3 + 1) / 4)
    assert (curve["low"] <= curve["recall"]).all()
    assert (curve["recall"] <= curve["high"]).all()
    assert curve["recall"].is_monotonic_increasing


def test_recall_by_how_often_a_label_is_seen(survey: Survey) -> None:
    seen = {"a": 10, "b": 9, "c": 1}
    found = slices.by_frequency(survey, ["dense"], [10], seen).set_index("part")
    assert found["recall"].to_dict() == {"head": 1.0, "torso": 0.5, "tail": 0.5}
    assert found["labels"].to_dict() == {"head": 2, "torso": 2, "tail": 2}


def test_gold_outside_the_vocabulary_is_no_unseen_label(survey: Survey) -> None:
    found = slices.by_frequency(survey, ["dense"], [10], {"a": 10, "b": 9})
    unseen = found[found["part"] == "unseen"]
    assert unseen[["recall", "labels"]].to_numpy().tolist() == [[0.5, 2]]  # c, not d
    assert slices.outside(survey) == 1


def test_the_curve_of_a_part_at_a_k_is_what_is_shown_at_that_k(survey: Survey) -> None:
    seen = {"a": 10, "b": 9, "c": 1}
    curve = slices.by_frequency(survey, ["dense"], [1, 5, 10], seen)
    assert curve[curve["part"] == "head"]["recall"].tolist() == [0.5, 1, 1]
    at = slices.by_frequency(survey, ["dense"], [10], seen)
    assert curve[curve["k"] == 10].to_dict("records") == at.to_dict("records")
    sizes = slices.by_gold_size(survey, ["dense"], [1, 5, 10])
    assert sizes[sizes["size"] == "1"]["recall"].tolist() == [0.5, 0.5, 1]


def test_recall_stands_beside_the_time_it_takes(survey: Survey) -> None:
    (row,) = slices.recall_and_time([survey], 10).to_dict("records")
    assert row["recall"] == pytest.approx((1 + 0.5 + 1 / 3 + 1) / 4)
    assert (row["p50"], row["p95"]) == (2.5, pytest.approx(3.85))


@pytest.mark.parametrize(
    ("count", "part"),
    [(0, "unseen"), (1, "tail"), (2, "tail"), (3, "torso"), (9, "torso"), (10, "head")],
)
def test_the_parts_begin_where_the_dataset_page_says(count: int, part: str) -> None:
    assert slices.part_of(count) == part


def test_recall_by_gold_size(survey: Survey) -> None:
    found = slices.by_gold_size(survey, ["dense"], [10]).set_index("size")
    assert found["recall"].to_dict() == pytest.approx({"1": 1.0, "2-3": (0.5 + 1 / 3) / 2})
    assert found["documents"].to_dict() == {"1": 2, "2-3": 2}


def test_every_gold_label_has_one_fate(survey: Survey) -> None:
    found = slices.fates(survey, ["dense"], k=7, n=2).set_index("fate")["labels"].to_dict()
    assert found == {
        "shown": 1,
        "not shown": 2,
        "index miss": 1,
        "encoder miss": 2,  # exact ranks 40 and 8 are beyond 7
        "not in the vocabulary": 1,
    }
    assert sum(found.values()) == len(GOLD)


@pytest.mark.parametrize(
    ("known", "rank", "exact", "fate"),
    [
        (True, 2, 2, RetrievalFate.SHOWN),
        (True, 3, 2, RetrievalFate.NOT_SHOWN),
        (True, 6, 5, RetrievalFate.INDEX_MISS),
        (True, None, 6, RetrievalFate.ENCODER_MISS),
        (True, None, None, RetrievalFate.INDEX_MISS),
        (False, None, None, RetrievalFate.NOT_IN_VOCABULARY),
    ],
)
def test_fates_at_k_5_and_n_2(
    known: bool, rank: int | None, exact: int | None, fate: RetrievalFate
) -> None:
    assert fate_at_retrieval(known, rank, exact, k=5, n=2) is fate


def test_the_worst_documents_come_first(survey: Survey) -> None:
    found = slices.worst(survey, "dense", 7, 2)
    assert found["document"].tolist() == ["four", "three", "two", "one"]
    three = found.set_index("document").loc["three"]
    assert three["lost"] == "c, d"
    assert (three["gold"], three["found"], three["deepest"]) == (3, 1, 40)
    assert three["fate"] == "encoder miss"
    assert found["fate"].tolist()[-1] == ""


def test_hnsw_against_exact_search_and_times(survey: Survey) -> None:
    (row,) = slices.against_exact(survey, ["dense"]).to_dict("records")
    assert (row["k"], row["overlap"]) == (10, pytest.approx(0.9))
    (ms,) = slices.latency(survey, ["dense"]).to_dict("records")
    assert (ms["p50"], ms["most"]) == (2.5, 4.0)
    curve = slices.latency_curve(survey, ["dense"])
    assert (curve["ms"].iloc[0], curve["ms"].iloc[50], curve["ms"].iloc[-1]) == (1.0, 2.5, 4.0)
