"""Which labels a trace names, and where."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from core.rerank.base import Candidate
from core.traces.base import Mention
from core.traces.grammar import Line, LineKind, read_lines, with_items

_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    (
        "a",
        "an",
        "and",
        "by",
        "for",
        "in",
        "of",
        "on",
        "or",
        "other",
        "the",
        "to",
        "unspecified",
        "with",
        "without",
    )
)


def find_mentions(text: str, candidates: Sequence[Candidate]) -> tuple[Mention, ...]:
    """Where the text names candidates, in order of the text and without overlaps.

    Exact names (any case, any spacing; the longest name wins) have `exact` True. A candidate's
    number at the start of a line ("3. ...") counts too, with `exact` False, unless the words
    after it are another label's name or have nothing in common with the candidate's.
    """
    names = CandidateNames(candidates)
    lines = list(with_items(read_lines(text)))
    exact = _outside(names.exact(text), [one for one in lines if one.kind is LineKind.SKIP])
    numbered = []
    for line in lines:
        candidate = names.of_line(line, exact)
        if candidate is None:
            continue
        first = bisect_right(exact, line.start, key=lambda m: m.end)
        inside = exact[first : bisect_left(exact, line.end, first, key=lambda m: m.start)]
        if not any(m.label_id == candidate.label_id for m in inside):
            start, end = _number_span(text, line, inside)
            numbered.append(Mention(candidate.label_id, start, end, exact=False))
    return tuple(sorted([*exact, *numbered], key=lambda m: m.start))


def _outside(mentions: list[Mention], skipped: Sequence[Line]) -> list[Mention]:
    """The mentions that are not in a line that says "skip": a label may be named so."""
    starts = [line.start for line in skipped]

    def line_end(at: int) -> int:
        before = bisect_right(starts, at)
        return skipped[before - 1].end if before else 0

    return [m for m in mentions if m.start >= line_end(m.start)]


def _number_span(text: str, line: Line, inside: Sequence[Mention]) -> tuple[int, int]:
    """From a line's number to the end of its name, stopping before an exact mention."""
    raw = text[line.start : line.end]
    start = line.start + len(raw) - len(raw.lstrip())
    end = min([line.rest_start + len(line.rest), *(m.start for m in inside)])
    return start, start + max(len(text[start:end].rstrip()), 1)


def _alike(written: str, name: str) -> bool:
    """Whether at least half of the shorter one's words are in the other."""
    a = set(_WORD.findall(written.casefold())) - _COMMON
    b = set(_WORD.findall(name.casefold())) - _COMMON
    if not a or not b:
        return False
    return len(a & b) * 2 >= min(len(a), len(b))


class CandidateNames:
    """The names and numbers of the candidates, ready to be looked for."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.by_number = {c.number: c for c in candidates}
        self._ids: dict[str, str] = {}
        for candidate in candidates:
            words = candidate.name.split()
            if words:
                self._ids.setdefault(" ".join(words).casefold(), candidate.label_id)
        longest_first = sorted(self._ids, key=len, reverse=True)
        patterns = (r"\s+".join(map(re.escape, name.split(" "))) for name in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)

    def exact(self, text: str, start: int = 0) -> list[Mention]:
        """Exact names in a text that begins at character `start` of the trace."""
        if not self._ids:
            return []
        return [
            Mention(label_id, start + found.start(), start + found.end())
            for found in self._pattern.finditer(text)
            if (label_id := self._ids.get(" ".join(found.group().split()).casefold()))
        ]

    def of_line(self, line: Line, exact: Sequence[Mention]) -> Candidate | None:
        """The candidate that a numbered line is about, or None. `exact`: exact names, in order.

        Where the line gives the exact name of another candidate, the name counts, not the
        number: models often number their own lists from 1.
        """
        if line.kind not in (LineKind.CANDIDATE, LineKind.VERDICT) or line.number is None:
            return None
        name_end = line.rest_start + len(line.rest)
        first = bisect_left(exact, line.rest_start, key=lambda m: m.start)
        if first < len(exact) and exact[first].start < name_end:
            named = exact[first].label_id
            return next((c for c in self.by_number.values() if c.label_id == named), None)
        candidate = self.by_number.get(line.number)
        if candidate is None or not line.rest.strip():
            return candidate
        return candidate if _alike(line.rest, candidate.name) else None
