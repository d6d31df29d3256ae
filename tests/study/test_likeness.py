"""How alike two models' traces are, by worked examples."""

import pytest

from core.rerank.base import Candidate
from core.rerank.parser import parse
from core.study.likeness import Written, by_document, distance, jaccard, kappa, likeness
from core.traces.base import CurvePoint, Curves, FinishReason, Trace
from core.traces.mentions import find_mentions
from core.traces.phases import segment

SHOWN = tuple(Candidate(n, f"L{n}", f"label {n}", "near") for n in range(1, 5))


def written(text: str, focus: tuple[float, ...] = (), confusion: float | None = 0.5) -> Written:
    points = tuple(CurvePoint((n + 1) / 4, value, confusion) for n, value in enumerate(focus))
    curves = Curves(points, (), "") if focus else None
    phases, mentions = segment(text, (), SHOWN)[0], find_mentions(text, SHOWN)
    trace = Trace(
        text, FinishReason.STOP, 9, 9, 0.1, None, phases=phases, mentions=mentions, curves=curves
    )
    return Written("a text", trace, parse(text, SHOWN, FinishReason.STOP), SHOWN, frozenset())


def text(kept: list[int], dropped: list[int]) -> str:
    numbers = sorted([*kept, *dropped])
    lines = ["Shortlist:", *(f'{n}. label {n} <- "x"' for n in numbers), "Reasoning:"]
    lines += [f"{n}. {'keep' if n in kept else 'drop'}: why" for n in numbers]
    return "\n".join([*lines, "Answer: " + (", ".join(map(str, kept)) or "none")])


def test_a_model_is_like_itself() -> None:
    same = {"a": written(text([1], [2]), (0.2, 0.4)), "b": written(text([2], [3]), (0.1, 0.3))}
    found = likeness(by_document(same, same))
    assert (found.documents, found.shortlists, found.verdicts) == (2, 1.0, 1.0)
    assert (found.focus, found.confusion) == (0.0, 0.0)


def test_shortlists_and_verdicts_by_hand() -> None:
    teacher = {"a": written(text([1], [2, 3])), "only the teacher's": written(text([1], []))}
    student = {"a": written(text([1, 2], [4]))}
    found = likeness(by_document(teacher, student))
    assert found.documents == 1
    assert found.shortlists == pytest.approx(2 / 4)
    # labels 1 to 4: keep-keep, drop-keep, drop-none, none-drop
    chance = (1 * 2 + 2 * 1 + 1 * 1) / 16
    assert found.verdicts == pytest.approx((1 / 4 - chance) / (1 - chance))
    assert (found.focus, found.confusion) == (None, None)


def test_what_phase_1_skips_and_what_phase_2_alone_names_is_not_shortlisted() -> None:
    one = written("Shortlist:\n1. label 1\n2. skip\nReasoning:\n1. keep: x\n3. drop: y\nAnswer: 1")
    assert one.shortlist == ["L1"]
    assert written("Label 1 it is.\nAnswer: 1").shortlist == []


def test_agreement_by_its_definitions() -> None:
    assert jaccard([], []) == 1.0
    assert jaccard(["a"], []) == 0.0
    assert kappa([]) is None
    assert kappa([("keep", "keep")] * 3) is None, "nothing that could differ"
    assert kappa([("keep", "drop"), ("drop", "keep")]) == pytest.approx(-1.0)
    # Cohen 1960 in the usual example: 20 and 15 agreed of 50, 5 and 10 not
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4)


def test_the_distance_of_curves_is_over_the_t_that_both_have() -> None:
    one = (CurvePoint(0.25, 0.1, None), CurvePoint(0.5, 0.3, 0.4), CurvePoint(1.0, 0.9, 0.2))
    other = (CurvePoint(0.25, 0.2, 0.3), CurvePoint(0.5, 0.1, 0.1), CurvePoint(0.75, 9.0, 9.0))
    assert distance(one, other, "focus") == pytest.approx((0.1 + 0.2) / 2)
    assert distance(one, other, "confusion") == pytest.approx(0.3)
    assert distance(one, (), "focus") is None
