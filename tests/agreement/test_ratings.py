"""Ratings: what they hold, and what they refuse."""

import numpy as np
import pytest

from core.agreement.ratings import NOTHING, Ratings
from core.errors import InputError, UnknownNameError

ENTRIES = [("b", "max", "bad"), ("a", "ida", "good"), ("a", "max", "bad"), ("c", "ida", "good")]


def test_items_annotators_and_categories_are_sorted_and_gaps_are_nothing() -> None:
    ratings = Ratings.of(ENTRIES)
    assert ratings.items == ("a", "b", "c")
    assert ratings.annotators == ("ida", "max")
    assert ratings.categories == ("bad", "good")
    np.testing.assert_array_equal(ratings.codes, [[1, 0], [NOTHING, 0], [1, NOTHING]])
    np.testing.assert_array_equal(ratings.counts(), [[1, 1], [1, 0], [0, 1]])


def test_saying_nothing_and_saying_the_same_again_change_nothing() -> None:
    more = [*ENTRIES, ("a", "ida", "good"), ("b", "ida", None), ("z", "eva", None)]
    ratings = Ratings.of(more)
    assert ratings.items == ("a", "b", "c")
    assert ratings.annotators == ("ida", "max")
    np.testing.assert_array_equal(ratings.codes, Ratings.of(ENTRIES).codes)


def test_two_categories_of_one_annotator_on_one_item_are_refused() -> None:
    with pytest.raises(InputError, match="ida gave a two different categories: good; bad") as told:
        Ratings.of([*ENTRIES, ("a", "ida", "bad")])
    assert "Keep the one that stands" in told.value.fix


def test_ratings_cannot_be_changed() -> None:
    ratings = Ratings.of(ENTRIES)
    with pytest.raises(ValueError, match="read-only"):
        ratings.codes[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        ratings.in_order(["good", "bad"]).codes[0, 0] = 0
    with pytest.raises(AttributeError):
        ratings.items = ()  # type: ignore[misc]


def test_some_annotators_keep_the_items_they_have_rated() -> None:
    ratings = Ratings.of([*ENTRIES, ("d", "eva", "good")]).only(["max", "eva"])
    assert ratings.annotators == ("max", "eva")
    assert ratings.items == ("a", "b", "d")
    np.testing.assert_array_equal(ratings.codes, [[0, NOTHING], [0, NOTHING], [NOTHING, 1]])


def test_annotators_who_are_unknown_or_named_twice_are_refused() -> None:
    ratings = Ratings.of(ENTRIES)
    with pytest.raises(UnknownNameError, match=r"No annotator called tom.*ida, max"):
        ratings.only(["ida", "tom"])
    with pytest.raises(InputError, match="twice"):
        ratings.only(["ida", "ida"])
    with pytest.raises(UnknownNameError, match="nobody yet"):
        Ratings.of([]).only(["ida"])


def test_categories_take_the_order_that_is_given() -> None:
    ratings = Ratings.of(ENTRIES).in_order(["good", "so so", "bad"])
    assert ratings.categories == ("good", "so so", "bad")
    np.testing.assert_array_equal(ratings.codes, [[0, 2], [NOTHING, 2], [0, NOTHING]])


@pytest.mark.parametrize(
    ("order", "wrong"),
    [(["good"], "lacks bad"), (["good", "bad", "good"], "twice"), ([], "lacks bad, good")],
)
def test_an_order_that_does_not_fit_is_refused(order: list[str], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        Ratings.of(ENTRIES).in_order(order)


def test_no_ratings_are_ratings_too() -> None:
    ratings = Ratings.of([])
    assert ratings.items == ratings.annotators == ratings.categories == ()
    assert ratings.counts().shape == (0, 0)
