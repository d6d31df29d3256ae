"""Traces that repeat themselves, or are blank, up to the length at which a model is cut off.

Each is so long that reading it in time with the square of its length would take minutes, or counts
what is looked at.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.rerank.base import Candidate, nearness_of
from core.trace_analysis import all_mentions
from core.traces.anchors import anchors_of
from core.traces.base import FinishReason, Phase, PhaseKind, Trace
from core.traces.functions import functions_of
from core.traces.importing.thinking import thinking_of
from core.traces.mentions import find_mentions
from core.traces.prose_answer import answer_span
from core.traces.reading import reading_of
from core.traces.references import referred
from core.traces.steps import steps_of
from pages.parts.trace_reader import _steps

LABELS = ("Heart failure", "Edema", "Cough", "Pneumonia", "Asthma")
CANDIDATES = tuple(
    Candidate(number, f"#{number}", name, nearness_of(0.6))
    for number, name in enumerate(LABELS, start=1)
)
LONG = 120_000  # characters


def repeated(text: str) -> str:
    return text * (LONG // len(text))


@pytest.mark.parametrize("blank", ["\n", " \n", "\t", "\u3000\n"])
def test_a_blank_trace(blank: str) -> None:
    text = repeated(blank)
    assert answer_span(text, (), CANDIDATES) is None
    assert thinking_of(text) is None
    assert steps_of(text) == []
    steps = steps_of(f"a{text}b")
    assert (steps[0][0], steps[-1][1]) == (0, len(text) + 2)
    assert len(steps) <= 2


@pytest.mark.parametrize(
    "said",
    [
        "The label is asthma here ", "the label is that ", "Answer: ", "- Label:\n", "# Labels\n",
        "- Asthma\n", "Asthma\n", "1, ", "<answer> ", "\\boxed{", "\\boxed{{a}", "answer is?", "(",
    ],
)  # fmt: skip
def test_an_answer_is_looked_for_in_a_trace_that_repeats_itself(said: str) -> None:
    text = f"{repeated(said)}\n\nEdema"
    mentions = all_mentions(text, CANDIDATES, "")
    assert answer_span(text, mentions, CANDIDATES) is not None


@pytest.mark.parametrize("said", ["- Asthma\n", "1. Cough\n", "5. keep: asthma\n"])
def test_lines_that_name_labels(said: str) -> None:
    text = said * 25_000
    assert len(find_mentions(text, CANDIDATES)) == 25_000


def test_numbers_of_labels() -> None:
    text = "see [4] or I10 or L1, L2 " * 30_000
    code = Candidate(6, "I10", "Hypertension")
    assert len(referred(text, (*CANDIDATES, code), "")) == 4 * 30_000


@pytest.mark.parametrize("mark", ["“", "„", "«", "‘", '"', "<-"])
def test_quotations_that_are_never_closed(mark: str) -> None:
    text = repeated(f"{mark}ab ")
    assert anchors_of(text, "The heart is failing.") == ()
    assert functions_of(text, (), (), "")
    ended = f"{text}\n“the heart”"
    assert anchors_of(ended, "The heart is failing.")[-1:]


@pytest.mark.parametrize("said", ["asthma fits; ", "asthma fits, ", "not keep ", "asthma "])
def test_what_steps_do(said: str) -> None:
    text = repeated(said)
    mentions = find_mentions(text, CANDIDATES)
    kinds = (PhaseKind.SHORTLISTING, PhaseKind.REASONING)
    phases = [Phase(kinds[at // 60 % 2], at, at + 60) for at in range(0, LONG, 60)]
    assert functions_of(text, phases, mentions, "")[-1].end == len(text)


class Counted(Sequence[object]):
    """Counts how often one of its items is read."""

    def __init__(self, items: Sequence[object]) -> None:
        self.items, self.read = items, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        self.read += 1
        return self.items[at]


def test_the_reader_looks_at_each_quotation_once() -> None:
    text = 'He said "ankles were swollen" again. ' * 2_000
    trace = Trace(text, FinishReason.STOP, 0, 0, 0.0, None)
    reading = reading_of(trace, "Her ankles were swollen.", CANDIDATES, None)
    anchors = Counted(reading.anchors)
    drawn = _steps(replace(reading, anchors=anchors), {}, None)  # type: ignore[arg-type]
    assert len(reading.anchors) == len(drawn) == 2_000
    assert [[words[0], words[3]] for words in drawn[7]["words"]] == [
        ['He said "', -1], ["ankles were swollen", 7], ['" again. ', -1],
    ]  # fmt: skip
    assert anchors.read <= 2 * len(anchors)


def test_the_reader_draws_one_endless_step() -> None:
    text = "asthma " * 30_000
    trace = Trace(text, FinishReason.STOP, 0, 0, 0.0, None)
    trace = replace(trace, mentions=find_mentions(text, CANDIDATES))
    (step,) = _steps(reading_of(trace, "", CANDIDATES, None), {"#5": 0}, None)
    assert [words[:3] for words in step["words"][:3]] == [
        ["asthma", 0, True], [" ", -1, True], ["asthma", 0, True],
    ]  # fmt: skip
