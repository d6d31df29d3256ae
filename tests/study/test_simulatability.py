"""A simulator is helped by traces that explain, and by no others."""

import random

import pytest

from core.rerank.base import Candidate
from core.study.simulatability import Answer, simulatability

LABELS = 4


def answers(tells: str, documents: int = 80) -> list[Answer]:
    """Documents whose answer chance decides, and whose trace tells "all" or "nothing" of it."""
    drawn = random.Random(5)
    found = []
    for n in range(documents):
        shown, lines, chosen = [], [], set()
        for at in range(1, LABELS + 1):
            near = drawn.choice(["near", "far"])
            answered, coin = drawn.random() < 0.5, drawn.random() < 0.5
            shown.append(Candidate(at, f"L{at}", f"label {at}", near))
            said = answered if tells == "all" else coin
            lines.append(f"{at}. {'keep' if said else 'drop'}: as it is")
            chosen |= {f"L{at}"} if answered else set()
        # Numbered as the lines before are, so that a reader of the answer would know it all.
        numbers = "\n".join(f"{label[1:]}. {label}" for label in sorted(chosen)) or "none"
        trace = "Reasoning:\n" + "\n".join(lines) + f"\nAnswer:\n{numbers}"
        found.append(Answer(f"d{n}", "some text", shown, trace, frozenset(chosen)))
    return found


def test_a_trace_that_tells_all_leaks_all() -> None:
    found = simulatability(answers("all"))
    assert found is not None
    assert found.labels == 80 * LABELS
    assert found.leaking == 1.0
    assert found.from_both == 1.0
    assert (found.las, found.low, found.high) == (None,) * 3, "no label that does not leak"
    assert found.from_text == pytest.approx(0.5, abs=0.12)


def test_a_trace_that_tells_nothing_does_not_help() -> None:
    found = simulatability(answers("nothing"))
    assert found is not None
    assert found.las is not None
    assert abs(found.from_both - found.from_text) < 0.1
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high, "nothing that chance could not make"
    assert found.low < found.las < found.high
    assert found.leaking == pytest.approx(0.5, abs=0.12)


def test_the_answer_itself_is_not_read() -> None:
    """Else every trace would tell all."""
    found = simulatability(answers("nothing"))
    assert found is not None
    assert found.from_both < 0.7


def test_too_few_documents_or_answers_that_are_all_alike_give_nothing() -> None:
    assert simulatability(answers("all", 4)) is None
    alike = [
        Answer(a.document_id, a.text, a.candidates, a.trace, frozenset()) for a in answers("all")
    ]
    assert simulatability(alike) is None
    assert simulatability([]) is None
