"""The real headless Chromium of the end-to-end tests, and a talk to play in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from core.talks.deck import Deck
from core.talks.slides import slide_of
from tests.talks.made import TRACE, record, stored, trace_of
from tests.talks.watch import Watch, address_of


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    watching = Watch(browser)
    yield watching
    watching.close()


@pytest.fixture
def talk(tmp_path: Path) -> str:
    """Three examples: whole, long, without phases and gold; and the page of sources."""
    tail = "\n".join(f"{1 + n % 6}. drop: argument {n} goes on for a while" for n in range(60))
    long = f"{TRACE.rsplit('Answer', 1)[0]}{tail}\nAnswer: 1, 3"
    bare = trace_of("The note is about a heart. I think of Cough.", curves=None)
    deck = Deck(
        "Two phases of picking labels",
        (
            slide_of(stored(), note="Ask the room first.", title="A failing heart"),
            slide_of(stored(record(trace=trace_of(long)), "teacher"), title="Long"),
            slide_of(stored(record(gold=(), fates=(), trace=bare)), title="Prose"),
        ),
    )
    return address_of(deck, tmp_path)
