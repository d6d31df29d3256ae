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
