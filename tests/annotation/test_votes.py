"""What several annotators say of one task, side by side."""

import pytest

from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict, PhaseVerdict, Preference, ShortlistVerdict
from core.annotation.votes import Difference, consensus_judgement, difference, who_said_what
from core.traces.base import PhaseKind

YES, NO = LabelVerdict.RELEVANT, LabelVerdict.IRRELEVANT
GOOD, BAD = ShortlistVerdict.GOOD, ShortlistVerdict.OFF_TOPIC
FIRST, THEN = PhaseKind.SHORTLISTING, PhaseKind.REASONING


def test_who_agrees_differs_on_nothing() -> None:
    one = Judgement(GOOD, {"a": YES}, ("m",), boundary=4)
    assert difference([one, one, one]) == Difference(0.0, 0, False)
    assert not difference([one]).any, "one alone cannot differ"
    assert difference([one]).in_words() == "nothing"


def test_the_verdict_differs_by_pairs_and_labels_by_number() -> None:
    found = difference(
        [Judgement(GOOD, {"a": YES, "b": NO}), Judgement(GOOD, {"a": NO}), Judgement(BAD)]
    )
    assert found.verdict == pytest.approx(2 / 3)
    assert found.labels == 1
    assert found.in_words() == "the verdict and 1 label"


def test_a_label_that_only_some_add_as_missing_is_a_difference() -> None:
    with_it, without = Judgement(GOOD, missing=("m",)), Judgement(GOOD)
    assert difference([with_it, without]).labels == 1
    assert difference([with_it, with_it]).labels == 0


def test_the_phases_of_a_trace_count_half_each_and_the_boundary_by_itself() -> None:
    sound = Judgement(phases={FIRST: PhaseVerdict.SOUND, THEN: PhaseVerdict.SOUND}, boundary=9)
    flawed = Judgement(phases={FIRST: PhaseVerdict.SOUND, THEN: PhaseVerdict.FLAWED}, boundary=7)
    assert difference([sound, flawed]) == Difference(0.5, 0, True)
    assert difference([sound, flawed]).in_words() == "the verdict and the boundary"


def test_the_consensus_is_what_most_say_and_nothing_at_a_tie() -> None:
    a = Judgement(GOOD, {"a": YES, "b": YES}, ("m",), reasons=("negated",), comment="mine")
    b = Judgement(GOOD, {"a": YES, "b": NO}, ("m", "n"), reasons=("negated",), boundary=3)
    c = Judgement(BAD, {"a": NO})
    assert consensus_judgement([a, b, c]) == Judgement(
        GOOD, {"a": YES}, ("m",), boundary=3, reasons=("negated",)
    )
    assert consensus_judgement([Judgement(GOOD), Judgement(BAD)]) == Judgement()
    assert consensus_judgement([]) == Judgement()
    left = Judgement(preference=Preference.FIRST)
    assert consensus_judgement([left, left]).preference is Preference.FIRST


def test_who_said_what_names_annotators_by_verdict() -> None:
    votes = who_said_what(
        [
            ("Ada", Judgement(GOOD, {"a": YES}, ("m",), comment="fits", reasons=("negated",))),
            ("Ben", Judgement(BAD, {"a": NO}, phases={FIRST: PhaseVerdict.SOUND}, boundary=5)),
        ],
        {"m": "Missing one"}.__getitem__,
        {"negated": "Negated"},
    )
    assert votes["verdict"] == {"good": ["Ada"], "off_topic": ["Ben"]}
    assert votes["labels"] == {"a": {"relevant": ["Ada"], "irrelevant": ["Ben"]}}
    assert votes["phases"] == {"shortlisting": {"sound": ["Ben"]}}
    ada, ben = votes["said"]
    assert (ada["comment"], ada["missing"], ada["reasons"]) == (
        "fits",
        ["Missing one"],
        ["Negated"],
    )
    assert ben["boundary"] == 5
