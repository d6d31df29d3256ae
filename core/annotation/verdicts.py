"""What annotators can say: the words that are stored, each with its name and its meaning."""

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What a queue asks for."""

    SHORTLIST = "shortlist"  # is this shortlist good, and each of its labels?
    TRACE = "trace"  # are the phases of this trace sound, and where is their boundary?
    PREFERENCE = "preference"  # which of two systems did better on this document?


class Compared(StrEnum):
    """What of two systems a preference is about."""

    TRACE = "trace"  # the trace and the answer
    SHORTLIST = "shortlist"


class ShortlistVerdict(StrEnum):
    GOOD = "good"
    MISSING_GOLD = "missing_gold"
    OFF_TOPIC = "off_topic"
    NEAR_MISSES = "near_misses"
    DUPLICATES = "duplicates"
    WRONG_GOLD = "wrong_gold"
    UNSURE = "unsure"


class LabelVerdict(StrEnum):
    RELEVANT = "relevant"
    IRRELEVANT = "irrelevant"
    NEAR_MISS = "near_miss"
    WRONG_GOLD = "wrong_gold"


class PhaseVerdict(StrEnum):
    SOUND = "sound"
    FLAWED = "flawed"
    ABSENT = "absent"
    UNSURE = "unsure"


class Preference(StrEnum):
    FIRST = "first"
    SECOND = "second"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Choice:
    """A verdict as people read it. `key`: the key that gives it, unless a person chose another."""

    verdict: str
    name: str
    key: str
    meaning: str


SHORTLIST_CHOICES = (
    Choice(ShortlistVerdict.GOOD, "Good", "1", "Every label that fits the text is in it."),
    Choice(ShortlistVerdict.MISSING_GOLD, "Missing gold", "2", "A label that fits is not in it."),
    Choice(ShortlistVerdict.OFF_TOPIC, "Off topic", "3", "Most of it has to do with other texts."),
    Choice(
        ShortlistVerdict.NEAR_MISSES, "Near misses crowd it", "4",
        "Close but wrong labels take the places of right ones.",
    ),
    Choice(ShortlistVerdict.DUPLICATES, "Duplicates", "5", "Labels that mean the same fill it."),
    Choice(ShortlistVerdict.WRONG_GOLD, "Gold is wrong", "6", "The dataset's labels are wrong."),
    Choice(ShortlistVerdict.UNSURE, "Unsure", "7", "Not to be decided from what is shown."),
)  # fmt: skip
LABEL_CHOICES = (
    Choice(LabelVerdict.RELEVANT, "Relevant", "Q", "It fits the text."),
    Choice(LabelVerdict.IRRELEVANT, "Irrelevant", "W", "It has nothing to do with the text."),
    Choice(LabelVerdict.NEAR_MISS, "Near miss", "E", "Close to a right label, and wrong."),
    Choice(LabelVerdict.WRONG_GOLD, "Gold is wrong", "T", "A gold label that does not fit."),
)
PHASE_CHOICES = (
    Choice(PhaseVerdict.SOUND, "Sound", "1", "It does its work and says nothing false."),
    Choice(PhaseVerdict.FLAWED, "Flawed", "2", "It says something false, or misses what matters."),
    Choice(PhaseVerdict.ABSENT, "Absent", "3", "The trace has no such phase."),
    Choice(PhaseVerdict.UNSURE, "Unsure", "4", "Not to be decided from what is shown."),
)
PREFERENCE_CHOICES = (
    Choice(Preference.FIRST, "Left", "1", "The left one is better."),
    Choice(Preference.SECOND, "Right", "2", "The right one is better."),
    Choice(Preference.BOTH, "Both good", "3", "Both are good, and none is better."),
    Choice(Preference.NEITHER, "Neither", "4", "Neither is good."),
)
