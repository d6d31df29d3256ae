"""Labels found while a person types.

Every typed word is the start of a word of the name, in any order; or all that is typed is the start
of an id. First comes the label whose id or whole name was typed, then ids that start so (where a
digit was typed: "d" alone is no code), names that start so (with a whole last word first), names
that have every typed word whole, the other names, and ids that start so without a digit. Of equals,
shorter names come first, and shorter ids among ids.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from core.config import Settings
from core.datasets.base import Dataset, LabelSpace
from core.label_search.index import Report, SearchIndex, build_index, open_index, quiet
from core.label_search.words import id_key, id_tail, key_of, words_of

LONGEST = 2_000  # characters; a query beyond that is no name
_LAST = "\U0010ffff"  # sorts after every character of a word

Flags = npt.NDArray[np.bool_]


class Found(NamedTuple):
    """A label that was found; `row` is its row in the label space."""

    label_id: str
    name: str
    row: int


class LabelSearch:
    """Search-as-you-type over the labels of a dataset. Safe to share between threads."""

    def __init__(self, labels: LabelSpace, index: SearchIndex) -> None:
        self.labels = labels
        self._index = index

    @classmethod
    def open(cls, settings: Settings, dataset: Dataset, report: Report = quiet) -> Self:
        """The search of a dataset; its index is made first where it is missing or of other labels.

        Raises StoreError when the index cannot be written.
        """
        return cls(dataset.labels, open_index(settings, dataset, report))

    @classmethod
    def build(cls, labels: LabelSpace) -> Self:
        """The search with its index in memory only."""
        return cls(labels, build_index(labels))

    def __len__(self) -> int:
        return len(self.labels)

    def search(
        self, query: str, limit: int = 20, exclude: Collection[str] = ()
    ) -> tuple[Found, ...]:
        """The best `limit` labels, best first; () for a blank query. `exclude`: ids never given.

        A query of signs only ("++") finds names that have signs only.
        """
        if len(query) > LONGEST or not query.strip() or limit < 1:
            return ()
        query = query.encode("utf-8", "replace").decode()  # halves of pairs are no text
        without = frozenset(exclude)
        rows = _once(self._rows(query, limit + len(without)))
        found = (Found(self.labels.id(row), self.labels.name(row), row) for row in rows)
        return tuple(islice((one for one in found if one.label_id not in without), limit))

    def _rows(self, query: str, enough: int) -> Iterator[int]:
        """Rows, best first, some more than once; all that were found, or `enough` and more."""
        words = list(dict.fromkeys(words_of(query)))
        if not words:
            yield from self._signs(query.strip())
            return
        ids, names = self._ids(id_key(query)), self._names(key_of(query))
        yield from self._id_rows(ids.first, ids.longer)
        yield from self._name_rows(names.first, names.longer, enough)
        has_digit = any(character.isdigit() for character in query)
        if has_digit:
            yield from self._id_rows(ids.longer, ids.past)
        yield from self._name_rows(names.longer, names.word, 2 * enough)
        yield from self._name_rows(names.word, names.past, 3 * enough)
        yield from self._with_words(words)
        if not has_digit:
            yield from self._id_rows(ids.longer, ids.past)

    def _with_words(self, words: list[str]) -> Iterator[int]:
        """Labels that have every word whole, then those whose words start with every one."""
        starts, known = self._index.starts, self._index.words
        spans = [(self._first(word), self._first(word + _LAST)) for word in words]
        all_known = all(
            first < past and known[first].as_py() == word
            for (first, past), word in zip(spans, words, strict=True)
        )
        spans.sort(key=lambda span: int(starts[span[1]] - starts[span[0]]))
        hit: Flags | None = None
        for first, past in spans:
            hit = self._marked(first, past, hit)
            if not hit.any():
                return
        if all_known:
            whole: Flags | None = None
            for first, _ in spans:
                whole = self._marked(first, first + 1, whole)
            yield from self._rows_at(whole)
        yield from self._rows_at(hit)

    def _rows_at(self, flags: Flags | None) -> Iterator[int]:
        for place in np.flatnonzero(flags) if flags is not None else ():
            yield int(self._index.row_at[place])

    def _marked(self, first: int, last: int, among: Flags | None) -> Flags:
        """Labels with one of the words from `first` to before `last`."""
        starts = self._index.starts
        flags = np.zeros(len(self.labels), np.bool_)
        flags[self._index.places[starts[first] : starts[last]]] = True
        return flags if among is None else flags & among

    def _first(self, word: str) -> int:
        """How many words are smaller."""
        words = self._index.words
        return bisect_left(range(len(words)), word, key=lambda at: str(words[at].as_py()))

    def _names(self, key: str) -> "_Range":
        by_name, row_at, names = self._index.by_name, self._index.row_at, self.labels.name
        return _range(len(by_name), key, lambda at: key_of(names(int(row_at[by_name[at]]))))

    def _name_rows(self, first: int, past: int, most: int) -> Iterator[int]:
        """Rows of a range of names, at most so many, shorter names first."""
        places = self._index.by_name[first:past]
        some = places if len(places) <= most else np.partition(places, most - 1)[:most]
        for place in np.sort(some):
            yield int(self._index.row_at[place])

    def _ids(self, key: str) -> "_Range":
        by_id, label_id = self._index.by_id, self.labels.id

        def one(at: int) -> str:
            row = int(by_id[at])
            return id_key(label_id(row)) if row >= 0 else id_tail(label_id(~row))

        return _range(len(by_id), key, one)

    def _id_rows(self, first: int, past: int) -> Iterator[int]:
        """Rows of a range of ids, shorter ids first."""
        for at in np.argsort(self._index.id_length[first:past], kind="stable"):
            row = int(self._index.by_id[first + int(at)])
            yield row if row >= 0 else ~row

    def _signs(self, signs: str) -> Iterator[int]:
        """Names without any letter or digit are the first by key."""
        for place in np.sort(self._index.by_name[: self._names("").longer]):
            row = int(self._index.row_at[place])
            if signs in self.labels.name(row):
                yield row


class _Range(NamedTuple):
    """Where sorted keys begin with a key: from `first` they are it, from `longer` a new word
    follows, from `word` its last word goes on, and before `past` they end."""

    first: int
    longer: int
    word: int
    past: int


def _range(size: int, key: str, key_at: Callable[[int], str]) -> _Range:
    every, at, found = range(size), 0, []
    for end in ("", "\x00", "!", _LAST):  # "!" sorts after the space and before all of a word
        at = bisect_left(every, key + end, at, key=key_at)
        found.append(at)
    return _Range(*found)


def _once(rows: Iterator[int]) -> Iterator[int]:
    seen: set[int] = set()
    for row in rows:
        if row not in seen:
            seen.add(row)
            yield row
