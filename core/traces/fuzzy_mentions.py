"""Labels that a trace names in other words than their own: most of a name's words, in any order and
form, close together, small slips of spelling included.

1. Words are compared by their stems (the first letters); a word of the trace that is no label's is
   taken for the label's word that it is nearest to, if it is near enough ("pnuemonia").
2. Within a step, a label counts as named where at least MOST of its words stand within a stretch
   not much longer than the name.
3. Of labels that are named by the same words, the one with the most of its words there is meant;
   several that are equal are all meant only where nothing tells them apart, so none is marked.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import DamerauLevenshtein

from core.rerank.base import Candidate
from core.traces.base import Mention
from core.traces.steps import steps_of

MOST = 0.7  # of a name's words
STEM = 6  # letters
SLIP_FROM = 7  # letters of a word in which a slip is looked for
SLIP = 0.85  # likeness of two words, 1 = the same: one slip in seven letters
SLACK = 3  # words that may stand between those of a name

_WORD = re.compile(r"\w+")
_COMMON = {
    "a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "other", "the", "to", "with",
    "without", "unspecified", "not", "type",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Word:
    stem: str  # or the whole word, until it is known what it stands for
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
    names = {c.label_id: _stems(c.name) for c in candidates}
    names = {label: stems for label, stems in names.items() if stems}
    labels_of = defaultdict(set)
    for label, stems in names.items():
        for stem in stems:
            labels_of[stem].add(label)
    words = [
        _Word(found.group().casefold(), found.start(), found.end())
        for found in _WORD.finditer(text)
    ]
    meant = _meant({w.stem for w in words}, {w for c in candidates for w in _words(c.name)})
    free = _outside([w for w in words if w.stem in meant], taken)
    starts = [start for start, _ in steps_of(text)]
    steps: dict[int, list[tuple[int, _Word]]] = defaultdict(list)
    at = 0
    place = {word.start: number for number, word in enumerate(words)}
    for word in free:
        while at + 1 < len(starts) and starts[at + 1] <= word.start:
            at += 1
        stem = meant[word.stem]
        steps[at].append((place[word.start], _Word(stem, word.start, word.end)))
    found: list[Mention] = []
    for step in steps.values():
        found += _of_step(step, names, labels_of)
    return tuple(found)


def _of_step(
    step: list[tuple[int, _Word]],
    names: Mapping[str, frozenset[str]],
    labels_of: Mapping[str, set[str]],
) -> list[Mention]:
    """The labels that the words of one step name. `step`: (place among all words, word)."""
    by_label: dict[str, list[tuple[int, _Word]]] = defaultdict(list)
    for place, word in step:
        for label in labels_of[word.stem]:
            by_label[label].append((place, word))
    possible = [
        one for label, words in by_label.items() for one in _stretches(label, words, names[label])
    ]
    possible.sort(key=lambda one: (-one.share, -one.words, one.start))
    chosen: list[_Found] = []
    for one in possible:
        beside = [c for c in chosen if one.start < c.end and c.start < one.end]
        if not beside:
            rivals = [
                p
                for p in possible
                if p.label_id != one.label_id
                and (p.share, p.words) == (one.share, one.words)
                and (p.start, p.end) == (one.start, one.end)
            ]
            if not rivals:
                chosen.append(one)
    chosen.sort(key=lambda one: one.start)
    return [Mention(one.label_id, one.start, one.end, exact=False) for one in chosen]


def _stretches(label: str, words: list[tuple[int, _Word]], stems: frozenset[str]) -> list[_Found]:
    """Where enough of a name's words stand close together."""
    reach = len(stems) + SLACK
    found = []
    for at, (place, first) in enumerate(words):
        inside = {first.stem}
        end = first.end
        for further, word in words[at + 1 :]:
            if further - place >= reach:
                break
            if word.stem not in inside:
                inside.add(word.stem)
                end = word.end
        share = len(inside) / len(stems)
        if share >= MOST:
            found.append(_Found(label, share, len(inside), first.start, end))
    return found


def _meant(words: set[str], of_names: set[str]) -> dict[str, str]:
    """The stem that each word of the trace stands for, where it is a word of a name."""
    stems = {word[:STEM] for word in of_names}
    long = [word for word in of_names if len(word) >= SLIP_FROM]
    found: dict[str, str] = {}
    for word in words:
        if word in _COMMON or len(word) < 3:
            continue
        if word[:STEM] in stems:
            found[word] = word[:STEM]
        elif len(word) >= SLIP_FROM and word.isalpha():
            near = [one for one in long if one[0] == word[0] and abs(len(one) - len(word)) < 3]
            likeness = {one: DamerauLevenshtein.normalized_similarity(word, one) for one in near}
            best = max(likeness, key=lambda one: likeness[one], default="")
            if best and likeness[best] >= SLIP:
                found[word] = best[:STEM]
    return found


def _outside(words: list[_Word], taken: Sequence[Mention]) -> list[_Word]:
    """Words that no mention holds already."""
    spans = sorted((m.start, m.end) for m in taken)
    left, at = [], 0
    for word in words:
        while at < len(spans) and spans[at][1] <= word.start:
            at += 1
        if at == len(spans) or word.end <= spans[at][0]:
            left.append(word)
    return left


def _stems(name: str) -> frozenset[str]:
    return frozenset(word[:STEM] for word in _words(name))


def _words(name: str) -> list[str]:
    words = (word.casefold() for word in _WORD.findall(name))
    return [word for word in words if len(word) > 2 and word not in _COMMON]
