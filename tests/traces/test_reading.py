"""What a reader of a trace is shown beside its text."""

import pytest

from core.rerank.base import Candidate
from core.traces.anchors import anchors_of
from core.traces.base import BoundarySource, FinishReason, PhaseKind, Trace
from core.traces.contradictions import Contradiction
from core.traces.functions import StepFunction
from core.traces.markdown import markdown_of
from core.traces.mentions import find_mentions
from core.traces.phases import segment
from core.traces.reading import Reading, reading_of

DOCUMENT = "The heart is failing; her ankles were swollen, and the breath short."
TEXT = (
    'Shortlist:\n1. Heart failure <- "heart is failing"\n2. Asthma <- "breath short"\n'
    "Reasoning:\n1. keep: swollen ankles\n2. drop: no wheezing\nAnswer: 2"
)
CANDIDATES = (Candidate(1, "L1", "Heart failure"), Candidate(2, "L2", "Asthma"))
S, R, A = PhaseKind.SHORTLISTING, PhaseKind.REASONING, PhaseKind.ANSWER


def trace(text: str = TEXT, offsets: tuple[tuple[int, int], ...] = ()) -> Trace:
    phases, boundary, source = segment(text, offsets, CANDIDATES)
    return Trace(
        text, FinishReason.STOP, 0, len(offsets), 1.0, None, offsets, phases, boundary, source,
        find_mentions(text, CANDIDATES),
    )  # fmt: skip


def reading(**options: object) -> Reading:
    asked: dict[str, object] = {"answer": ("L2",)} | options
    return reading_of(trace(), DOCUMENT, CANDIDATES, **asked)


def test_steps_have_phases_and_functions() -> None:
    found = reading()
    assert "".join(TEXT[step.start : step.end] for step in found.steps) == TEXT
    assert found.step_phase == (S, S, S, R, R, R, A)
    assert [step.function for step in found.steps][4:] == [
        StepFunction.KEEP, StepFunction.DROP, StepFunction.ANSWER,
    ]  # fmt: skip


def test_contradictions_lead_to_their_step() -> None:
    found = reading()
    assert [(one.label_id, one.kind) for one in found.contradictions] == [
        ("L1", Contradiction.KEPT_NOT_ANSWERED),
        ("L2", Contradiction.DROPPED_YET_ANSWERED),
    ]
    assert found.contradictions[0].at is not None
    assert found.step_of(found.contradictions[0].at) == 4
    assert reading(answer=None).contradictions == ()


def test_points_of_the_curves_and_steps_lead_to_each_other() -> None:
    found = reading()
    assert found.ends[-1] == 1.0
    assert list(found.ends) == sorted(found.ends)
    for at, end in enumerate(found.ends):
        assert found.step_at(end) == at
    assert (found.step_at(0.0), found.step_at(1.0), found.step_at(2.0)) == (0, 6, 6)
    by_tokens = reading_of(trace(offsets=((0, 10), (10, 120), (120, len(TEXT)))), DOCUMENT, (), ())
    assert set(by_tokens.ends) <= {1 / 3, 2 / 3, 1.0}


def test_the_outline_begins_each_phase_and_passes_over_steps_that_do_nothing() -> None:
    lines = reading().outline()
    assert [line.step for line in lines] == [0, 1, 2, 3, 4, 5, 6]
    dull = reading_of(trace("Well. Well. Well."), DOCUMENT, CANDIDATES, None)
    assert [line.step for line in dull.outline()] == [0]


def test_a_moved_boundary_holds_and_the_machines_stays() -> None:
    at = TEXT.index("2. Asthma")
    found = reading(moved_to=(at,))
    assert found.trace.boundary_source is BoundarySource.HUMAN
    assert found.trace.boundary == pytest.approx(at / len(TEXT))
    assert found.step_phase == (S, S, R, R, R, R, A)
    assert found.machine.boundary_source is BoundarySource.GRAMMAR
    none = reading(moved_to=(None,))
    assert none.trace.boundary is None
    assert {phase.kind for phase in none.trace.phases} == {A}


def test_an_empty_trace_can_be_read() -> None:
    empty = reading_of(trace(""), DOCUMENT, CANDIDATES, None)
    assert (empty.steps, empty.ends, empty.outline()) == ((), (), ())
    assert empty.step_at(0.5) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('It says "Ankles were  swollen".', ["ankles were swollen"]),
        ("1. Asthma <- breath, short", ["breath short"]),
        ("“her ankles” and «heart is»", ["her ankles", "heart is"]),
        ('"no such words" or "a"', []),
        ('"the heart" "the heart"', ["The heart", "The heart"]),
        ('"" "  "', []),
    ],
)
def test_words_of_the_document_that_the_trace_quotes(text: str, found: list[str]) -> None:
    anchors = anchors_of(text, DOCUMENT)
    assert [DOCUMENT[a.document_start : a.document_end] for a in anchors] == found


def test_as_markdown_nothing_in_the_texts_is_read_as_markdown() -> None:
    text = TEXT.replace("swollen ankles", "``` # not a heading \u202e")
    found = markdown_of(
        reading_of(trace(text), "````\n# doc", CANDIDATES, ("L2",)), "title\nmore", "http://x", "a"
    )
    assert found.startswith("# title more\n")
    assert [line for line in found.splitlines() if line.startswith("## ")] == [
        "## Document", "## Shortlisting", "## Reasoning", "## Answer",
    ]  # fmt: skip
    assert "\u202e" not in found
    assert "````text\nReasoning:" in found
