"""Words of the document that a trace quotes, on both sides: where they stand in each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SHORTEST = 3  # characters of a quotation
# No quotation holds the mark that opens it: of many that are never closed, each ends at the next.
_QUOTE = re.compile(r'"([^"\n]+)"|“([^“”\n]+)”|„([^„“”\n]+)[“”]|«([^«»\n]+)»|‘([^‘’\n]{4,})’')
_BARE = re.compile(r"<-+[ \t]*([^\"“\n]+)")  # an anchor without quotation marks
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Characters start..end of the trace repeat characters document_start..document_end."""

    start: int
    end: int
    document_start: int
    document_end: int


def anchors_of(text: str, document: str) -> tuple[Anchor, ...]:
    """The quotations of a trace that the document holds, in the order of the trace; case, spacing
    and signs between words do not count. Of several places in the document the first is meant."""
    words = [(w.group().casefold(), w.start(), w.end()) for w in _WORD.finditer(document)]
    places: dict[str, list[int]] = {}
    for at, (word, _, _) in enumerate(words):
        places.setdefault(word, []).append(at)
    found = []
    known: dict[tuple[str, ...], int | None] = {}  # a trace may repeat itself
    for start, end in _quoted(text):
        said = tuple(word.casefold() for word in _WORD.findall(text[start:end]))
        if said not in known:
            known[said] = _place(said, words, places)
        place = known[said]
        if place is not None:
            last = words[place + len(said) - 1]
            found.append(Anchor(start, end, words[place][1], last[2]))
    return tuple(found)


def _quoted(text: str) -> list[tuple[int, int]]:
    found = []
    for pattern in (_QUOTE, _BARE):
        for quote in pattern.finditer(text):
            group = next(n for n, part in enumerate(quote.groups(), start=1) if part is not None)
            start, end = quote.span(group)
            end = start + len(text[start:end].rstrip())
            if end - start >= SHORTEST:
                found.append((start, end))
    return sorted(found)


def _place(
    said: Sequence[str], words: Sequence[tuple[str, int, int]], places: dict[str, list[int]]
) -> int | None:
    """Where the words stand one after another, by the place of the first."""
    if not said:
        return None
    for at in places.get(said[0], ()):
        if [word for word, _, _ in words[at : at + len(said)]] == list(said):
            return at
    return None
