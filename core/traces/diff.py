"""What changed between two texts, word by word."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

WORDS_AT_MOST = 4000  # of both texts; longer ones are compared line by line

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Change(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch of text that stayed, came or went."""

    change: Change
    text: str


def differences(before: str, after: str) -> tuple[Difference, ...]:
    """How `after` came from `before`, in reading order.

    All but the added parts make `before`, all but the removed ones make `after`. What was
    removed stands before what was added in its place.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > WORDS_AT_MOST:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[Difference] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            found.append(Difference(Change.SAME, "".join(old[a:b])))
            continue
        if b > a:
            found.append(Difference(Change.REMOVED, "".join(old[a:b])))
        if d > c:
            found.append(Difference(Change.ADDED, "".join(new[c:d])))
    return tuple(found)


def changed(parts: tuple[Difference, ...]) -> bool:
    return any(part.change is not Change.SAME for part in parts)
