"""A trace has a boundary only when it really shortlists and then really reasons."""

import pytest

from core.rerank.base import Candidate
from core.traces.base import BoundarySource, PhaseKind
from core.traces.phases import PhaseDetector, segment

LABELS = (
    Candidate(1, "L1", "Fever"),
    Candidate(2, "L2", "Cholera"),
    Candidate(3, "L3", "Typhoid"),
)
FULL = (
    "Shortlist:\n"
    '2. Cholera <- "cholera"\n'
    '3. Typhoid <- "fever"\n'
    "Reasoning:\n"
    "2. keep: named in the text\n"
    "3. drop: not named\n"
    "Answer: 2"
)


def offsets_of(text: str, size: int = 4) -> list[tuple[int, int]]:
    return [(at, min(at + size, len(text))) for at in range(0, len(text), size)]


def test_a_whole_trace_has_three_phases_that_cover_it() -> None:
    phases, boundary, source = segment(FULL, offsets_of(FULL), LABELS)
    assert [p.kind for p in phases] == list(PhaseKind)
    assert [FULL[p.start : p.end].split(":")[0] for p in phases] == [
        "Shortlist",
        "Reasoning",
        "Answer",
    ]
    assert phases[0].end == phases[1].start
    assert phases[-1].end == len(FULL)
    assert source is BoundarySource.GRAMMAR
    assert boundary == pytest.approx(FULL.index("Reasoning") / len(FULL), abs=0.05)


def test_t_star_counts_tokens_not_characters() -> None:
    turn = FULL.index("Reasoning")
    offsets = [(0, turn), (turn, turn + 1), (turn + 1, len(FULL)), (len(FULL), len(FULL))]
    assert segment(FULL, offsets, LABELS)[1] == 0.25


def test_without_token_offsets_t_star_is_a_share_of_characters() -> None:
    assert segment(FULL, [], LABELS)[1] == FULL.index("Reasoning") / len(FULL)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The patient has cholera. I would choose the second one.",
        "1. Cholera\n2. Typhoid\n3. Fever",  # a list is no shortlisting phase
        "Shortlist:\nReasoning:\nAnswer: 2",  # headings alone are no phases
        'Shortlist:\n2. Cholera <- "x"\nAnswer: 2',
        "Reasoning:\n2. keep: yes\nAnswer: 2",
        "Reasoning:\n2. keep: yes\nShortlist:\n2. Cholera",  # the wrong way round
        'Shortlist:\n2. Cholera <- "x"\nReasoning:\nbecause it is so\nAnswer: 2',
    ],
)
def test_no_boundary_without_both_phases(text: str) -> None:
    assert segment(text, [], LABELS)[1:] == (None, None)


def test_a_part_that_was_found_is_kept_even_without_a_boundary() -> None:
    phases, boundary, _ = segment('Shortlist:\n2. Cholera <- "x"\nAnswer: 2', [], LABELS)
    assert [p.kind for p in phases] == [PhaseKind.SHORTLISTING, PhaseKind.ANSWER]
    assert boundary is None


def test_phases_are_found_without_headings_by_their_lines() -> None:
    text = '2. Cholera <- "cholera"\n2. keep: yes\nAnswer: 2'
    phases, boundary, _ = segment(text, [], LABELS)
    assert [text[p.start] for p in phases] == ["2", "2", "A"]
    assert boundary is not None


@pytest.mark.parametrize(
    "shortlist", ["2, 3", "[2] and [3]", "Cholera, Typhoid", '2. Cholera <- "cholera"']
)
@pytest.mark.parametrize("reasoning", ["keep 2, drop 3", "2: keep; 3: drop", "2. keep: yes"])
def test_what_stands_on_a_headings_own_line_is_its_part(shortlist: str, reasoning: str) -> None:
    text = f"Shortlist: {shortlist}\nReasoning: {reasoning}\nAnswer: 2"
    phases, boundary, _ = segment(text, [], LABELS)
    assert [text[p.start] for p in phases] == ["S", "R", "A"]
    assert boundary == text.index("Reasoning") / len(text)
    detector = PhaseDetector(LABELS)
    begun = [b for character in text for b in detector.feed(character)] + detector.end()
    assert begun == [(p.kind, p.start) for p in phases]


def test_numbers_on_a_headings_line_that_were_not_shown_are_no_part() -> None:
    assert segment("Shortlist: 8, 9\nReasoning: keep 8\nAnswer: 8", [], LABELS)[1] is None


def test_starting_over_changes_nothing() -> None:
    first = segment(FULL, [], LABELS)[0]
    again = segment(FULL + "\n" + FULL, [], LABELS)[0]
    assert again == first


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_the_detector_tells_the_same_phases_while_text_arrives(size: int) -> None:
    detector = PhaseDetector(LABELS)
    begun = [b for at in range(0, len(FULL), size) for b in detector.feed(FULL[at : at + size])]
    begun += detector.end()
    assert begun == [(p.kind, p.start) for p in segment(FULL, [], LABELS)[0]]


def test_the_detector_waits_for_content_before_it_tells_a_phase() -> None:
    detector = PhaseDetector(LABELS)
    assert detector.feed("Shortlist:\n2. Chol") == []
    assert detector.feed("era\n") == [(PhaseKind.SHORTLISTING, 0)]
    assert detector.end() == []


def test_the_prompts_form_copied_is_no_shortlist() -> None:
    form = 'Shortlist:\n2. name of label 2 <- "words of the text"\nReasoning:\n2. keep: it fits'
    assert segment(form, [], LABELS)[1] is None


def test_verdicts_on_candidates_that_were_not_shown_are_no_reasoning() -> None:
    assert segment("Shortlist:\n2. Cholera\nReasoning:\n9. keep: it fits", [], LABELS)[1] is None


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_a_stream_begins_the_same_phases_whatever_ends_its_lines(line_end: str, piece: int) -> None:
    text = FULL.replace("\n", line_end)
    detector = PhaseDetector(LABELS)
    begun = [b for at in range(0, len(text), piece) for b in detector.feed(text[at : at + piece])]
    begun += detector.end()
    phases, _, _ = segment(text, [], LABELS)
    assert begun == [(phase.kind, phase.start) for phase in phases]
    assert len(begun) == 3


def test_labels_that_are_skipped_are_part_of_the_shortlisting_but_do_not_begin_it() -> None:
    text = FULL.replace("Shortlist:\n", "Shortlist:\n1. skip\n")
    phases, *_ = segment(text, offsets_of(text), LABELS)
    assert text[phases[0].start : phases[0].end].startswith("Shortlist:\n1. skip\n2. Cholera")
    nothing = "Shortlist:\n1. skip\n2. skip\n3. skip\nReasoning:\n2. keep: so\nAnswer: 2"
    phases, boundary, _ = segment(nothing, offsets_of(nothing), LABELS)
    assert PhaseKind.SHORTLISTING not in [phase.kind for phase in phases]
    assert boundary is None
