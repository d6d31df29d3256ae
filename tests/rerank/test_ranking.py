"""Every position of the ranking says what put the label there."""

from core.rerank.base import Bucket, Candidate, Parsed, PlacedBy
from core.rerank.ranking import predict
from core.shortlist.base import Shortlist, ShortlistRow

ROWS = tuple(ShortlistRow(f"L{n}", f"label {n}", n, 1 - n / 10) for n in range(1, 6))
SHORTLIST = Shortlist(ROWS, 5, 50, "encoder", "index", 100, 100, 1.0, 1.0)
SHOWN = tuple(Candidate(n, f"L{n}", f"label {n}") for n in range(1, 4))


def parsed(*answer: str, none: bool = False) -> Parsed:
    return Parsed(Bucket.OK, (), (), None if none else answer)


def test_answer_then_score_then_retrieval() -> None:
    got = predict(SHORTLIST, SHOWN, parsed("L2"), [0.1, 0.2, 0.9])
    assert [(r.label_id, r.placed_by) for r in got.ranking] == [
        ("L2", PlacedBy.ANSWER),
        ("L3", PlacedBy.SCORE),
        ("L1", PlacedBy.SCORE),
        ("L4", PlacedBy.COMPLETED),
        ("L5", PlacedBy.COMPLETED),
    ]
    assert [r.rank for r in got.ranking] == [1, 2, 3, 4, 5]
    assert [r.score for r in got.ranking] == [0.2, 0.9, 0.1, None, None]
    assert got.selected == ("L2",)


def test_the_answers_own_order_is_kept() -> None:
    assert predict(SHORTLIST, SHOWN, parsed("L3", "L1"), None).selected == ("L3", "L1")


def test_without_scores_and_answer_the_retrieval_order_stands_and_says_so() -> None:
    got = predict(SHORTLIST, SHOWN, parsed(none=True), None)
    assert [r.label_id for r in got.ranking] == [row.label_id for row in ROWS]
    assert {r.placed_by for r in got.ranking} == {PlacedBy.COMPLETED}
    assert got.selected == ()


def test_equal_scores_keep_the_retrieval_order() -> None:
    got = predict(SHORTLIST, SHOWN, parsed(), [0.5, 0.5, 0.5])
    assert [r.label_id for r in got.ranking] == ["L1", "L2", "L3", "L4", "L5"]


def test_every_retrieved_label_stands_exactly_once() -> None:
    got = predict(SHORTLIST, SHOWN, parsed("L1", "L2", "L3"), [0.1, 0.2, 0.3])
    assert sorted(r.label_id for r in got.ranking) == [row.label_id for row in ROWS]
