"""Text as search sees it: folded, in words; and which parts of a name were typed.

1. Folding: compatibility forms unified (NFKD), case folded, and the marks of Latin, Greek,
   Cyrillic, Hebrew and Arabic letters dropped, so that "meniere" finds "Ménière". Marks that make
   another letter stay: a kana's dakuten, vowel signs of Indic scripts, Thai tones.
2. Words: runs of letters, digits and their marks, without a possessive ending ("Crohn's" is
   "crohn") and other apostrophes. Of a word the first WORD characters count.
3. A name is also found by a possessive without its apostrophe ("crohns"), by a hyphenated word
   without its hyphens ("xray" for "X-ray"), and, in scripts that write no spaces, from any
   character of a word on.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

WORD = 32

_DROPPED = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
)
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ς": "σ"}
)
_POSSESSIVE = re.compile("(?<=\\w)['\u2019]s(?!\\w)")
_APOSTROPHES = re.compile("(?<=\\w)['\u2019](?=\\w)")
_HYPHENATED = re.compile("\\w+(?:[-\u2010\u2011]\\w+)+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_NO_SPACES = re.compile(  # Thai, Lao, Myanmar, Khmer, kana, Han, Hangul
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_NAMESPACE = re.compile(r"[A-Za-z][\w.-]*:(?=\w)")


def folded(text: str) -> str:
    """Case and accents folded; other characters as they are."""
    if text.isascii():
        return text.lower()
    parts = _DROPPED.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", parts).translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """The words of a text, as typed or as in a name, in their order."""
    return [word[:WORD] for word in _split(folded(text))]


def key_of(text: str) -> str:
    """All words of a text with one space between; equal for texts that search takes as equal."""
    return " ".join(_split(folded(text)))


def words_to_find(name: str) -> tuple[str, list[str]]:
    """The key of a name, and every word it is to be found by (some may come twice)."""
    fold = folded(name)
    words = _split(fold)
    found = [word[:WORD] for word in words]
    ascii_only = fold.isascii()
    if "'" in fold or not ascii_only:
        found += [word[:WORD] for word in _split(_APOSTROPHES.sub("", fold))]
    if "-" in fold or not ascii_only:
        found += ["".join(_split(run))[:WORD] for run in _HYPHENATED.findall(fold)]
    if not ascii_only:
        for word in words:
            found += [word[at.start() :][:WORD] for at in _NO_SPACES.finditer(word) if at.start()]
    return " ".join(words), found


def id_key(label_id: str) -> str:
    """An id without case, accents and punctuation: "E11.9" and "e119" are the same."""
    return "".join(_split(folded(label_id)))


def id_tail(label_id: str) -> str:
    """What follows a namespace ("0000118" of "HP:0000118"), as a key; "" where there is none."""
    found = _NAMESPACE.match(label_id)
    return id_key(label_id[found.end() :]) if found else ""


def typed_parts(text: str, query: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it was typed: a word of the query at the start of a
    word (in scripts without spaces, anywhere). The pieces make up the whole text."""
    if not text:
        return []
    fold, at = _folded_with_places(text)
    marked = [False] * len(text)
    for start, end in _typed(fold, words_of(query)):
        first, last = at[start][0], at[end - 1][1]
        marked[first:last] = [True] * (last - first)
    cuts = [0, *(n for n in range(1, len(text)) if marked[n] != marked[n - 1]), len(text)]
    return [(text[a:b], marked[a]) for a, b in pairwise(cuts)]


def _typed(fold: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    for word in dict.fromkeys(words):
        for found in re.finditer(re.escape(word), fold):
            before = fold[found.start() - 1] if found.start() else " "
            if not _in_word(before) or _NO_SPACES.match(fold, found.start()):
                yield found.span()


def _folded_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The folded text without inner apostrophes, and where each of its characters comes from."""
    fold, at, start = "", [], 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.category(text[end]).startswith("M"):
            end += 1
        inner = end == start + 1 and _APOSTROPHES.match(text, start)
        part = "" if inner else folded(text[start:end])
        fold += part
        at += [(start, end)] * len(part)
        start = end
    return fold, at


def _split(fold: str) -> list[str]:
    if "'" in fold or "\u2019" in fold:
        fold = _APOSTROPHES.sub("", _POSSESSIVE.sub("", fold))
    if fold.isascii():
        return _ASCII_WORD.findall(fold)
    return "".join(one if _in_word(one) else " " for one in fold).split()


def _in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")
