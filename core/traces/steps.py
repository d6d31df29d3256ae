"""Steps of a trace: its sentences and lines, the units in which prose is read.

A step ends at a stop that a space follows, at a line's end, or after a full stop of Chinese or
Japanese. White space belongs to the step before it, so the steps of a text cover it.
"""

import re

_END = re.compile(r"(?<=[.!?;:])\s+|\n+|(?<=[。！？])")


def steps_of(text: str) -> list[tuple[int, int]]:
    """Characters (start, end) of each step, in order and without gaps; none for a blank text."""
    found: list[tuple[int, int]] = []
    start = 0
    for end in [*(stop.end() for stop in _END.finditer(text)), len(text)]:
        if text[start:end].strip():
            found.append((start, end))
            start = end
    if found and start < len(text):  # white space at the end
        found[-1] = (found[-1][0], len(text))
    return found


_OPEN = re.compile(r"[\s\W]*\d{0,4}[.):\s]*|[^\n]*[:;]\s*")  # "3. ", "The text says: "


def sentences_of(text: str) -> list[tuple[int, int]]:
    """The steps of a text, in which a list's number and what ends with a colon or semicolon stay
    with what they lead to on the same line: the units in which a trace is shown."""
    found: list[tuple[int, int]] = []
    for start, end in steps_of(text):
        leads = found and "\n" not in text[found[-1][0] : start].lstrip("\n")
        if leads and _OPEN.fullmatch(text, found[-1][0], start):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found
