"""Which items annotators disagree on, and who said what."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.agreement.ratings import NOTHING, Ratings


@dataclass(frozen=True, slots=True)
class Dispute:
    """One item. `share` of the pairs of its annotators that disagree, in [0, 1], higher = more
    disputed. `said`: annotators by category, the category of most annotators first."""

    item: str
    share: float
    annotators: int
    said: Mapping[str, tuple[str, ...]]


def disputes(ratings: Ratings) -> list[Dispute]:
    """Every item with two ratings or more, the most disputed first, then those of more annotators,
    then by id. Items on which all agree stand last, with a share of 0."""
    found = []
    for item, row in zip(ratings.items, ratings.codes, strict=True):
        said: dict[str, list[str]] = {}
        for annotator, code in zip(ratings.annotators, row, strict=True):
            if code != NOTHING:
                said.setdefault(ratings.categories[code], []).append(annotator)
        number = sum(len(who) for who in said.values())
        if number >= 2:
            agree = sum(len(who) * (len(who) - 1) for who in said.values())
            largest_first = sorted(said.items(), key=lambda camp: (-len(camp[1]), camp[0]))
            camps = {category: tuple(who) for category, who in largest_first}
            pairs = number * (number - 1)
            found.append(Dispute(item, (pairs - agree) / pairs, number, camps))
    return sorted(found, key=lambda one: (-one.share, -one.annotators, one.item))
