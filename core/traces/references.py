"""Labels that a foreign trace names otherwise than by their names: by code ("E11.21"), or by their
number in the prompt ("L4", "label 4", "[4]").

A number can be looked up only where it is known what the model was shown. "L4" is written of a
vertebra as well, so it counts only where a trace writes several such numbers, and none of them
stands in the document.
"""

import re
from collections.abc import Sequence

from core.rerank.base import Candidate
from core.traces.base import Mention

SHORTEST_CODE = 3  # characters; a shorter one is too often something else
_LETTER = re.compile(r"(?<![\w.\-/])[Ll](\d{1,3})(?![\w\-/]|\.\d)")
_WORD = re.compile(
    r"(?<!\w)(?:(?:labels?|candidates?|options?|choices?|items?|numbers?|no\.|nr\.)\s?#?|#)(\d{1,3})"
    r"(?![\w%]|[.,]\d)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"(?<![\w\]])\[(\d{1,3})\](?!\()")
_BARE = re.compile(  # "1,4" are two numbers, "1.4" and "0,4" are none
    r"(?<![\w.\-/])(?<!(?<!\d)0,)#?(\d{1,3})(?![\w%\-/]|\.\d)"
)


def referred(text: str, candidates: Sequence[Candidate], document: str) -> tuple[Mention, ...]:
    """Mentions by code (`exact` True) and by number (`exact` False), in order and without overlaps.

    Candidates whose number is below 1 are labels that the model may never have been shown: they
    are found by code alone.
    """
    codes = _codes(text, candidates)
    by_number = _by_number(candidates)
    lettered = [m for m in _LETTER.finditer(text) if int(m[1]) in by_number]
    in_document = {m[0].casefold() for m in _LETTER.finditer(document)}
    several = len({m[1] for m in lettered}) > 1
    if not several or in_document & {m[0].casefold() for m in lettered}:
        lettered = []
    numbered = [*lettered, *_WORD.finditer(text), *_BRACKET.finditer(text)]
    named = [
        Mention(by_number[int(match[1])], match.start(), match.end(), exact=False)
        for match in sorted(numbered, key=re.Match.start)
        if int(match[1]) in by_number
    ]
    found: list[Mention] = []
    for mention in apart(named, codes):
        if not found or found[-1].end <= mention.start:
            found.append(mention)
    return tuple(sorted([*codes, *found], key=lambda m: m.start))


def apart(mentions: Sequence[Mention], taken: Sequence[Mention]) -> list[Mention]:
    """Those of `mentions` that overlap none of `taken`; both in order, `taken` without overlaps."""
    left, at = [], 0
    for mention in mentions:
        while at < len(taken) and taken[at].end <= mention.start:
            at += 1
        if at == len(taken) or mention.end <= taken[at].start:
            left.append(mention)
    return left


def bare_numbers(text: str, candidates: Sequence[Candidate]) -> list[tuple[int, str]]:
    """(character, label id) of each number that is a candidate's, in order: for where an answer is
    meant."""
    by_number = _by_number(candidates)
    numbers = ((match.start(), int(match[1])) for match in _BARE.finditer(text))
    return [(at, by_number[number]) for at, number in numbers if number in by_number]


def without_numbers(text: str) -> str:
    """The text without its bare numbers."""
    return _BARE.sub(" ", text)


def _by_number(candidates: Sequence[Candidate]) -> dict[int, str]:
    return {c.number: c.label_id for c in candidates if c.number > 0}


def _codes(text: str, candidates: Sequence[Candidate]) -> list[Mention]:
    codes = sorted(
        {
            c.label_id
            for c in candidates
            if len(c.label_id) >= SHORTEST_CODE and any(map(str.isdigit, c.label_id))
        },
        key=len,
        reverse=True,
    )
    if not codes:
        return []
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, codes))})(?!\w|\.\w)")
    return [Mention(match[0], match.start(), match.end()) for match in pattern.finditer(text)]
