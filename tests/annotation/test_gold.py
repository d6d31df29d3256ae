"""Gold revised by annotators, and what recall would be."""

import pytest

from core.annotation.gold import (
    heard,
    last_words,
    recall_if_fixed,
    revised,
    settled_verdicts,
)
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


def test_a_label_that_was_added_as_missing_is_not_gold_if_the_lead_left_it_out() -> None:
    added = Judgement(labels={"a": YES}, missing=("x",))
    silent = Judgement(labels={"a": YES})
    task = heard([added, silent], silent)
    assert revised({"a"}, task, silent).gold == {"a"}
    assert settled_verdicts(task, silent) == {"a": YES}
    kept = Judgement(missing=("x",))
    assert revised({"a"}, heard([added, silent], kept), kept).gold == {"a", "x"}
    assert revised({"a"}, heard([added], None), None).gold == {"a", "x"}, "nothing is settled"


def test_a_gold_label_that_one_found_missing_stays_gold_after_the_settlement() -> None:
    found = revised({"g"}, heard([Judgement(missing=("g",))], Judgement()), Judgement())
    assert found.gold == {"g"}


def test_of_several_settlements_each_label_has_its_last_word() -> None:
    first = Judgement(labels={"x": NO, "y": YES}, missing=("z",))
    then = Judgement(labels={"y": NO, "z": NO}, missing=("x",))
    assert last_words([first]) == first
    assert last_words([]) is None
    assert last_words([first, then]) == Judgement(labels={"y": NO, "z": NO}, missing=("x",))
    only = last_words([first, Judgement(labels={"w": YES})])
    assert only is not None
    assert only.labels == {"x": NO, "y": YES, "w": YES}
