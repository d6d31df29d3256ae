"""What in a text speaks for a label, and what against it, in a few words.

Words are compared by their stems (core/shortlist/lexical.py), so "fractures" is "fracture". What
the words of a text cannot tell, such as that a phrase means a label, comes from the caller: whether
the label is right, and which phrase is the nearest in meaning.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from core.shortlist.lexical import WORDS, Tokenizer

ANCHOR_WORDS = 6  # the most that an anchor has
QUOTED_WORDS = 5  # the most that evidence quotes of a label
_WORD = re.compile(r"[^\W_]+(?:\.[0-9]+)*(?:['’]s)?")
_NEGATION = re.compile(
    r"\b(?:no|not|without|denies|denied|negative for|absence of|absent|never|excluding|except)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.;:!?\n]|,|\bbut\b")


@dataclass(frozen=True, slots=True)
class Word:
    """Characters start..end of a text and the stem of what stands there; "" for a stop word."""

    start: int
    end: int
    stem: str


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer(WORDS)


def words_of(text: str) -> list[Word]:
    """All words of a text in order."""
    found = []
    for match in _WORD.finditer(text):
        stems = _tokenizer().words(match.group())
        found.append(Word(match.start(), match.end(), stems[0] if stems else ""))
    return found


@dataclass(frozen=True, slots=True)
class Match:
    """How a text and a label's name meet: `anchor` characters (start, end) of the text that hold
    the most of the label's words close together, or None; the words that the text has, and those
    that it lacks, as the label spells them."""

    anchor: tuple[int, int] | None
    found: tuple[str, ...]
    missing: tuple[str, ...]


def match(text: str, words: Sequence[Word], label: str) -> Match:
    """`words`: those of the text (see `words_of`)."""
    wanted = [word for word in words_of(label) if word.stem]
    order = dict.fromkeys(word.stem for word in wanted)
    present = {word.stem for word in words} & set(order)
    spelled = {word.stem: label[word.start : word.end] for word in reversed(wanted)}
    found = tuple(spelled[stem] for stem in order if stem in present)
    missing = tuple(spelled[stem] for stem in order if stem not in present)
    return Match(_anchor(words, present), found, missing)


def _anchor(words: Sequence[Word], present: set[str]) -> tuple[int, int] | None:
    """The shortest run of at most ANCHOR_WORDS words that holds the most of `present`; the first
    of equals."""
    best: tuple[int, int] | None = None
    rank = (0, 0)
    for first, word in enumerate(words):
        if word.stem not in present:
            continue
        held: set[str] = set()
        for last in range(first, min(first + ANCHOR_WORDS, len(words))):
            stem = words[last].stem
            if stem in present and stem not in held:
                held.add(stem)
                if (len(held), first - last) > rank:
                    rank, best = (len(held), first - last), (word.start, words[last].end)
    return best


def negated(text: str, anchor: tuple[int, int]) -> bool:
    """Whether the clause up to the anchor says that it is not so."""
    before = text[: anchor[0]]
    clause = before[max((found.end() for found in _CLAUSE_END.finditer(before)), default=0) :]
    return bool(_NEGATION.search(clause))


@dataclass(frozen=True, slots=True)
class Rival:
    """A label that was kept, beside one that is dropped. `wider`, `narrower`: whether the dropped
    one stands above or below it in the hierarchy."""

    number: int
    name: str
    wider: bool = False
    narrower: bool = False


def for_it(
    text: str,
    words: Sequence[Word],
    label: str,
    nearest: Callable[[], tuple[int, int]],
) -> tuple[str, str]:
    """(anchor, evidence) for a label that is right.

    `nearest`: the characters of the text that come nearest in meaning, asked where no word is
    shared.
    """
    met = match(text, words, label)
    if met.anchor is None:
        anchor = quoted(text, nearest())
        return anchor, f'"{anchor}" means this'
    anchor = quoted(text, met.anchor)
    if not met.missing:
        return anchor, f'the text says "{anchor}"'
    return anchor, f'"{anchor}" fits, "{listed(met.missing)}" goes with it'


def against_it(
    text: str,
    words: Sequence[Word],
    label: str,
    rivals: Sequence[Rival],
    nearest: Callable[[], tuple[int, int]],
) -> tuple[str, str]:
    """(anchor, evidence) for a label that is wrong, the first that holds: the text denies it; it is
    wider or narrower than one that was kept; it says what the text does not; it lacks what the text
    and a kept one say; it is only near. `rivals`: labels that were kept, the most alike first."""
    met = match(text, words, label)
    anchor = quoted(text, met.anchor or nearest())
    if met.anchor and negated(text, met.anchor):
        return anchor, f'the text denies "{listed(met.found)}"'
    for rival in rivals:
        if rival.wider:
            return anchor, f"wider than {rival.number}"
        if rival.narrower and met.missing:
            return anchor, f'narrower than {rival.number}, "{listed(met.missing)}" is not said'
    if rivals:
        own = {word.stem for word in words_of(label)}
        lacked = _lacked(text, words, rivals[0].name, own)
        if met.missing and lacked:
            return anchor, f'says "{listed(met.missing)}" where the text says "{listed(lacked)}"'
        if lacked:
            return anchor, f'lacks "{listed(lacked)}"'
    if met.missing:
        return anchor, f'"{listed(met.missing)}" is not said'
    return anchor, f"{rivals[0].number} is closer" if rivals else "only near the text"


def _lacked(text: str, words: Sequence[Word], rival: str, own: set[str]) -> tuple[str, ...]:
    """Words that the text and the rival say and the label does not, as the text spells them."""
    wanted = dict.fromkeys(word.stem for word in words_of(rival) if word.stem)
    spelled = {word.stem: text[word.start : word.end] for word in reversed(words)}
    return tuple(spelled[stem] for stem in wanted if stem in spelled and stem not in own)


def quoted(text: str, span: tuple[int, int]) -> str:
    """Those characters in one line, without quotation marks, at most ANCHOR_WORDS words."""
    words = text[slice(*span)].replace('"', "").split()
    return " ".join(words[:ANCHOR_WORDS])


def listed(words: Sequence[str]) -> str:
    return " ".join(word.replace('"', "") for word in words[:QUOTED_WORDS])


def clauses(text: str) -> list[tuple[int, int]]:
    """Characters (start, end) of the parts between stops, without the space around them; the
    whole text where there is no stop."""
    spans = []
    start = 0
    for end in [*(found.start() for found in _CLAUSE_END.finditer(text)), len(text)]:
        part = text[start:end]
        if any(map(str.isalnum, part)):
            left = start + len(part) - len(part.lstrip(" ,.;:!?\n"))
            spans.append((left, start + len(part.rstrip())))
        start = end
    return spans or [(0, len(text))]
