"""Which tokens of a teacher's trace play which part, read off a real tokenizer."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Settings
from core.distill.examples import COPIED_WEIGHT, VERDICT_WEIGHT
from core.distill.phases import phase_example, text_example
from core.mechanism.positions import Example as Answered
from core.models.loading import read_folder
from core.models.packaged import ensure
from core.models.weights import find_weights
from core.rerank.base import Candidate
from core.traces.base import FinishReason, NearMiss, Trace
from core.traces.phases import segment

pytestmark = pytest.mark.model

NAMES = ("Heart failure", "Heart block", "Renal colic")
SHOWN = tuple(Candidate(n, f"L{n}", name, "near") for n, name in enumerate(NAMES, start=1))
DOCUMENT = "Congestive failure of the heart"
PROMPT = f"Text: {DOCUMENT}\n\nLabels:\n" + "\n".join(
    f"{c.number}. {c.name} (near):" for c in SHOWN
)
TRACE = """Shortlist:
1. Heart failure <- "failure of the heart"
2. Heart block <- "heart"
Reasoning:
1. keep: the text says "failure of the heart"
2. drop: says "block" where the text says "failure"
Answer: 1"""


def answered(text: str = TRACE) -> Answered:
    phases, boundary, source = segment(text, (), SHOWN)
    trace = Trace(
        text, FinishReason.STOP, 1, 1, 1.0, None,
        phases=phases, boundary=boundary, boundary_source=source,
    )  # fmt: skip
    near = (NearMiss("L2", NAMES[1], "L1", 0.8),)
    return Answered(PROMPT, DOCUMENT, trace, SHOWN, (("L1", NAMES[0]),), near)


@pytest.fixture(scope="module")
def tokenizer(shared_home: Path):
    location = str(ensure(Settings(home=shared_home)))
    return read_folder(find_weights(location), "float32")[1]


def words(tokenizer, ids, at) -> str:
    return "".join(tokenizer.decode([int(ids[position])]) for position in at)


def test_weights_lie_on_what_is_decided(tokenizer) -> None:
    text = TRACE.replace("Reasoning", "3. skip\nReasoning")
    example = text_example(tokenizer, "d", answered(text), end=2)
    every = range(len(example.ids))
    heavy = [at for at in every if example.weights[at] == VERDICT_WEIGHT]
    decided = [words(tokenizer, example.ids, [at]).strip() for at in heavy]
    assert decided == ["Heart", "Heart", "skip", "keep", "drop", "1"]
    light = [at for at in every if abs(float(example.weights[at]) - COPIED_WEIGHT) < 1e-6]
    assert words(tokenizer, example.ids, light) == " failure block"
    assert not example.weights[: example.start].any()
    assert int(example.ids[-1]) == 2


def test_parts_are_where_their_words_stand(tokenizer) -> None:
    example = text_example(tokenizer, "d", answered(), end=2)
    parts = phase_example(tokenizer, example, answered())
    assert parts is not None
    ids = example.ids
    assert words(tokenizer, ids, parts.document).strip() == DOCUMENT
    assert "failure of the heart" in words(tokenizer, ids, parts.anchors)
    assert words(tokenizer, ids, parts.right).strip() == "Heart failure"
    assert words(tokenizer, ids, parts.wrong).strip() == "Heart block"
    judged = [words(tokenizer, ids, [at + 1]).strip() for at in parts.verdicts]
    assert judged == ["keep", "drop"]
    right = dict(zip(parts.late, parts.late_right, strict=True))
    assert [right[at] for at in parts.verdicts] == [True, False]
    assert max(parts.early) < min(parts.late)
    assert max((*parts.right, *parts.wrong)) < min(parts.late)


def test_a_trace_without_phases_has_no_parts(tokenizer) -> None:
    plain = answered("It is heart failure, I think.")
    example = text_example(tokenizer, "d", plain, end=2)
    assert phase_example(tokenizer, example, plain) is None
    assert example.weights[example.start :].sum() > 0


LISTED = """Shortlist:
1. Heart failure <- "failure of the heart"
2. Cough cough (near): drop, "cough" is not said
3. skip
Reasoning:
1. Heart failure (near): keep, the text says "failure of the heart"
2. Heart block (near): keep, says "heart"
3. Renal colic (near): drop, says nothing of it
Answer: 1, 2"""


def test_verdicts_are_those_of_the_reasoning_part_that_decide_as_gold_does(tokenizer) -> None:
    """Label 2 is judged among the shortlist already, and kept though it is wrong: a loss towards
    gold there would undo what the same word teaches."""
    example = text_example(tokenizer, "d", answered(LISTED), end=2)
    parts = phase_example(tokenizer, example, answered(LISTED))
    assert parts is not None
    assert set(parts.verdicts) <= set(parts.late)
    judged = [words(tokenizer, example.ids, [at + 1]).strip() for at in parts.verdicts]
    assert judged == ["keep", "drop"]
    right = dict(zip(parts.late, parts.late_right, strict=True))
    assert [right[at] for at in parts.verdicts] == [True, False]


def test_without_a_right_label_on_the_shortlist_near_misses_are_the_keys(tokenizer) -> None:
    unknown = replace(answered(), right=(("G", "Cardiac arrest"),), near_misses=())
    example = text_example(tokenizer, "d", unknown, end=2)
    parts = phase_example(tokenizer, example, unknown)
    assert parts is not None
    assert parts.right == ()
    assert "Heart failure" in words(tokenizer, example.ids, parts.wrong)
    judged = [words(tokenizer, example.ids, [at + 1]).strip() for at in parts.verdicts]
    assert judged == ["drop"], "label 1 was kept, and is not right"
