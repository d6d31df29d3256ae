"""A trace cut into the blocks that a reader sees: its phases, and what lies between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.traces.base import Mention, Phase, PhaseKind


@dataclass(frozen=True, slots=True)
class Block:
    """Characters start..end; `kind` is None for text outside every phase."""

    kind: PhaseKind | None
    start: int
    end: int
    given: bool = False


def blocks_of(text: str, phases: Iterable[Phase]) -> tuple[Block, ...]:
    """The whole text as blocks in order, none overlapping; blank gaps are left out."""
    found: list[Block] = []
    at = 0
    for phase in sorted(phases, key=lambda p: (p.start, p.end)):
        start, end = max(phase.start, at), min(phase.end, len(text))
        if end <= start:
            continue
        if text[at:start].strip():
            found.append(Block(None, at, start))
        found.append(Block(phase.kind, start, end, phase.given))
        at = end
    if text[at:].strip():
        found.append(Block(None, at, len(text)))
    return tuple(found)


def phases_so_far(text: str, begun: Sequence[tuple[PhaseKind, int]]) -> tuple[Phase, ...]:
    """Phases of a growing text from where each began: every one runs up to the next."""
    ends = [*(start for _, start in begun[1:]), len(text)][: len(begun)]
    return tuple(Phase(kind, start, end) for (kind, start), end in zip(begun, ends, strict=True))


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start..end of the trace; `label_id` is None for text that names no label."""

    start: int
    end: int
    label_id: str | None


def spans_of(start: int, end: int, mentions: Iterable[Mention]) -> tuple[Span, ...]:
    """Characters start..end cut at label mentions. Of overlapping ones the first stands;
    at the same start, the longest."""
    found: list[Span] = []
    at = start
    for mention in sorted(mentions, key=lambda m: (m.start, -m.end)):
        if mention.start < at or mention.end > end or mention.end <= mention.start:
            continue
        if mention.start > at:
            found.append(Span(at, mention.start, None))
        found.append(Span(mention.start, mention.end, mention.label_id))
        at = mention.end
    if at < end:
        found.append(Span(at, end, None))
    return tuple(found)
