"""What changes no statistic: the order of ratings, and what people and categories are called."""

from collections.abc import Callable

import numpy as np
import pytest

from core.agreement.alpha import krippendorff_alpha
from core.agreement.base import Agreement
from core.agreement.cohen import cohen_kappa
from core.agreement.fleiss import fleiss_kappa
from core.agreement.percent import percent_agreement
from core.agreement.ratings import Ratings
from tests.agreement.examples import ORDER, Entry, drawn

Measure = Callable[[Ratings], Agreement]
MANY: list[Measure] = [percent_agreement, fleiss_kappa, krippendorff_alpha]
SEEDS = range(4)


def equal(one: Agreement, other: Agreement) -> None:
    """To rounding: sums are taken in another order."""
    assert one.value == pytest.approx(other.value)
    assert one.low == pytest.approx(other.low)
    assert one.high == pytest.approx(other.high)
    assert (one.items, one.left_out, one.annotators) == (
        other.items, other.left_out, other.annotators,
    )  # fmt: skip


def shuffled(entries: list[Entry], seed: int) -> list[Entry]:
    order = np.random.default_rng(seed).permutation(len(entries))
    return [entries[at] for at in order]


@pytest.mark.parametrize("measure", MANY)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_ratings_changes_nothing(measure: Measure, seed: int) -> None:
    entries = drawn(seed)
    assert measure(Ratings.of(shuffled(entries, seed))) == measure(Ratings.of(entries))


@pytest.mark.parametrize("measure", MANY)
@pytest.mark.parametrize("seed", SEEDS)
def test_names_of_annotators_and_categories_change_nothing(measure: Measure, seed: int) -> None:
    entries = drawn(seed)
    people = {f"a{n}": f"person {9 - n}" for n in range(4)}
    names = {"c0": "pear", "c1": "apple", "c2": "quince", "c3": "fig", None: None}
    renamed = [(item, people[who], names[said]) for item, who, said in entries]
    equal(measure(Ratings.of(renamed)), measure(Ratings.of(entries)))


@pytest.mark.parametrize("measure", MANY)
def test_names_of_items_change_no_value(measure: Measure) -> None:
    entries = drawn(1)
    renamed = [(item[::-1], who, said) for item, who, said in entries]
    found, before = measure(Ratings.of(renamed)), measure(Ratings.of(entries))
    assert found.value == pytest.approx(before.value)
    assert found.low == pytest.approx(before.low, abs=0.05), "other draws of the same items"


@pytest.mark.parametrize("order", [None, ORDER])
@pytest.mark.parametrize("seed", SEEDS)
def test_cohen_is_the_same_from_either_side(seed: int, order: tuple[str, ...] | None) -> None:
    ratings = Ratings.of(drawn(seed))
    equal(
        cohen_kappa(ratings, "a0", "a2", order=order), cohen_kappa(ratings, "a2", "a0", order=order)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_may_as_well_be_read_backwards(seed: int) -> None:
    ratings = Ratings.of(drawn(seed))
    back = ORDER[::-1]
    equal(krippendorff_alpha(ratings, order=ORDER), krippendorff_alpha(ratings, order=back))
    equal(
        cohen_kappa(ratings, "a0", "a1", order=ORDER), cohen_kappa(ratings, "a0", "a1", order=back)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_categories_that_nobody_used_change_no_ordinal_alpha(seed: int) -> None:
    ratings = Ratings.of(drawn(seed))
    wider = ("lowest", "c0", "c1", "between", "c2", "c3", "highest")
    equal(krippendorff_alpha(ratings, order=ORDER), krippendorff_alpha(ratings, order=wider))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_value_is_in_its_range_and_inside_its_interval(seed: int) -> None:
    ratings = Ratings.of(drawn(seed, items=150))
    for measure in MANY:
        found = measure(ratings)
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert -1 <= found.low < found.value < found.high <= 1


def test_with_two_ratings_an_item_percent_agreement_is_kappas_observed_part() -> None:
    ratings = Ratings.of(drawn(2, annotators=2, gaps=0))
    observed = percent_agreement(ratings).value
    assert observed == pytest.approx(float((ratings.codes[:, 0] == ratings.codes[:, 1]).mean()))
