"""Whether a text has fallen into a loop, as small models do."""

import re
from itertools import groupby

SAME_LINE = 4  # this many times in a row, or
PERIODS = 4  # the end of the text made of this many equal pieces
SHORTEST_LOOP = 48  # characters that the loop must cover, so that "no, no, no, no" is none
_DIGITS = re.compile(r"\d+")


def repeats(text: str, shown: int) -> str:
    """What repeats, for a person to read, or "" when nothing does.

    Lines that differ only in their numbers count once there are more of them than the `shown`
    candidates could account for.
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    for line, count in _runs(lines):
        if count >= SAME_LINE and line:
            return f"one line {count} times in a row"
    for _, count in _runs([_DIGITS.sub("#", line) for line in lines]):
        if count > shown + 2:
            return f"{count} lines in a row that differ only in their numbers"
    return _looping_end(" ".join(text.split()))


def _runs(lines: list[str]) -> list[tuple[str, int]]:
    return [(line, len(list(group))) for line, group in groupby(lines)]


def _looping_end(text: str) -> str:
    """A loop at the end of the text: PERIODS or more equal pieces, at most 300 characters each."""
    tail = text[-1500:]
    for period in range(1, min(300, len(tail) // PERIODS) + 1):
        length = period
        while length < len(tail) and tail[-length - 1] == tail[-length - 1 + period]:
            length += 1
        if length >= period * PERIODS and length >= SHORTEST_LOOP:
            return f"the same {period} characters {length // period} times at the end"
    return ""
