"""Agreement on each reason, where an annotator may give several."""

import pytest

from core.agreement.reasons import GIVEN, NOT_GIVEN, Mark, reason_agreement, reason_ratings
from core.errors import InputError

# ida and max agree on "off topic" always, on "duplicates" half of the time, and both always give
# "near misses".
MARKS: list[Mark] = [
    ("1", "ida", {"off topic", "duplicates", "near misses"}),
    ("1", "max", {"off topic", "near misses"}),
    ("2", "ida", {"near misses"}), ("2", "max", {"duplicates", "near misses"}),
    ("3", "ida", {"duplicates", "near misses"}), ("3", "max", {"duplicates", "near misses"}),
    ("4", "ida", {"off topic", "near misses"}), ("4", "max", {"off topic", "near misses"}),
]  # fmt: skip


def test_each_reason_is_given_or_not() -> None:
    found = reason_ratings(MARKS)
    assert list(found) == ["duplicates", "near misses", "off topic"]
    off_topic = found["off topic"]
    said = [off_topic.categories[code] for code in off_topic.codes[:, 0]]
    assert said == [GIVEN, NOT_GIVEN, NOT_GIVEN, GIVEN]


def test_the_reason_people_disagree_on_comes_first_and_undefined_ones_last() -> None:
    found = reason_agreement(MARKS)
    assert [one.reason for one in found] == ["duplicates", "off topic", "near misses"]
    assert [(one.given, one.marks) for one in found] == [(4, 8), (4, 8), (8, 8)]
    duplicates, off_topic, near_misses = (one.summary for one in found)
    assert duplicates.percent.value == 0.5
    assert duplicates.cohen.value == pytest.approx(0)
    assert duplicates.alpha.value == pytest.approx(1 - 7 * 2 / (4 * 4))
    assert off_topic.alpha.value == pytest.approx(1)
    assert near_misses.percent.value == 1
    assert near_misses.alpha.value is None
    assert "Every rating that can be compared is given" in near_misses.alpha.reason


def test_to_look_and_give_no_reason_is_a_mark() -> None:
    found = reason_ratings([("1", "ida", {"off topic"}), ("1", "max", set())])["off topic"]
    assert found.annotators == ("ida", "max")
    found = reason_ratings([("1", "ida", {"off topic"})])["off topic"]
    assert found.annotators == ("ida",)


def test_two_sets_of_one_annotator_on_one_item_are_refused() -> None:
    twice: list[Mark] = [("1", "ida", {"b", "a"}), ("1", "ida", {"a", "b"}), ("1", "ida", set())]
    assert reason_ratings(twice[:2])
    with pytest.raises(InputError, match="ida gave 1 two different sets of reasons: a, b; none"):
        reason_agreement(twice)


def test_no_marks_and_no_reasons_give_nothing() -> None:
    assert reason_agreement([]) == []
    assert reason_agreement([("1", "ida", set()), ("1", "max", set())]) == []
