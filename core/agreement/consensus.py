"""The category that most annotators put an item into."""

from dataclasses import dataclass

from core.agreement.ratings import Ratings


@dataclass(frozen=True, slots=True)
class Consensus:
    """`category`: that of most annotators, None where two or more categories tie. `share` of the
    annotators who chose it, or each of those that tie, in (0, 1], higher = clearer."""

    category: str | None
    share: float
    annotators: int


def consensus(ratings: Ratings) -> dict[str, Consensus]:
    """By item, in the order of `ratings.items`.

    The most frequent category wins, even with less than half of the votes where there are three
    or more; ask for a `share` above 0.5 where an absolute majority is needed. One annotator alone
    is a consensus of one: look at `annotators`.
    """
    found = {}
    for item, counts in zip(ratings.items, ratings.counts(), strict=True):
        most, number = int(counts.max()), int(counts.sum())
        first = [c for c, n in zip(ratings.categories, counts, strict=True) if n == most]
        found[item] = Consensus(first[0] if len(first) == 1 else None, most / number, number)
    return found
