"""Where annotators contradict gold."""

import pytest

from core.agreement.label_errors import LabelError, LabelErrorKind, label_errors
from core.annotation.verdicts import LabelVerdict
from core.errors import InputError, UnknownNameError

YES, NO = LabelVerdict.RELEVANT, LabelVerdict.IRRELEVANT
NEAR, WRONG = LabelVerdict.NEAR_MISS, LabelVerdict.WRONG_GOLD
GOLD = {"d": {"gold", "also gold"}, "e": set[str]()}

Entry = tuple[str, str, str, LabelVerdict]


def said(document: str, label: str, *verdicts: LabelVerdict) -> list[Entry]:
    """By annotators 1, 2, ... in a row."""
    return [(document, label, str(n), verdict) for n, verdict in enumerate(verdicts, 1)]


def test_gold_that_a_majority_rejects_is_a_candidate() -> None:
    assert label_errors(GOLD, said("d", "gold", NO, WRONG, YES)) == [
        LabelError("d", "gold", LabelErrorKind.WRONG, 2, 1)
    ]
    assert label_errors(GOLD, said("d", "gold", YES, YES, NO)) == []


def test_another_label_that_a_majority_finds_relevant_is_a_candidate() -> None:
    assert label_errors(GOLD, said("e", "gold", YES, YES, NEAR)) == [
        LabelError("e", "gold", LabelErrorKind.MISSING, 2, 1)
    ], "gold of d is not gold of e"
    assert label_errors(GOLD, said("d", "other", NO, NO, YES)) == []
    assert label_errors(GOLD, said("d", "other", NO, NO, NO)) == []


@pytest.mark.parametrize("label", ["gold", "other"])
def test_ties_are_no_candidates(label: str) -> None:
    assert label_errors(GOLD, said("d", label, YES, NO)) == []


def test_a_near_miss_speaks_against_a_gold_label_and_for_no_other() -> None:
    (found,) = label_errors(GOLD, said("d", "gold", NEAR, NEAR, NEAR))
    assert found.kind is LabelErrorKind.WRONG
    assert label_errors(GOLD, said("d", "other", NEAR, NEAR, NEAR)) == []


def test_the_clearest_come_first_by_share_then_by_number() -> None:
    verdicts = [
        *said("d", "also gold", NO, NO, YES), *said("d", "one", YES), *said("d", "two", YES, YES),
        *said("d", "gold", WRONG, NO), *said("e", "most", YES, YES, YES, NO),
    ]  # fmt: skip
    found = label_errors(GOLD, reversed(verdicts))
    assert [one.label for one in found] == ["gold", "two", "one", "most", "also gold"]
    assert [one.share for one in found] == pytest.approx([1, 1, 1, 3 / 4, 2 / 3])
    assert [one.annotators for one in found] == [2, 2, 1, 4, 3]
    assert [one.label for one in label_errors(GOLD, verdicts, fewest=3)] == ["most", "also gold"]


def test_verdicts_that_contradict_each_other_are_refused() -> None:
    same = [("d", "gold", "1", NO), ("d", "gold", "1", NO)]
    assert label_errors(GOLD, same)[0].annotators == 1
    with pytest.raises(
        InputError, match="1 gave d / gold two different verdicts: irrelevant; relevant"
    ):
        label_errors(GOLD, [*same, ("d", "gold", "1", YES)])


def test_a_document_without_a_gold_set_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Document f has verdicts but no gold set"):
        label_errors(GOLD, said("f", "gold", YES))
    assert label_errors(GOLD, []) == []
