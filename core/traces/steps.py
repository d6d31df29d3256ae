"""Steps of a trace: its sentences and lines, the units in which prose is read.

A step ends at a stop that a space follows, at a line's end, or after a full stop of Chinese or
Japanese. White space belongs to the step before it, so the steps of a text cover it.
"""

import re

_END = re.compile(r"(?<=[.!?;:])\s+|\n+|(?<=[。！？])")


def steps_of(text: str) -> list[tuple[int, int]]:
    """Characters (start, end) of each step, in order and without gaps; none for a blank text."""
    found: list[tuple[int, int]] = []
    start = looked = 0  # what is between the two is blank
    for end in [*(stop.end() for stop in _END.finditer(text)), len(text)]:
        if text[looked:end].strip():
            found.append((start, end))
            start = end
        looked = end
    if found and start < len(text):  # white space at the end
        found[-1] = (found[-1][0], len(text))
    return found


_NUMBER = re.compile(r"[\s\W]*\d{0,4}[.):\s]*")  # "3. "
_LEADS = re.compile(r":\s*$|(?:^|[\s(\"'-])(?:e\.g|i\.e|vs|cf|Dr|Mr|Mrs|Ms|St|Fig|z\.B)\.\s*$")
_INITIAL = re.compile(r"(?:^|[\s(\"'-])[A-Z]\.\s*$")  # "E. " before "coli"
_TAIL = 40  # characters in which a step's end is looked at


def sentences_of(text: str) -> list[tuple[int, int]]:
    """The steps of a text, in which a list's number, an abbreviation ("E. coli") and what ends with
    a colon stay with what they lead to on the same line: the units in which a trace is shown."""
    found: list[tuple[int, int]] = []
    last = 0  # where the last step begins, before it was joined to others
    for start, end in steps_of(text):
        if found and "\n" not in text[last:start].lstrip("\n") and _open(text, last, start):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
        last = start
    return found


def _open(text: str, start: int, end: int) -> bool:
    """Whether a step leads to the one that begins at `end`."""
    tail = text[max(start, end - _TAIL) : end]
    return (
        bool(_LEADS.search(tail))
        or (text[end].islower() and bool(_INITIAL.search(tail)))
        or (end - start <= _TAIL and bool(_NUMBER.fullmatch(tail)))
    )
