"""Worked examples that others have published, and ratings drawn at random."""

from collections.abc import Sequence

import numpy as np

from core.agreement.ratings import Ratings

Entry = tuple[str, str, str | None]

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve
# units, five values, gaps. Nominal 0.743, ordinal 0.815.
KRIPPENDORFF = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
# The same, section A: two observers, ten units, binary. Nominal 0.095.
MEG_AND_OWEN = {"Meg": "0 1 0 0 0 0 0 0 1 0", "Owen": "1 1 1 0 0 1 0 0 0 0"}
# Ten subjects, fourteen raters, five categories: Fleiss' kappa 0.210.
FLEISS = (
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
)  # fmt: skip
# Fifty proposals, two readers: both yes, yes and no, no and yes, both no. Cohen's kappa 0.4.
COHEN = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}


def by_annotator(said: dict[str, str]) -> list[Entry]:
    """A line of values an annotator, one a unit, a dot for nothing."""
    return [
        (f"unit {unit:02}", annotator, None if value == "." else value)
        for annotator, values in said.items()
        for unit, value in enumerate(values.split(), 1)
    ]


def by_count(table: Sequence[Sequence[int]]) -> list[Entry]:
    """A row an item: how many annotators put it into each category."""
    found: list[Entry] = []
    for item, row in enumerate(table):
        said = [f"category {c}" for c, number in enumerate(row) for _ in range(number)]
        found += [(f"item {item:02}", f"rater {r:02}", c) for r, c in enumerate(said)]
    return found


def by_pair(table: dict[tuple[str, str], int]) -> list[Entry]:
    """How many items "one" and "other" put into each pair of categories."""
    pairs = [pair for pair, number in table.items() for _ in range(number)]
    return [
        (f"item {item:02}", annotator, category)
        for item, pair in enumerate(pairs)
        for annotator, category in zip(("one", "other"), pair, strict=True)
    ]


def drawn(seed: int, items: int = 40, annotators: int = 4, gaps: float = 0.3) -> list[Entry]:
    """Four categories; annotators who are right two times in three, and pass over some items."""
    chance = np.random.default_rng(seed)
    found: list[Entry] = []
    for item in range(items):
        right = chance.integers(4)
        for annotator in range(annotators):
            said = right if chance.random() < 2 / 3 else chance.integers(4)
            passed = chance.random() < gaps
            found.append((f"i{item:04}", f"a{annotator}", None if passed else f"c{said}"))
    return found


def drawn_ratings(seed: int, items: int = 40, annotators: int = 4, gaps: float = 0.3) -> Ratings:
    return Ratings.of(drawn(seed, items, annotators, gaps))


ORDER = ("c0", "c1", "c2", "c3")
