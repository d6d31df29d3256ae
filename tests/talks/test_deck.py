"""A deck as JSON: the same deck again, or an error that says what to do."""

import json
import math

import pytest

from core.errors import InputError
from core.talks.deck import Deck, neutral
from core.talks.slides import slide_of
from tests.pages.saved import save_imported
from tests.talks.made import record, stored, trace_of
from tests.talks.test_slides import loaded


def deck() -> Deck:
    bare = slide_of(loaded(save_imported("First this. Then that.")))
    no_phases = slide_of(stored(record(gold=(), fates=(), trace=trace_of("The heart."))))
    return Deck("Two phases", (slide_of(stored(), note="Ask."), bare, no_phases))


def test_a_deck_comes_back_from_json_as_it_was() -> None:
    made = deck()
    assert Deck.from_json(json.loads(json.dumps(made.to_json()))) == made
    assert Deck.from_json(made.to_json()) == made
    assert Deck.from_json(Deck("", ()).to_json()) == Deck("", ())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("slides"),
        lambda data: data.update(slides=3),
        lambda data: data["slides"].append(None),
        lambda data: data["slides"][0].pop("trace_id"),
        lambda data: data["slides"][0].update(steps=[{"phase": ""}]),
        lambda data: data["slides"][0].update(colour="red"),
        lambda data: data["slides"][0].update(document=[5]),
    ],
)
def test_a_damaged_deck_is_told(damage: object) -> None:
    data = json.loads(json.dumps(deck().to_json()))
    damage(data)  # type: ignore[operator]
    with pytest.raises(InputError, match=r"no deck of PhaseLens.*Make it again"):
        Deck.from_json(data)


def test_a_deck_of_another_format_is_told() -> None:
    with pytest.raises(InputError, match="format 99"):
        Deck.from_json({**deck().to_json(), "format": 99})


def test_what_the_viewer_gets_is_harmless_whoever_wrote_the_deck() -> None:
    made = deck().to_json()
    made["title"] = "a\u202eb"
    made["slides"][0]["note"] = "c\u2028d\x1b"
    given = Deck.from_json(made).for_viewer()
    assert given["title"] == "a\ufffdb"
    assert given["slides"][0]["note"] == "c\nd␛"


def test_the_viewer_can_be_given_no_notes() -> None:
    assert deck().for_viewer()["slides"][0]["note"] == "Ask."
    assert {slide["note"] for slide in deck().for_viewer(notes=False)["slides"]} == {""}


def test_numbers_that_json_does_not_know_become_none() -> None:
    assert neutral({"a": (math.nan, math.inf, 0.5, 1, None, True)}) == {
        "a": [None, None, 0.5, 1, None, True]
    }
