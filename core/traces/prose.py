"""Phases of a foreign trace: by its grammar where it keeps to ours, else by the segmenter of prose.

What stands after a closing `</think>` is the answer; the rest is segmented by itself. t* is where
reasoning first begins after shortlisting: of a trace that alternates, the first turn. A trace with
one phase, or none, has no t*.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from core.rerank.base import Candidate
from core.segmentation.segmenter import Part, parts_of
from core.traces.base import BoundarySource, Phase, PhaseKind
from core.traces.importing.thinking import thinking_of
from core.traces.phases import Segmented, segment, share_before
from core.traces.steps import sentences_of


def segment_any(
    text: str, token_offsets: Sequence[tuple[int, int]], candidates: Sequence[Candidate]
) -> Segmented:
    """(phases, t*, who says so), of a trace of any model."""
    found = segment(text, token_offsets, candidates)
    if found[1] is not None or not text.strip():
        return found
    start, end, after = thinking_of(text) or (0, len(text), len(text))
    phases = [_phase(part, start) for part in parts_of(text[start:end], candidates)]
    kept = [phase for phase in phases if phase is not None]
    if text[after:].strip():
        kept = [*(p for p in kept if p.kind is not PhaseKind.ANSWER)]
        kept.append(Phase(PhaseKind.ANSWER, after, len(text), confidence=1.0))
    turn = turn_of(kept)
    if turn is None:
        return tuple(kept), None, None
    return tuple(kept), share_before(turn, text, token_offsets), BoundarySource.CHANGE_POINT


def with_answer(
    text: str, phases: Sequence[Phase], span: tuple[int, int] | None
) -> tuple[Phase, ...]:
    """The phases with the answer from the step in which it stands; as they were where none was
    found, where it has its place already (after `</think>`), or where the trace turns to reasoning
    only after it."""
    if span is None:
        return tuple(phases)
    begins = max((start for start, _ in sentences_of(text) if start <= span[0]), default=span[0])
    after = [p for p in phases if p.kind is PhaseKind.ANSWER and p.start <= begins]
    turn = turn_of(phases)
    if after or (turn is not None and turn >= begins):
        return tuple(phases)
    before = [replace(p, end=min(p.end, begins)) for p in phases if p.start < begins]
    return (*before, Phase(PhaseKind.ANSWER, begins, len(text)))


def turn_of(phases: Sequence[Phase]) -> int | None:
    """The character where reasoning first begins after shortlisting; None where one is missing."""
    shortlisted = False
    for phase in sorted(phases, key=lambda p: p.start):
        shortlisted |= phase.kind is PhaseKind.SHORTLISTING
        if shortlisted and phase.kind is PhaseKind.REASONING:
            return phase.start
    return None


def alternations(phases: Sequence[Phase]) -> int:
    """How often shortlisting turns into reasoning."""
    kinds = [
        p.kind for p in sorted(phases, key=lambda p: p.start) if p.kind is not PhaseKind.ANSWER
    ]
    turn = (PhaseKind.SHORTLISTING, PhaseKind.REASONING)
    return sum(pair == turn for pair in pairwise(kinds))


def moved(phases: Sequence[Phase], at: int | None, length: int) -> tuple[Phase, ...]:
    """The phases as a person has them who says that reasoning begins at character `at`: one of
    shortlisting before it, one of reasoning after it, the answer as it was. None: no others."""
    given = [p for p in phases if p.kind is PhaseKind.ANSWER]
    if at is None:
        return tuple(given)
    answers = [replace(p, start=max(p.start, at)) for p in given if p.end > at]
    end = min((p.start for p in answers), default=length)
    parts = (Phase(PhaseKind.SHORTLISTING, 0, at), Phase(PhaseKind.REASONING, at, end))
    return (*(p for p in parts if p.end > p.start), *answers)


def _phase(part: Part, offset: int) -> Phase | None:
    if part.kind is None:
        return None
    return Phase(part.kind, part.start + offset, part.end + offset, confidence=part.confidence)
