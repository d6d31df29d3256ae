"""Phases of traces in free prose, with and without tags; boundaries that a person moves."""

import pytest

from core.rerank.base import Candidate
from core.traces.base import BoundarySource, Phase, PhaseKind
from core.traces.prose import alternations, moved, segment_any, turn_of

S, R, A = PhaseKind.SHORTLISTING, PhaseKind.REASONING, PhaseKind.ANSWER
LABELS = ("Heart failure", "Pneumonia", "Asthma", "Kidney disease")
CANDIDATES = tuple(Candidate(-n, f"L{n}", name) for n, name in enumerate(LABELS, start=1))
PROSE = (
    "The text mentions breath and ankles. This could be heart failure. Pneumonia is possible too. "
    "Asthma might be considered. Kidney disease perhaps. "
    "However, there is no fever, so pneumonia does not fit and is dropped. "
    "Asthma is wrong because there is no wheezing. Kidney disease is not supported either. "
    "But heart failure fits the swollen ankles exactly, so I keep it. "
)


def test_prose_has_phases_by_change_point_with_confidence() -> None:
    phases, boundary, source = segment_any(PROSE, (), CANDIDATES)
    assert source is BoundarySource.CHANGE_POINT
    assert boundary is not None
    assert 0.2 < boundary < 0.6
    assert [p.kind for p in phases][:2] == [S, R]
    assert all(p.confidence is not None and 0 <= p.confidence <= 1 for p in phases)


def test_what_stands_after_the_tags_is_the_answer() -> None:
    text = f"<think>\n{PROSE}\n</think>\n\nHeart failure"
    phases, boundary, _ = segment_any(text, (), CANDIDATES)
    assert phases[-1].kind is A
    assert text[phases[-1].start :] == "Heart failure"
    assert boundary is not None
    assert all(p.end <= text.index("</think>") for p in phases[:-1])


def test_our_own_grammar_goes_first() -> None:
    text = 'Shortlist:\n1. Heart failure <- "x"\nReasoning:\n1. keep: y\nAnswer: 1'
    shown = (Candidate(1, "L1", "Heart failure"),)
    assert segment_any(text, (), shown)[2] is BoundarySource.GRAMMAR


@pytest.mark.parametrize("text", ["", "   \n ", "<think></think>"])
def test_a_trace_without_words_has_no_phases(text: str) -> None:
    assert segment_any(text, (), CANDIDATES)[1:] == (None, None)


def phases(*kinds: PhaseKind) -> list[Phase]:
    return [Phase(kind, 10 * at, 10 * at + 10) for at, kind in enumerate(kinds)]


def test_t_star_is_the_first_turn_and_alternations_are_counted() -> None:
    assert turn_of(phases(S, R, S, R, A)) == 10
    assert alternations(phases(S, R, S, R, A)) == 2
    for one_phase in ((S,), (R,), (R, S), (A,), ()):
        assert turn_of(phases(*one_phase)) is None


def test_a_moved_boundary_leaves_one_phase_on_each_side_and_the_answer() -> None:
    made = moved(phases(S, R, S, R, A), 25, 60)
    assert [(p.kind, p.start, p.end) for p in made] == [(S, 0, 25), (R, 25, 40), (A, 40, 50)]
    assert moved(phases(S, R), None, 20) == ()
    assert [p.kind for p in moved(phases(S, R, A), None, 30)] == [A]
    inside = moved(phases(S, R, A), 25, 30)
    assert [(p.kind, p.start, p.end) for p in inside] == [(S, 0, 25), (A, 25, 30)]
    assert [(p.kind, p.start, p.end) for p in moved(phases(S, R), 0, 20)] == [(R, 0, 20)]
