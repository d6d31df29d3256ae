"""Where a statistic is undefined it says so, in words, and never gives nan."""

from collections.abc import Callable

import pytest

from core.agreement.alpha import krippendorff_alpha
from core.agreement.base import Agreement
from core.agreement.cohen import cohen_kappa
from core.agreement.fleiss import fleiss_kappa
from core.agreement.percent import percent_agreement
from core.agreement.ratings import Ratings

# Libraries warn where they divide by nothing; we do not let them get there.
pytestmark = pytest.mark.filterwarnings("error")

Measure = Callable[[Ratings], Agreement]


def alpha_ordinal(ratings: Ratings) -> Agreement:
    return krippendorff_alpha(ratings, order=("x", "y"))


def cohen(ratings: Ratings) -> Agreement:
    return cohen_kappa(ratings, "1", "2")


def cohen_weighted(ratings: Ratings) -> Agreement:
    return cohen_kappa(ratings, "1", "2", order=("x", "y"))


OF_MANY: list[Measure] = [percent_agreement, fleiss_kappa, krippendorff_alpha, alpha_ordinal]
BEYOND_CHANCE: list[Measure] = [
    fleiss_kappa, krippendorff_alpha, alpha_ordinal, cohen, cohen_weighted,
]  # fmt: skip


def ratings_of(one: str, other: str) -> Ratings:
    """What "1" and "2" say of items in a row; a dot for nothing."""
    said = (("1", one), ("2", other))
    return Ratings.of(
        (f"item {at}", who, None if value == "." else value)
        for who, values in said
        for at, value in enumerate(values)
    )


def is_undefined(found: Agreement, reason: str) -> None:
    assert found.value is None
    assert found.low is None
    assert found.high is None
    assert found.draws == 0
    assert reason in found.reason


@pytest.mark.parametrize("measure", OF_MANY)
def test_without_ratings(measure: Measure) -> None:
    found = measure(Ratings.of([]))
    is_undefined(found, "There are no ratings.")
    assert (found.items, found.left_out, found.annotators) == (0, 0, 0)


@pytest.mark.parametrize("measure", OF_MANY)
def test_with_one_annotator(measure: Measure) -> None:
    found = measure(ratings_of("xy", ".."))
    is_undefined(found, "Only one annotator, 1, has rated; agreement needs two.")
    assert (found.items, found.left_out, found.annotators) == (0, 2, 0)


@pytest.mark.parametrize("measure", OF_MANY)
def test_with_no_item_rated_twice(measure: Measure) -> None:
    found = measure(ratings_of("xy..", "..xy"))
    is_undefined(found, "No item has been rated by two annotators.")
    assert (found.items, found.left_out, found.annotators) == (0, 4, 0)


def test_cohen_with_no_item_in_common() -> None:
    found = cohen(ratings_of("xy..", "..xy"))
    is_undefined(found, "1 and 2 have rated no item in common.")
    assert (found.items, found.left_out, found.annotators) == (0, 4, 0)


@pytest.mark.parametrize("measure", BEYOND_CHANCE)
def test_with_a_single_category_there_is_nothing_beyond_chance(measure: Measure) -> None:
    found = measure(ratings_of("xxxx", "xxxx"))
    is_undefined(found, "Every rating that can be compared is x; with a single category")
    assert (found.items, found.left_out, found.annotators) == (4, 0, 2)


@pytest.mark.parametrize("measure", BEYOND_CHANCE)
def test_a_category_of_ratings_that_stand_alone_is_no_second_one(measure: Measure) -> None:
    found = measure(ratings_of("xxy.", "xx.y"))
    is_undefined(found, "Every rating that can be compared is x;")
    assert (found.items, found.left_out) == (2, 2)


def test_percent_agreement_needs_no_second_category() -> None:
    found = percent_agreement(ratings_of("xxxx", "xxxx"))
    assert (found.value, found.low, found.high) == (1, 1, 1)


@pytest.mark.parametrize("measure", [percent_agreement, *BEYOND_CHANCE])
def test_full_agreement_on_two_categories_is_one(measure: Measure) -> None:
    found = measure(ratings_of("xxyyxy", "xxyyxy"))
    assert found.value == pytest.approx(1)
    assert found.low == pytest.approx(1)
    assert found.high == pytest.approx(1)
    assert found.reason == ""


@pytest.mark.parametrize("measure", BEYOND_CHANCE)
def test_two_who_never_say_the_same_are_no_single_category(measure: Measure) -> None:
    found = measure(ratings_of("xxxx", "yyyy"))
    assert found.value is not None
    assert found.value <= 0


@pytest.mark.parametrize("measure", [percent_agreement, *BEYOND_CHANCE])
def test_one_item_is_enough_where_it_is_disputed(measure: Measure) -> None:
    found = measure(ratings_of("x", "y"))
    assert found.value is not None
    assert found.low == found.high == pytest.approx(found.value)


@pytest.mark.parametrize("measure", BEYOND_CHANCE)
def test_draws_in_which_it_is_undefined_are_passed_over_and_told(measure: Measure) -> None:
    found = measure(ratings_of("xxxxy", "xxxxy"))
    assert found.value == pytest.approx(1)
    # A draw without the last item, and one of the last item alone, has a single category.
    expected = 1000 * (1 - 0.8**5 - 0.2**5)
    assert found.draws == pytest.approx(expected, abs=60)
    assert found.low == pytest.approx(1)
