"""A deck made from the list of a talk: what cannot be shown is left out, and named."""

import pytest

from core.errors import InputError, StoreError
from core.talks.assemble import assemble
from core.talks.deck import Slide
from core.talks.slides import slide_of
from tests.talks.made import stored


def test_what_cannot_be_shown_is_left_out_and_places_stay_known() -> None:
    slide = slide_of(stored(), title="A heart")

    def make(line: str) -> Slide:
        if line == "gone":
            raise InputError("It is gone.", "Add another.")
        return slide

    made = assemble("Talk", ["gone", "here", "gone", "here"], make)
    assert made.deck.slides == (slide, slide)
    assert made.places == (1, 3)
    assert [(one.place, one.what) for one in made.left_out] == [
        (0, "It is gone."),
        (2, "It is gone."),
    ]
    assert [made.slide_at(place) for place in range(4)] == [0, 0, 1, 1]
    assert assemble("Talk", ["gone"], make).slide_at(0) == 0


def test_a_store_that_fails_is_no_example_to_leave_out() -> None:
    def make(line: str) -> Slide:
        raise StoreError("The database is locked.", "Try again.")

    with pytest.raises(StoreError):
        assemble("Talk", ["one"], make)
