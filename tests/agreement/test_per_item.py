"""Disputed items, annotators against the others, and what most of them say."""

import pytest

from core.agreement.annotators import annotator_agreement
from core.agreement.consensus import Consensus, consensus
from core.agreement.disputes import Dispute, disputes
from core.agreement.ratings import Ratings

RATINGS = Ratings.of(
    [
        ("agreed", "ida", "good"), ("agreed", "max", "good"), ("agreed", "eva", "good"),
        ("split", "ida", "good"), ("split", "max", "bad"),
        ("two of three", "ida", "bad"), ("two of three", "max", "good"),
        ("two of three", "eva", "bad"),
        ("all apart", "ida", "good"), ("all apart", "max", "bad"), ("all apart", "eva", "unsure"),
        ("alone", "tom", "bad"),
    ]
)  # fmt: skip


def test_the_most_disputed_items_come_first_then_those_of_more_people() -> None:
    found = disputes(RATINGS)
    assert [(one.item, one.annotators) for one in found] == [
        ("all apart", 3), ("split", 2), ("two of three", 3), ("agreed", 3),
    ]  # fmt: skip
    assert [one.share for one in found] == pytest.approx([1, 1, 2 / 3, 0])


def test_a_dispute_tells_who_said_what_the_larger_side_first() -> None:
    found = {one.item: one for one in disputes(RATINGS)}
    assert list(found["two of three"].said.items()) == [("bad", ("eva", "ida")), ("good", ("max",))]
    assert list(found["split"].said) == ["bad", "good"], "by name where sides are equal"
    two_to_one = Ratings.of([("i", "1", "worse"), ("i", "2", "worse"), ("i", "3", "better")])
    assert list(disputes(two_to_one)[0].said) == ["worse", "better"]
    assert found["agreed"] == Dispute("agreed", 0, 3, {"good": ("eva", "ida", "max")})


def test_equally_disputed_items_stand_by_id() -> None:
    entries = [(item, who, who) for item in ("z", "a", "m") for who in ("1", "2")]
    assert [one.item for one in disputes(Ratings.of(entries))] == ["a", "m", "z"]


def test_each_annotator_against_the_others() -> None:
    found = {one.annotator: one for one in annotator_agreement(RATINGS)}
    # agreed 2 of 2, split 0 of 1, two of three 1 of 2, all apart 0 of 2
    assert found["ida"].agreement == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert found["max"].agreement == pytest.approx((1 + 0 + 0 + 0) / 4)
    assert found["eva"].agreement == pytest.approx((1 + 0.5 + 0) / 3)
    assert (found["eva"].items, found["eva"].shared) == (3, 3)
    assert found["tom"].agreement is None
    assert (found["tom"].items, found["tom"].shared) == (1, 0)
    assert list(found) == list(RATINGS.annotators)


def test_the_category_of_most_wins_and_ties_have_no_winner() -> None:
    assert consensus(RATINGS) == {
        "agreed": Consensus("good", 1, 3),
        "alone": Consensus("bad", 1, 1),
        "all apart": Consensus(None, 1 / 3, 3),
        "split": Consensus(None, 1 / 2, 2),
        "two of three": Consensus("bad", 2 / 3, 3),
    }


def test_a_category_can_win_with_less_than_half() -> None:
    said = ["x", "x", "y", "z", "u"]
    entries = [("item", str(n), category) for n, category in enumerate(said)]
    assert consensus(Ratings.of(entries)) == {"item": Consensus("x", 0.4, 5)}


def test_no_ratings_give_nothing() -> None:
    empty = Ratings.of([])
    assert disputes(empty) == []
    assert annotator_agreement(empty) == []
    assert consensus(empty) == {}
