"""What the steps of a trace do, by rules."""

import pytest

from core.rerank.base import Candidate, Verdict
from core.traces.base import Phase, PhaseKind
from core.traces.functions import MEANINGS, StepFunction, functions_of, verdicts_of
from core.traces.mentions import find_mentions

CANDIDATES = (Candidate(1, "L1", "Heart failure"), Candidate(2, "L2", "Heart disease"))
DOCUMENT = "The patient was admitted with shortness of breath and swollen ankles."


def of(text: str, kind: PhaseKind | None = PhaseKind.REASONING) -> list[StepFunction]:
    phases = (Phase(kind, 0, len(text)),) if kind else ()
    steps = functions_of(text, phases, find_mentions(text, CANDIDATES), DOCUMENT)
    assert "".join(text[step.start : step.end] for step in steps) == text
    return [step.function for step in steps]


@pytest.mark.parametrize(
    ("text", "kind", "function"),
    [
        ("Heart failure could fit here.", PhaseKind.SHORTLISTING, StepFunction.PROPOSE),
        ("Perhaps heart failure.", None, StepFunction.PROPOSE),
        ("So heart failure stays.", PhaseKind.REASONING, StepFunction.KEEP),
        ("Heart disease is too broad.", PhaseKind.REASONING, StepFunction.DROP),
        ("It does not fit.", PhaseKind.REASONING, StepFunction.DROP),
        ("It fits, but is too broad.", PhaseKind.REASONING, StepFunction.DROP),
        ("It is broad, but it fits.", PhaseKind.REASONING, StepFunction.KEEP),
        ("So heart disease is just the wrong one.", PhaseKind.REASONING, StepFunction.DROP),
        ("Heart failure holds.", PhaseKind.REASONING, StepFunction.KEEP),
        ("I can rule it out.", PhaseKind.REASONING, StepFunction.DROP),
        ("Heart failure is narrower than heart disease.", PhaseKind.REASONING,
         StepFunction.COMPARE),
        ("Wait, let me re-read the text.", PhaseKind.REASONING, StepFunction.CHECK),
        ('It says "shortness of breath".', PhaseKind.SHORTLISTING, StepFunction.ANCHOR),
        ("The patient came with swollen ankles.", None, StepFunction.ANCHOR),
        ("The final answer is: heart failure.", None, StepFunction.ANSWER),
        ("Heart failure.", PhaseKind.ANSWER, StepFunction.ANSWER),
        ("Okay.", None, StepFunction.OTHER),
        ("1. keep: the breath is short", PhaseKind.REASONING, StepFunction.KEEP),
        ("2. drop: too broad", PhaseKind.REASONING, StepFunction.DROP),
        ('1. Heart failure <- "breath"', PhaseKind.SHORTLISTING, StepFunction.PROPOSE),
        ("2. skip", PhaseKind.SHORTLISTING, StepFunction.SKIP),
    ],
)  # fmt: skip
def test_a_step_has_the_function_that_its_words_say(
    text: str, kind: PhaseKind | None, function: StepFunction
) -> None:
    assert of(text, kind) == [function]


def test_the_steps_of_a_trace_follow_each_other_and_name_their_labels() -> None:
    text = "Could be heart failure.\nOr heart disease. Heart disease is too broad.\nKeep the first."
    mentions = find_mentions(text, CANDIDATES)
    steps = functions_of(text, (), mentions, DOCUMENT)
    assert [step.labels for step in steps] == [("L1",), ("L2",), ("L2",), ()]
    assert functions_of("", (), (), "") == ()


K, D = Verdict.KEEP, Verdict.DROP
THREE = (
    Candidate(1, "A", "Asthma"), Candidate(2, "C", "COPD"), Candidate(3, "H", "Hypertension"),
    Candidate(4, "F", "Foot drop"),
)  # fmt: skip


def verdicts(text: str, kind: PhaseKind = PhaseKind.REASONING) -> dict[str, Verdict]:
    phases = (Phase(kind, 0, len(text)),)
    steps = functions_of(text, phases, find_mentions(text, THREE), DOCUMENT)
    return {label: verdict for label, verdict, _ in verdicts_of(steps)}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("COPD should not be selected.", D),
        ("COPD is not included.", D),
        ("COPD doesn't belong here.", D),
        ("COPD doesn’t belong here.", D),
        ("COPD cannot be confirmed.", D),
        ("We can't include COPD.", D),
        ("I would not keep COPD.", D),
        ("COPD never fits.", D),
        ("I don't think that we include COPD.", D),
        ("There is no reason to include COPD.", D),
        ("Nor is COPD included.", D),
        ("No COPD is included.", D),
        ("copd doesnt fit", D),
        ("COPD fits nothing here.", D),
        ("COPD fits not only the text but also the code.", K),
        ("It is not just broad, COPD fits.", K),
        ("No, COPD fits.", K),
        ("There is no doubt that COPD fits.", K),
        ("Not a fever, but COPD fits.", K),
        ("Without a fever COPD fits.", K),
        ("COPD should not be dropped.", K),
        ("COPD is not too broad.", K),
    ],
)
def test_a_verdict_that_is_denied_is_the_other_one(text: str, verdict: Verdict) -> None:
    assert verdicts(text) == {"C": verdict}


@pytest.mark.parametrize(
    "text",
    [
        "COPD cannot be ruled out.",
        "COPD could fit.",
        "Does COPD fit?",
        "It is COPD.",
        "So it is Asthma or Foot drop then.",
        "Asthma is closer than COPD, which is why I keep both.",
    ],
)
def test_what_is_no_verdict(text: str) -> None:
    assert verdicts(text) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Asthma fits; COPD does not fit.", {"A": K, "C": D}),
        ("Asthma stays, COPD is dropped.", {"A": K, "C": D}),
        ("Asthma applies; COPD is too broad; Hypertension is not mentioned.",
         {"A": K, "C": D, "H": D}),
        ("Asthma fits and COPD does not fit.", {"A": K, "C": D}),
        ("Asthma stays while COPD is dropped.", {"A": K, "C": D}),
        ("Asthma, COPD, and Hypertension are dropped.", {"A": D, "C": D, "H": D}),
        ("I keep Asthma (wheeze), COPD (smoke) and Hypertension.", {"A": K, "C": K, "H": K}),
        ("Neither Asthma nor COPD fits.", {"A": D, "C": D}),
        ("Asthma, not COPD, fits.", {"A": K}),
        ("I keep Asthma over COPD.", {"A": K}),
        ("Asthma is narrower than COPD, so Hypertension stays.", {"H": K}),
        ("Foot drop stays, COPD goes.", {"F": K}),
        ("COPD: a single word; too vague; drop", {"C": D}),
        ("Asthma fits; COPD is closer; it stays", {"A": K, "C": K}),
        ("Asthma or COPD; too vague", {}),
        ("COPD's wrong, Asthma's in.", {"C": D}),
        ("Asthma is in the list.", {}),
        ("2. drop: Asthma fits better", {"C": D}),
        ("3. keep: Hypertension is stated, and Asthma is wrong", {"H": K}),
    ],
)  # fmt: skip
def test_each_clause_decides_about_its_own_labels(text: str, expected: dict[str, Verdict]) -> None:
    assert verdicts(text) == expected


def test_nothing_is_decided_while_labels_are_only_gathered() -> None:
    assert verdicts("Asthma fits, COPD is too broad.", PhaseKind.SHORTLISTING) == {}


def test_a_step_that_keeps_one_label_and_drops_another_compares_them() -> None:
    assert of("Heart failure stays, heart disease is dropped.") == [StepFunction.COMPARE]


def test_items_in_one_line_are_a_step_each() -> None:
    text = "Heart failure fits; heart disease is too broad; it is vague."
    assert of(text) == [StepFunction.KEEP, StepFunction.DROP, StepFunction.OTHER]


def test_every_function_has_a_meaning_in_words() -> None:
    assert set(MEANINGS) == set(StepFunction)
