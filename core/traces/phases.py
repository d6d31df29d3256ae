"""Where a trace shortlists, reasons and answers, by its grammar.

A phase begins with its heading, or, without one, with its first line: a candidate line with
an anchor ("3. name <- ...") begins shortlisting, a verdict line ("3. keep: ...") reasoning.
What stands on the heading's own line ("Shortlist: 3, 4") counts as well as lines after it.
A heading alone is no phase: shortlisting needs a line that names a candidate which was shown,
by its exact name or by its number and words of its name (the prompt's own form, copied, names
none), and reasoning needs a verdict line on a shown candidate.
The boundary t* needs both. Headings count once: a model that starts over changes nothing.
"""

import re
from collections.abc import Sequence

from core.rerank.base import Candidate
from core.traces.base import BoundarySource, Phase, PhaseKind
from core.traces.grammar import Line, LineKind, read_line, read_lines
from core.traces.mentions import CandidateNames

_LINE_END = re.compile(r"[\r\n]")  # as read_lines has it, so that a stream begins the same phases

Segmented = tuple[tuple[Phase, ...], float | None, BoundarySource | None]


class PhaseDetector:
    """Finds phases while a trace is being written. Feed it text; it tells what has begun.

    A phase is told when its first line of content is complete, with the character where it
    began (its heading), so nothing told is ever taken back.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._line = ""
        self._at = 0  # where the unfinished line starts
        self._state = _State(CandidateNames(candidates))

    def feed(self, text: str) -> list[tuple[PhaseKind, int]]:
        """Phases that have begun with this piece of text, in order."""
        begun: list[tuple[PhaseKind, int]] = []
        *complete, rest = _LINE_END.split(self._line + text)
        for raw in complete:
            if raw.strip():
                begun.extend(self._state.take(raw, self._at))
            self._at += len(raw) + 1
        self._line = rest
        return begun

    def end(self) -> list[tuple[PhaseKind, int]]:
        """Phases that the last, unfinished line began."""
        return self.feed("\n") if self._line.strip() else []


class _State:
    """The phases begun so far, and headings still waiting for content."""

    def __init__(self, names: CandidateNames) -> None:
        self._names = names
        self.begun: dict[PhaseKind, int] = {}
        self._waiting: dict[PhaseKind, int] = {}

    def take(self, raw: str, start: int) -> list[tuple[PhaseKind, int]]:
        """What the next line, beginning at character `start`, begins."""
        line = read_line(raw, start)
        if PhaseKind.ANSWER in self.begun:
            return []
        if line.kind is LineKind.ANSWER:
            return self._begin(PhaseKind.ANSWER, line.start)
        if line.kind is LineKind.SHORTLIST and PhaseKind.REASONING not in self.begun:
            self._waiting.setdefault(PhaseKind.SHORTLISTING, line.start)
            if self._has_items(line, raw, start):
                return self._candidate(line)
        elif line.kind is LineKind.REASONING:
            self._waiting.setdefault(PhaseKind.REASONING, line.start)
            if self._has_items(line, raw, start):
                return self._begin(PhaseKind.REASONING, line.start)
        elif self._names.of_line(line, self._names.exact(raw, start)):
            if line.kind is LineKind.VERDICT:
                return self._begin(PhaseKind.REASONING, line.start)
            return self._candidate(line)
        return []

    def _has_items(self, heading: Line, raw: str, start: int) -> bool:
        """Whether a heading's own line lists candidates that were shown, or judges them."""
        exact = self._names.exact(raw, start)
        named = heading.kind is LineKind.SHORTLIST and bool(exact)
        return named or any(self._names.of_line(item, exact) for item in heading.items)

    def _candidate(self, line: Line) -> list[tuple[PhaseKind, int]]:
        reasoning = PhaseKind.REASONING in self._waiting or PhaseKind.REASONING in self.begun
        expected = PhaseKind.SHORTLISTING in self._waiting or line.anchored
        if reasoning or not expected:
            return []
        return self._begin(PhaseKind.SHORTLISTING, line.start)

    def _begin(self, kind: PhaseKind, start: int) -> list[tuple[PhaseKind, int]]:
        if kind in self.begun:
            return []
        self.begun[kind] = self._waiting.get(kind, start)
        return [(kind, self.begun[kind])]


def segment(
    text: str, token_offsets: Sequence[tuple[int, int]], candidates: Sequence[Candidate]
) -> Segmented:
    """(phases, t*, who says so). t* is the share of tokens before the reasoning phase.

    Without both a shortlisting and a reasoning phase there is no boundary: (phases, None, None),
    where `phases` holds what was found, maybe nothing. Without token offsets (some servers)
    t* is the share of characters.
    """
    state = _State(CandidateNames(candidates))
    answer_end = len(text)
    for line in read_lines(text):
        if (PhaseKind.ANSWER, line.start) in state.take(text[line.start : line.end], line.start):
            answer_end = line.end
    starts = sorted(state.begun.items(), key=lambda item: item[1])
    ends = [*(start for _, start in starts[1:]), answer_end]
    phases = tuple(
        Phase(kind, start, end) for (kind, start), end in zip(starts, ends, strict=False)
    )
    if not {PhaseKind.SHORTLISTING, PhaseKind.REASONING} <= state.begun.keys():
        return phases, None, None
    turn = state.begun[PhaseKind.REASONING]
    return phases, share_before(turn, text, token_offsets), BoundarySource.GRAMMAR


def share_before(at: int, text: str, token_offsets: Sequence[tuple[int, int]]) -> float:
    """The share of tokens that begin before character `at`, in [0, 1]."""
    if token_offsets:
        return sum(start < at for start, _ in token_offsets) / len(token_offsets)
    return at / len(text) if text else 0.0
