"""What the steps of a trace do, by rules."""

import pytest

from core.rerank.base import Candidate
from core.traces.base import Phase, PhaseKind
from core.traces.functions import MEANINGS, StepFunction, functions_of
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


def test_every_function_has_a_meaning_in_words() -> None:
    assert set(MEANINGS) == set(StepFunction)
