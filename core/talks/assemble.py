"""A deck made from the list of a talk: what cannot be shown is left out, and named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.errors import InputError
from core.talks.deck import Deck, Slide

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An example of the list that is not in the deck. `place`: in the list, from 0."""

    place: int
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Assembled:
    """`places`: of each slide of the deck its place in the list, from 0."""

    deck: Deck
    places: tuple[int, ...]
    left_out: tuple[LeftOut, ...]

    def slide_at(self, place: int) -> int:
        """The slide of that place in the list, or of the next one that is in the deck."""
        after = (at for at, one in enumerate(self.places) if one >= place)
        return next(after, max(len(self.places) - 1, 0))


def assemble(title: str, lines: Sequence[Line], make: Callable[[Line], Slide]) -> Assembled:
    """`make`: the slide of a line of the list; it raises InputError where there is none (the trace
    is gone, or has nothing to show), which leaves the line out. Other errors are raised."""
    slides, places, left_out = [], [], []
    for place, line in enumerate(lines):
        try:
            slides.append(make(line))
        except InputError as error:
            left_out.append(LeftOut(place, error.what, error.fix))
        else:
            places.append(place)
    return Assembled(Deck(title, tuple(slides)), tuple(places), tuple(left_out))
