"""Gold revised by annotators, and what recall would be."""

import pytest

from core.annotation.gold import recall_if_fixed, revised
from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict

YES, NO, NEAR = LabelVerdict.RELEVANT, LabelVerdict.IRRELEVANT, LabelVerdict.NEAR_MISS


def test_a_majority_adds_and_removes_and_a_tie_changes_nothing() -> None:
    one = revised(
        {"a", "b", "c"},
        [
            Judgement(labels={"a": NO, "b": YES, "x": YES, "t": YES}),
            Judgement(labels={"a": NEAR, "b": NO, "x": YES, "t": NO}),
            Judgement(labels={"x": NO}),
        ],
    )
    assert one.gold == {"b", "c", "x"}
    assert (one.added, one.removed, one.disputed) == ({"x"}, {"a"}, {"b", "t"})


def test_a_label_that_was_added_as_missing_is_a_vote_for_it() -> None:
    one = revised({"a"}, [Judgement(missing=("m",)), Judgement(missing=("m",), labels={"a": YES})])
    assert (one.gold, one.missed) == ({"a", "m"}, {"m"})


def test_an_adjudication_has_the_last_word_on_what_it_speaks_of() -> None:
    said = [Judgement(labels={"a": NO, "b": NO}, missing=("m",))] * 3
    one = revised({"a", "b"}, said, Judgement(labels={"a": YES, "m": NO}))
    assert one.gold == {"a"}
    assert one.missed == frozenset()


def test_recall_if_the_misses_were_fixed_by_hand() -> None:
    found = {
        "d": revised({"a", "b"}, [Judgement(missing=("m",), labels={"b": NO})]),
        "e": revised({"c"}, [Judgement(labels={"c": YES})]),
        "no gold": revised(set(), [Judgement(missing=("m",))]),
    }
    retrieved = {"d": ["a", "x", "y"], "e": ["x", "c"], "no gold": []}
    gold = {"d": {"a", "b"}, "e": {"c"}, "no gold": set[str]()}
    made = recall_if_fixed(retrieved, gold, found, 1)
    assert made is not None
    assert made.documents == 2
    assert made.before == pytest.approx((1 / 2 + 0) / 2)
    assert made.revised == pytest.approx((1 / 2 + 0) / 2)
    assert made.fixed == pytest.approx((1 + 0) / 2)
    assert recall_if_fixed({}, gold, found, 1) is None
