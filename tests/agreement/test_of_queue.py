"""Agreement within a queue: its verdicts, labels, people, disputes and label errors together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from core.agreement.label_errors import LabelErrorKind
from core.agreement.of_queue import QueueAgreement, names_of, queue_agreement
from core.annotation.judgement import Judgement
from core.annotation.verdicts import (
    LabelVerdict,
    PhaseVerdict,
    Preference,
    ShortlistVerdict,
    TaskKind,
)
from core.traces.base import PhaseKind

GOOD, BAD = Judgement(ShortlistVerdict.GOOD), Judgement(ShortlistVerdict.OFF_TOPIC)
YES, NO = LabelVerdict.RELEVANT, LabelVerdict.IRRELEVANT
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Stood:
    person: str
    annotator: str
    judgement: Judgement
    seconds: float | None = 2.0
    created_at: datetime = NOON


@dataclass(frozen=True)
class OneTask:
    task_id: int
    judgements: Sequence[Stood]
    gold: Sequence[str] = ()
    document_id: str = "d"
    dataset: str = "icd"
    position: int = field(default=0)


def tasks_of(*said: Mapping[str, Judgement], gold: Sequence[str] = ()) -> list[OneTask]:
    """One task a mapping from a person to what they say; documents are d0, d1, ..."""
    return [
        OneTask(
            at, [Stood(who.lower(), who, one) for who, one in some.items()], gold, f"d{at}",
            position=at,
        )
        for at, some in enumerate(said)
    ]  # fmt: skip


def agreed(tasks: list[OneTask], kind: TaskKind = TaskKind.SHORTLIST) -> QueueAgreement:
    return queue_agreement(tasks, kind, resamples=50)


def test_kappa_alpha_and_percent_of_a_small_queue() -> None:
    found = agreed(
        tasks_of(
            {"Ada": GOOD, "Ben": GOOD}, {"Ada": BAD, "Ben": BAD}, {"Ada": GOOD, "Ben": BAD},
            {"Ada": GOOD},
        )
    )  # fmt: skip
    assert (found.tasks, found.shared) == (4, 3)
    assert found.verdicts.percent.value == pytest.approx(2 / 3)
    assert found.verdicts.cohen.value == pytest.approx(0.4)  # p_o 2/3, p_e 4/9
    assert found.verdicts.alpha.value == pytest.approx(1 - (2 / 6) / (18 / 30))
    assert [(pair.first, pair.second) for pair in found.pairs] == [("Ada", "Ben")]
    assert [one.task_id for one in found.disputes] == [2]
    assert {one.annotator: one.tasks for one in found.work} == {"Ada": 4, "Ben": 3}


def test_the_phases_of_a_trace_agree_together_and_each_by_itself() -> None:
    def said(first: PhaseVerdict, then: PhaseVerdict) -> Judgement:
        return Judgement(phases={PhaseKind.SHORTLISTING: first, PhaseKind.REASONING: then})

    sound, flawed = PhaseVerdict.SOUND, PhaseVerdict.FLAWED
    found = agreed(
        tasks_of(
            {"Ada": said(sound, sound), "Ben": said(sound, flawed)},
            {"Ada": said(flawed, sound), "Ben": said(flawed, sound)},
        ),
        TaskKind.TRACE,
    )
    assert list(found.by_name) == ["shortlisting", "reasoning"]
    assert found.by_name["shortlisting"].percent.value == 1.0
    assert found.by_name["reasoning"].percent.value == 0.5
    assert found.verdicts.percent.value == 0.75


def test_preferences_agree_and_labels_are_not_asked() -> None:
    left, right = Judgement(preference=Preference.FIRST), Judgement(preference=Preference.SECOND)
    found = agreed(
        tasks_of({"Ada": left, "Ben": left}, {"Ada": right, "Ben": left}), TaskKind.PREFERENCE
    )
    assert found.verdicts.percent.value == 0.5
    assert found.labels is None
    assert not found.by_name


def test_labels_that_most_contradict_are_candidates_for_errors_of_gold() -> None:
    wrong = Judgement(ShortlistVerdict.WRONG_GOLD, {"g": NO, "x": YES})
    found = agreed(tasks_of({"Ada": wrong, "Ben": wrong, "Eva": GOOD}, gold=("g",)))
    assert {(one.document, one.label, one.kind) for one in found.errors} == {
        ("icd / d0", "g", LabelErrorKind.WRONG), ("icd / d0", "x", LabelErrorKind.MISSING),
    }  # fmt: skip
    assert found.labels is not None
    assert found.labels.percent.value == 1.0


def test_of_two_tasks_on_one_document_the_last_word_on_a_label_counts() -> None:
    def one(at: int, verdict: LabelVerdict) -> OneTask:
        said = Judgement(ShortlistVerdict.GOOD, {"x": verdict})
        later = NOON + timedelta(minutes=at)
        return OneTask(at, [Stood("ada", "Ada", said, created_at=later)], position=at)

    assert not agreed([one(0, YES), one(1, NO)]).errors
    assert len(agreed([one(0, NO), one(1, YES)]).errors) == 1


def test_two_people_of_one_name_are_told_apart() -> None:
    task = OneTask(0, [Stood("iss|1", "Ada", GOOD), Stood("iss|2", "Ada", BAD)])
    assert names_of([task]) == {"iss|1": "Ada (iss|1)", "iss|2": "Ada (iss|2)"}
    assert agreed([task]).disputes[0].annotators == ("Ada (iss|1)", "Ada (iss|2)")


def test_the_newest_name_of_a_person_is_used() -> None:
    old = OneTask(0, [Stood("iss|1", "Old", GOOD)])
    new = OneTask(1, [Stood("iss|1", "New", GOOD, created_at=NOON + timedelta(days=1))])
    assert names_of([new, old]) == {"iss|1": "New"}


def test_the_most_disputed_come_first() -> None:
    label = Judgement(ShortlistVerdict.GOOD, {"a": YES})
    other = Judgement(ShortlistVerdict.GOOD, {"a": NO})
    found = agreed(
        tasks_of(
            {"Ada": label, "Ben": other}, {"Ada": GOOD, "Ben": GOOD}, {"Ada": GOOD, "Ben": BAD}
        )
    )
    assert [one.position for one in found.disputes] == [2, 0]


def test_nothing_judged_gives_reasons_and_no_numbers() -> None:
    found = agreed([])
    assert found.verdicts.alpha.value is None
    assert found.verdicts.alpha.reason
    assert not found.disputes
