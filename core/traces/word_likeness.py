"""Whether a word of a trace is a word of a label's name in another form, or with a slip in it.

1. SURE: the same word, or one that differs by an ending of grammar alone ("asthmas", "diabetic" of
   "diabetes", "metastases" of "metastasis"); or a slip of the hand in a long word: letters left
   out, added or in the wrong order ("pnuemonia").
2. LIKELY: the same stem (Snowball's), or a slip that puts a letter in another's place. Many such
   are other words ("transport", "transportation"; "dysphagia", "dysphasia"), so it takes other
   words of the name beside them.
3. Neither: all else. That words begin alike says nothing ("hypertension", "hyperthyroidism").
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import Stemmer
from rapidfuzz.distance import DamerauLevenshtein

SLIP_FROM = 7  # letters of a word in which a slip is looked for
SLIP = 0.85  # likeness of two words, 1 = the same: one slip in seven letters
SLIP_LONGER = 3  # letters by which the lengths may differ, exclusive
_ENDINGS = frozenset(
    ["", "s", "es", "e", "d", "ed", "ing", "y", "ies", "n", "en", "ic", "al", "ally", "is", "on",
     "ve", "ion", "ive", "ation"]
)  # fmt: skip
_PLURALS = frozenset([("", "s"), ("", "es"), ("", "e"), ("", "n"), ("", "en"), ("es", "is")])
_INFLECTED_FROM = 4  # letters that must be the same
_OPPOSED = (
    ("hyper", "hypo"), ("inter", "intra"), ("ab", "ad"), ("pre", "pro"), ("macro", "micro"),
    ("endo", "ecto"), ("endo", "exo"), ("ante", "anti"), ("super", "supra"),
)  # fmt: skip


class Likeness(IntEnum):
    LIKELY = 1
    SURE = 2


@dataclass(frozen=True, slots=True)
class Meant:
    """The stem of the word of a name that a word of the trace stands for."""

    stem: str
    likeness: Likeness


def stems_of(words: Iterable[str]) -> dict[str, str]:
    """The stem of each word, in lower case."""
    different = list(dict.fromkeys(words))
    return dict(zip(different, Stemmer.Stemmer("english").stemWords(different), strict=True))


def meant_by(words: Iterable[str], of_names: Mapping[str, str]) -> dict[str, Meant]:
    """What each word of a trace stands for, where it is a word of a name. `of_names`: word -> stem;
    all in lower case."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    by_start: dict[str, list[str]] = defaultdict(list)
    for word, stem in of_names.items():
        by_stem[stem].append(word)
        by_start[word[:1]].append(word)
    found = {}
    for word, stem in stems_of(words).items():
        meant = _same(word, stem, of_names, by_stem) or _near(word, by_start[word[:1]], of_names)
        if meant is not None:
            found[word] = meant
    return found


def _same(
    word: str, stem: str, of_names: Mapping[str, str], by_stem: Mapping[str, Sequence[str]]
) -> Meant | None:
    if word in of_names:
        return Meant(of_names[word], Likeness.SURE)
    if stem not in by_stem:
        return None
    sure = any(inflected(word, one) for one in by_stem[stem])
    return Meant(stem, Likeness.SURE if sure else Likeness.LIKELY)


def _near(word: str, of_names: Sequence[str], stems: Mapping[str, str]) -> Meant | None:
    """The word of a name that a word is a form of, or a slip of the hand for: the nearest."""
    best: tuple[float, Meant] | None = None
    for one in of_names:
        if abs(len(one) - len(word)) >= SLIP_LONGER:
            continue
        likeness, kind = 0.0, Likeness.SURE
        if _endings(word, one) in _PLURALS:
            likeness = 1.0
        elif min(len(word), len(one)) >= SLIP_FROM and word.isalpha() and not opposed(word, one):
            likeness = DamerauLevenshtein.normalized_similarity(word, one, score_cutoff=SLIP)
            replaced = len(word) == len(one) and sorted(word) != sorted(one)
            kind = Likeness.LIKELY if replaced else Likeness.SURE
        if likeness and (best is None or likeness > best[0]):
            best = (likeness, Meant(stems[one], kind))
    return None if best is None else best[1]


def inflected(one: str, other: str) -> bool:
    """Whether two words of one stem differ by their endings alone."""
    endings = _endings(one, other)
    return endings is not None and _ENDINGS.issuperset(endings)


def opposed(one: str, other: str) -> bool:
    """Whether they are opposites by their first letters: no slip turns one into the other."""
    return any(
        (one.startswith(a) and other.startswith(b)) or (one.startswith(b) and other.startswith(a))
        for a, b in _OPPOSED
    )


def _endings(one: str, other: str) -> tuple[str, str] | None:
    """What follows the letters that both begin with, in order; None where these are few."""
    alike = (a == b for a, b in zip(one, other, strict=False))
    same = next((at for at, is_same in enumerate(alike) if not is_same), min(len(one), len(other)))
    if same < _INFLECTED_FROM:
        return None
    first, second = sorted((one[same:], other[same:]))
    return first, second
