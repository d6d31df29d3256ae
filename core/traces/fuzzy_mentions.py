"""Labels that a trace names in other words than their own: most of a name's words, in any order and
form, close together, small slips of spelling included.

1. A word of the trace stands for a label's word that it is a form of, or a slip for
   (core/traces/word_likeness.py). Where one word is all of a name, that must be sure.
2. Within a step, a label counts as named where at least MOST of its words stand within a stretch
   not much longer than the name.
3. Of labels that are named by the same words, the one with the most of its words there is meant;
   several that are equal are all meant only where nothing tells them apart, so none is marked.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.rerank.base import Candidate
from core.traces.base import Mention
from core.traces.steps import steps_of
from core.traces.word_likeness import Likeness, Meant, meant_by, stems_of

MOST = 0.7  # of a name's words
SLACK = 3  # words that may stand between those of a name

_WORD = re.compile(r"\w+")
_COMMON = {
    "a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "other", "the", "to", "with",
    "without", "unspecified", "not", "type",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the trace that may be one of a name. `place`: its number among all words."""

    meant: Meant
    place: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Found:
    label_id: str
    share: float
    words: int
    start: int
    end: int


def fuzzy_mentions(
    text: str, candidates: Sequence[Candidate], taken: Sequence[Mention]
) -> tuple[Mention, ...]:
    """Mentions with `exact` False, in order, none overlapping another or one of `taken`."""
    words_of = {c.label_id: _words(c.name) for c in candidates}
    stems = stems_of(word for words in words_of.values() for word in words)
    names = {
        label: frozenset(stems[word] for word in words)
        for label, words in words_of.items()
        if words
    }
    labels_of = defaultdict(set)
    for label, parts in names.items():
        for stem in parts:
            labels_of[stem].add(label)
    words = [(one.group().casefold(), *one.span()) for one in _WORD.finditer(text)]
    meant = meant_by({word for word, _, _ in words if _counts(word)}, stems)
    free = _outside(
        [
            _Word(meant[word], place, start, end)
            for place, (word, start, end) in enumerate(words)
            if word in meant
        ],
        taken,
    )
    starts = [start for start, _ in steps_of(text)]
    steps: dict[int, list[_Word]] = defaultdict(list)
    at = 0
    for one in free:
        while at + 1 < len(starts) and starts[at + 1] <= one.start:
            at += 1
        steps[at].append(one)
    found: list[Mention] = []
    for step in steps.values():
        found += _of_step(step, names, labels_of)
    return tuple(found)


def _of_step(
    step: Sequence[_Word],
    names: Mapping[str, frozenset[str]],
    labels_of: Mapping[str, set[str]],
) -> list[Mention]:
    """The labels that the words of one step name."""
    by_label: dict[str, list[_Word]] = defaultdict(list)
    for word in step:
        for label in labels_of[word.meant.stem]:
            if len(names[label]) > 1 or word.meant.likeness is Likeness.SURE:
                by_label[label].append(word)
    possible = [
        one for label, words in by_label.items() for one in _stretches(label, words, names[label])
    ]
    possible.sort(key=lambda one: (-one.share, -one.words, one.start))
    alike: dict[tuple[float, int, int, int], set[str]] = defaultdict(set)
    for one in possible:
        alike[one.share, one.words, one.start, one.end].add(one.label_id)
    chosen: list[_Found] = []  # in order, without overlaps
    for one in possible:
        at = bisect_left(chosen, one.end, key=lambda other: other.start)
        apart = at == 0 or chosen[at - 1].end <= one.start
        if apart and len(alike[one.share, one.words, one.start, one.end]) == 1:
            chosen.insert(at, one)
    return [Mention(one.label_id, one.start, one.end, exact=False) for one in chosen]


def _stretches(label: str, words: Sequence[_Word], stems: frozenset[str]) -> list[_Found]:
    """Where enough of a name's words stand close together."""
    reach = len(stems) + SLACK
    found = []
    for at, first in enumerate(words):
        inside = {first.meant.stem}
        end = first.end
        for word in words[at + 1 : at + reach]:  # each has a place of its own
            if word.place - first.place >= reach:
                break
            if word.meant.stem not in inside:
                inside.add(word.meant.stem)
                end = word.end
        share = len(inside) / len(stems)
        if share >= MOST:
            found.append(_Found(label, share, len(inside), first.start, end))
    return found


def _outside(words: Sequence[_Word], taken: Sequence[Mention]) -> list[_Word]:
    """Words that no mention holds already."""
    spans = sorted((m.start, m.end) for m in taken)
    left, at = [], 0
    for word in words:
        while at < len(spans) and spans[at][1] <= word.start:
            at += 1
        if at == len(spans) or word.end <= spans[at][0]:
            left.append(word)
    return left


def _words(name: str) -> list[str]:
    return [word for word in map(str.casefold, _WORD.findall(name)) if _counts(word)]


def _counts(word: str) -> bool:
    return len(word) > 2 and word not in _COMMON
