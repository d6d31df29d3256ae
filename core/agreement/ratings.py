"""Who put which item into which category: the input of every agreement statistic."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from core.errors import InputError, UnknownNameError

Codes = npt.NDArray[np.int64]

NOTHING = -1  # in `codes`: this annotator said nothing about this item

Item = TypeVar("Item", bound=Hashable)
Said = TypeVar("Said")


@dataclass(frozen=True, eq=False)
class Ratings:
    """Items x annotators, a category or nothing.

    `items` and `annotators`: each has a rating, sorted where `of` made them. `categories`: those
    that `codes` counts in. `codes`: `(items, annotators)`, read-only, a place in `categories` or
    NOTHING.
    """

    items: tuple[str, ...]
    annotators: tuple[str, ...]
    categories: tuple[str, ...]
    codes: Codes

    @classmethod
    def of(cls, ratings: Iterable[tuple[str, str, str | None]]) -> "Ratings":
        """From (item id, annotator, category), in any order; None says nothing, and the same
        rating again adds nothing. Raises InputError for two categories of one annotator on one
        item."""
        said = by_item(
            ((item, annotator, c) for item, annotator, c in ratings if c is not None), "categories"
        )
        items = tuple(sorted(said))
        annotators = tuple(sorted({a for some in said.values() for a in some}))
        categories = tuple(sorted({c for some in said.values() for c in some.values()}))
        row_of, column_of, code_of = _places(items), _places(annotators), _places(categories)
        codes = np.full((len(items), len(annotators)), NOTHING, dtype=np.int64)
        for item, some in said.items():
            for annotator, category in some.items():
                codes[row_of[item], column_of[annotator]] = code_of[category]
        return cls._frozen(items, annotators, categories, codes)

    @classmethod
    def _frozen(
        cls,
        items: tuple[str, ...],
        annotators: tuple[str, ...],
        categories: tuple[str, ...],
        codes: Codes,
    ) -> "Ratings":
        codes.setflags(write=False)
        return cls(items, annotators, categories, codes)

    def counts(self) -> Codes:
        """How many annotators put each item into each category, `(items, categories)`."""
        rows, columns = np.nonzero(self.codes != NOTHING)
        width = len(self.categories)
        cells = rows * width + self.codes[rows, columns]
        counted = np.bincount(cells, minlength=len(self.items) * width)
        return counted.astype(np.int64).reshape(len(self.items), width)

    def only(self, annotators: Sequence[str]) -> "Ratings":
        """The ratings of these annotators, columns in this order. Raises UnknownNameError for an
        annotator who has rated nothing, InputError for one who is named twice."""
        known = _places(self.annotators)
        for name in annotators:
            if name not in known:
                raise UnknownNameError(
                    f"No annotator called {name} has rated anything here.",
                    f"Choose among: {', '.join(self.annotators) or 'nobody yet'}.",
                )
        if len(set(annotators)) < len(annotators):
            raise InputError(
                "An annotator was chosen twice, and always agrees with themselves.",
                "Choose different annotators.",
            )
        codes = self.codes[:, [known[name] for name in annotators]]
        rated = (codes != NOTHING).any(axis=1)
        items = tuple(item for item, some in zip(self.items, rated, strict=True) if some)
        return self._frozen(items, tuple(annotators), self.categories, codes[rated])

    def in_order(self, order: Sequence[str]) -> "Ratings":
        """The same with `categories` in this order, lowest first; it may hold unused ones. Raises
        InputError where it lacks a category that was used, or has one twice."""
        place = _places(order)
        lacking = [name for name in self.categories if name not in place]
        if lacking or len(place) < len(order):
            wrong = f"lacks {', '.join(lacking)}" if lacking else "has a category twice"
            raise InputError(
                f"The order of categories {wrong}.",
                "Name every category once, from the lowest to the highest.",
            )
        # The last entry is what NOTHING, -1, picks.
        moved = np.array([*(place[name] for name in self.categories), NOTHING], dtype=np.int64)
        return self._frozen(self.items, self.annotators, tuple(order), moved[self.codes])


def by_item(
    entries: Iterable[tuple[Item, str, Said]],
    what: str,
    shown_item: Callable[[Item], str] = str,
    shown: Callable[[Said], str] = str,
) -> dict[Item, dict[str, Said]]:
    """What each annotator said of each item, from (item, annotator, what was said).

    `what`, `shown_item` and `shown` are for the error. Raises InputError where one annotator said
    two different things of one item.
    """
    found: dict[Item, dict[str, Said]] = {}
    for item, annotator, said in entries:
        before = found.setdefault(item, {}).setdefault(annotator, said)
        if before != said:
            raise InputError(
                f"{annotator} gave {shown_item(item)} two different {what}: "
                f"{shown(before)}; {shown(said)}.",
                "Keep the one that stands, for example the last, and compare again.",
            )
    return found


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: at for at, name in enumerate(names)}
