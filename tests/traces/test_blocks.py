"""A trace cut into blocks and label mentions."""

from core.traces.base import Mention, Phase, PhaseKind
from core.traces.blocks import blocks_of, phases_so_far, spans_of

TEXT = "intro Shortlist: a b Reasoning: c Answer: 1"


def test_text_outside_phases_is_kept_as_blocks_without_a_kind():
    blocks = blocks_of(TEXT, [Phase(PhaseKind.SHORTLISTING, 6, 20)])
    assert [b.kind for b in blocks] == [None, PhaseKind.SHORTLISTING, None]
    assert "".join(TEXT[b.start : b.end] for b in blocks) == TEXT


def test_no_phases_is_one_plain_block():
    (block,) = blocks_of(TEXT, [])
    assert (block.kind, block.start, block.end) == (None, 0, len(TEXT))
    assert blocks_of("", []) == ()


def test_overlapping_and_overlong_phases_never_show_text_twice():
    blocks = blocks_of(
        TEXT, [Phase(PhaseKind.REASONING, 10, 999), Phase(PhaseKind.SHORTLISTING, 6, 20)]
    )
    assert "".join(TEXT[b.start : b.end] for b in blocks) == TEXT


def test_phases_of_a_growing_text_run_up_to_the_next():
    phases = phases_so_far("x" * 30, [(PhaseKind.SHORTLISTING, 0), (PhaseKind.REASONING, 12)])
    assert [(p.start, p.end) for p in phases] == [(0, 12), (12, 30)]
    assert phases_so_far("", []) == ()


def test_spans_cover_a_stretch_once_and_name_labels():
    mentions = [Mention("A", 2, 5), Mention("B", 4, 8), Mention("C", 9, 12), Mention("D", 0, 99)]
    spans = spans_of(0, 12, mentions)
    assert [(s.start, s.end, s.label_id) for s in spans] == [
        (0, 2, None),
        (2, 5, "A"),
        (5, 9, None),
        (9, 12, "C"),
    ]


def test_mentions_outside_the_stretch_are_left_out():
    assert [s.label_id for s in spans_of(10, 20, [Mention("A", 2, 5)])] == [None]
    assert spans_of(5, 5, []) == ()
