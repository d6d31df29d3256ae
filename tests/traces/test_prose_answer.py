"""Where a foreign trace gives its answer, and which labels it is."""

import pytest

from core.rerank.base import Candidate, nearness_of
from core.trace_analysis import all_mentions, answer_in, read
from core.traces.base import FinishReason, Trace
from core.traces.prose_answer import answer_span, answered

CANDIDATES = tuple(
    Candidate(number, f"#{number}", name, nearness_of(0.6))
    for number, name in enumerate(
        ["Heart failure", "Edema", "Cough", "St. Louis encephalitis", "Asthma"], start=1
    )
)
UNSHOWN = tuple(Candidate(-c.number, c.label_id, c.name, c.nearness) for c in CANDIDATES)
THOUGHT = (
    "Breath is short, so heart failure or asthma. A cough is not in the note, and swollen ankles "
    "point to edema, which is only a sign of the former. The answer is not simple.\n"
)


def answer(
    text: str, shown: tuple[Candidate, ...] = CANDIDATES
) -> tuple[str, tuple[str, ...] | None] | None:
    """(characters of the answer, label ids)"""
    mentions = all_mentions(text, shown, "")
    span = answer_span(text, mentions, shown)
    if span is None:
        return None
    return text[slice(*span)].strip(), answered(text, span, mentions, shown)


@pytest.mark.parametrize(
    ("end", "span", "labels"),
    [
        ("Final answer: L1, L5", "L1, L5", ("#1", "#5")),
        ("Final answer: 1, 5", "1, 5", ("#1", "#5")),
        ("answer is 1 5", "1 5", ("#1", "#5")),
        ("**Answer:** Heart failure; Asthma", "Heart failure; Asthma", ("#1", "#5")),
        ("Réponse finale : 1, 2", "1, 2", ("#1", "#2")),
        ("\\boxed{1, 2}", "1, 2", ("#1", "#2")),
        ("\\boxed{1,4}", "1,4", ("#1", "#4")),
        ("\\boxed{\\text{Edema}}", "\\text{Edema}", ("#2",)),
        ("Final answer: 1,4", "1,4", ("#1", "#4")),
        ("Final answer: [1,4]", "[1,4]", ("#1", "#4")),
        ('{"labels":[1,3]}', "[1,3]}", ("#1", "#3")),
        ("Put it in <answer> tags.\n<answer>1,3</answer>", "1,3", ("#1", "#3")),
        ("<labels>2</labels>", "2", ("#2",)),
        ('{"labels": ["Edema", "Cough"]}', '["Edema", "Cough"]}', ("#2", "#3")),
        ("## Labels\n\n- Edema\n- Cough\n", "- Edema\n- Cough", ("#2", "#3")),
        ("Final labels:\n1. Cough\n2. Edema", "1. Cough\n2. Edema", ("#3", "#2")),
        ("Heart failure, Edema and Cough.", "Heart failure, Edema and Cough.", ("#1", "#2", "#3")),
        ("- Edema\n- Asthma", "- Edema\n- Asthma", ("#2", "#5")),
        ("L1 (0.9), L2 (3)", None, None),
        ("Answer: L1 (5), L2 (3)", "L1 (5), L2 (3)", ("#1", "#2")),
        ("Answer: St. Louis encephalitis. I left Asthma out.", "St. Louis encephalitis.", ("#4",)),
        ("Final answer: none of them fits", "none of them fits", ()),
        ("So the answer is none.", "none.", ()),
        ("There it is: after all, none of them.\nLabels: []", "[]", ()),
        ("The final answer is: no label fits", "no label fits", ()),
        ("Answer: the one that I like best", None, None),
        ("Answer: Edema, not Cough", "Edema, not Cough", ("#2",)),
        ("So the answer is clearly both Edema and Cough.",
         "clearly both Edema and Cough.", ("#2", "#3")),
        ("So heart failure seems right to me.", None, None),
    ],
)  # fmt: skip
def test_an_answer_at_the_end(end: str, span: str | None, labels: tuple[str, ...] | None) -> None:
    found = answer(THOUGHT + end)
    assert found == (None if span is None else (span, labels))


def test_the_last_answer_counts() -> None:
    assert answer(f"{THOUGHT}Answer: Cough\nNo, wait. Answer: Edema") == ("Edema", ("#2",))


@pytest.mark.parametrize(
    ("end", "span", "labels"),
    [
        ("The label is Asthma? No, that is too narrow.\nCough it is then, smoking fits.\n\nCough",
         "Cough", ("#3",)),
        ("The label is nothing like this text. Asthma and cough are both close. "
         "I would go with asthma as the nearer one.", None, None),
        ("Final answer: Asthma\n\nThis is general information, the answer is no substitute for a "
         "doctor, nothing more.", "Asthma", ("#5",)),
        ("Final answer: Asthma\n\nThe answer is based on edema being absent.", "Asthma", ("#5",)),
        ("Answer: Cough. But she wheezes. So the answer is Asthma.", "Asthma.", ("#5",)),
        ("The label is not Asthma.", None, None),
        ("I think the label is Asthma here", "Asthma here", ("#5",)),
        ("Is the answer Asthma, or is the label Cough?", None, None),
        ("The answer is no simple one, but none of it matters.", None, None),
    ],
)  # fmt: skip
def test_what_is_said_in_passing_is_no_announcement(
    end: str, span: str | None, labels: tuple[str, ...] | None
) -> None:
    found = answer(THOUGHT + end)
    assert found == (None if span is None else (span, labels))


def test_a_list_that_the_trace_begins_with_is_no_answer() -> None:
    assert answer(f"Labels: Heart failure, Edema, Cough\n{THOUGHT}{THOUGHT}") is None


def test_an_answer_alone_is_found() -> None:
    assert answer("Answer: Cough") == ("Cough", ("#3",))
    assert answer("Cough") == ("Cough", ("#3",))


def test_numbers_say_nothing_where_it_is_not_known_what_was_shown() -> None:
    assert answer(f"{THOUGHT}Answer: 1, 2", UNSHOWN) is None
    assert answer(f"{THOUGHT}Answer: Edema (2)", UNSHOWN) == ("Edema (2)", ("#2",))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("<think>\nBreath is short.\n</think>\n\nThe best matches are listed be", None),
        ("Shortlist:\n1. Heart failure\nReasoning:\n1. keep: breath\nAnswer:", None),
        ("<think>\nBreath is short.\n</think>\n\n1,4", ("#1", "#4")),
        ("<think>\nBreath is short.\n</think>\n\nNone of the labels fits.", ()),
        ("<think>\nBreath is short.\n</think>\n\nOn the whole, no label applies.", ()),
        ("Shortlist:\n1. Heart failure\nReasoning:\n1. drop: well\nAnswer: none", ()),
        ("<think>\nBreath is short", None),
    ],
)
def test_an_answer_that_cannot_be_read_is_not_an_empty_one(
    text: str, labels: tuple[str, ...] | None
) -> None:
    trace = read(Trace(text, FinishReason.LENGTH, 0, 0, 0.0, None), CANDIDATES, "")
    assert answer_in(trace, CANDIDATES) == labels
