"""The statistics against worked examples that others have published, and against sums by hand."""

import pytest

from core.agreement.alpha import krippendorff_alpha
from core.agreement.base import Statistic
from core.agreement.cohen import cohen_kappa
from core.agreement.fleiss import fleiss_kappa
from core.agreement.percent import percent_agreement
from core.agreement.ratings import Ratings
from core.agreement.summary import summary
from tests.agreement.examples import (
    COHEN,
    FLEISS,
    KRIPPENDORFF,
    MEG_AND_OWEN,
    by_annotator,
    by_count,
    by_pair,
)

pytestmark = pytest.mark.filterwarnings("error")


def test_krippendorffs_example_with_gaps() -> None:
    ratings = Ratings.of(by_annotator(KRIPPENDORFF))
    nominal = krippendorff_alpha(ratings)
    assert nominal.statistic is Statistic.ALPHA
    assert nominal.value == pytest.approx(0.743, abs=5e-4)
    ordinal = krippendorff_alpha(ratings, order=["1", "2", "3", "4", "5"])
    assert ordinal.statistic is Statistic.ALPHA_ORDINAL
    assert ordinal.value == pytest.approx(0.815, abs=5e-4)
    for one in (nominal, ordinal):
        assert (one.items, one.left_out, one.annotators) == (11, 1, 4), "unit 12 has one rating"
        assert one.low is not None
        assert one.high is not None
        assert one.value is not None
        assert one.low < one.value < one.high <= 1


def test_krippendorffs_binary_example() -> None:
    found = krippendorff_alpha(Ratings.of(by_annotator(MEG_AND_OWEN)))
    assert found.value == pytest.approx(0.095, abs=5e-4)
    assert found.value == pytest.approx(1 - 19 * 4 / (14 * 6))


def test_fleiss_example() -> None:
    found = fleiss_kappa(Ratings.of(by_count(FLEISS)))
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert (found.items, found.left_out, found.annotators) == (10, 0, 14)
    assert found.draws == 1000
    assert found.reason == ""


def test_cohens_example() -> None:
    ratings = Ratings.of(by_pair(COHEN))
    found = cohen_kappa(ratings, "one", "other")
    assert found.statistic is Statistic.COHEN
    assert found.value == pytest.approx(0.4)
    assert (found.items, found.left_out, found.annotators) == (50, 0, 2)
    assert percent_agreement(ratings).value == pytest.approx(35 / 50)


def test_weighted_kappa_by_hand() -> None:
    pairs = {("low", "low"): 1, ("mid", "high"): 1, ("high", "high"): 1, ("low", "mid"): 1}
    ratings, order = Ratings.of(by_pair(pairs)), ("low", "mid", "high")
    linear = cohen_kappa(ratings, "one", "other", order=order, weights="linear")
    assert linear.statistic is Statistic.COHEN_LINEAR
    assert linear.value == pytest.approx(1 - 2 / 4)
    quadratic = cohen_kappa(ratings, "one", "other", order=order)
    assert quadratic.statistic is Statistic.COHEN_QUADRATIC
    assert quadratic.value == pytest.approx(1 - 2 / 6.5)
    wider = cohen_kappa(ratings, "one", "other", order=("lowest", *order, "highest"))
    assert wider.value == pytest.approx(quadratic.value), "unused ends move nothing"


def test_percent_agreement_counts_pairs_of_ratings() -> None:
    ratings = Ratings.of(
        [
            ("a", "1", "x"), ("a", "2", "x"), ("a", "3", "y"),  # one pair of three agrees
            ("b", "1", "x"), ("b", "2", "x"),  # one of one
            ("c", "1", "y"),
        ]
    )  # fmt: skip
    found = percent_agreement(ratings)
    assert found.value == pytest.approx(2 / 4)
    assert (found.items, found.left_out, found.annotators) == (2, 1, 3)
    assert percent_agreement(ratings.only(["1", "3"])).value == 0
    assert percent_agreement(ratings.only(["1", "2"])).value == 1


def test_fleiss_takes_the_items_with_the_most_common_number_of_ratings() -> None:
    threes, others = ((3, 0), (0, 3), (2, 1)), ((2, 0), (1, 1), (1, 0), (0, 1), (1, 0), (0, 1))
    found = fleiss_kappa(Ratings.of(by_count([*threes, *others])))
    assert found.value == fleiss_kappa(Ratings.of(by_count(threes))).value
    assert (found.items, found.left_out) == (3, 6)


def test_fleiss_takes_the_larger_of_two_numbers_that_are_equally_common() -> None:
    table = ((3, 0), (0, 3), (2, 0), (1, 1))
    found = fleiss_kappa(Ratings.of(by_count(table)))
    assert found.value == 1
    assert (found.items, found.left_out, found.annotators) == (2, 2, 3)


def test_cohen_looks_only_at_items_both_have_rated() -> None:
    entries = by_pair(COHEN)
    entries += [("more 1", "one", "yes"), ("more 2", "other", "no"), ("more 3", "third", "no")]
    found = cohen_kappa(Ratings.of(entries), "one", "other")
    assert found.value == pytest.approx(0.4)
    assert (found.items, found.left_out) == (50, 2), "more 3 is none of theirs"


def test_the_summary_has_all_of_them() -> None:
    two = summary(Ratings.of(by_pair(COHEN)))
    assert two.cohen.value == pytest.approx(0.4)
    assert two.percent.value == pytest.approx(0.7)
    four = summary(Ratings.of(by_annotator(KRIPPENDORFF)), order=["1", "2", "3", "4", "5"])
    assert four.alpha.value == pytest.approx(0.815, abs=5e-4)
    assert four.cohen.value is None
    assert four.cohen.reason == "Cohen's kappa is of two annotators, and here are 4."
    weighted = summary(Ratings.of(by_pair(COHEN)), order=("no", "yes"), weights="linear")
    assert weighted.cohen.statistic is Statistic.COHEN_LINEAR
    assert weighted.cohen.value == pytest.approx(0.4), "two categories are one place apart"
