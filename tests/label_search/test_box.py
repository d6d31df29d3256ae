"""The box on a page: what it hands to the browser, what it believes of it, and the wait before."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import StoreError
from core.label_search import index
from core.label_search.index import search_folder
from pages.parts import label_search as box
from tests.label_search.spaces import dataset, settings_of

PATIENCE_S = 60
NAMES = [("A1", "Aspirin"), ("A2", "Aspirin/adverse\u202e effects"), ("B1", "Deer")]


def script() -> None:
    import streamlit as st

    from pages.parts import services
    from pages.parts.label_search import label_search

    picked = st.session_state.setdefault("all_picked", [])
    label_search(services.dataset("typed"), key="box", exclude=picked, on_pick=picked.append)


class Browser:
    """Stands for the component in the browser (tests/e2e/test_label_search.py has the real one)."""

    def __init__(self) -> None:
        self.data: Mapping[str, Any] = {}
        self.pick: Callable[[], None] = lambda: None

    def __call__(
        self, *, data: Mapping[str, Any], on_picked_change: Callable[[], None], **_: object
    ) -> None:
        self.data, self.pick = data, on_picked_change
        if st.session_state.pop("press", False):
            self.pick()

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.data["found"]]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    standing = Browser()
    monkeypatch.setattr(box, "_COMPONENT", standing)
    return standing


def opened(query: object = "") -> AppTest:
    app = AppTest.from_function(script, default_timeout=PATIENCE_S)
    app.session_state["box"] = {"query": query}
    return app.run()


def until(app: AppTest, done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
        app.run()


def test_what_was_typed_is_marked_and_texts_are_inert(home: Path, browser: Browser) -> None:
    dataset(home, NAMES)
    app = opened("adv")
    until(app, lambda: browser.data)
    assert not app.exception
    assert browser.data["query"] == "adv"
    assert browser.data["found"] == [
        {
            "id": "A2",
            "code": [["A2", False]],
            "name": [["Aspirin/", False], ["adv", True], ["erse\ufffd effects", False]],
        }
    ]


@pytest.mark.parametrize("query", [None, 7, [], {"a": 1}, "", " "])
def test_a_query_that_is_none_finds_nothing(home: Path, browser: Browser, query: object) -> None:
    dataset(home, NAMES)
    app = opened(query)
    until(app, lambda: browser.data)
    assert not app.exception
    assert browser.data["found"] == []


def test_a_pick_calls_back_once_and_is_not_offered_again(home: Path, browser: Browser) -> None:
    dataset(home, NAMES)
    app = opened("asp")
    until(app, lambda: browser.data)
    assert browser.ids == ["A1", "A2"]
    for said in ("A1", "A1", "no such label", None):
        app.session_state["box"] = {"query": "asp", "picked": said}
        app.session_state["press"] = True
        app.run()
    assert app.session_state["all_picked"] == ["A1"]
    app.run()
    assert browser.ids == ["A2"]
    assert not app.exception


def test_a_caption_says_how_far_the_first_preparation_is(
    home: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(home, NAMES)
    go_on, build = Event(), index.build_index

    def slow(labels: Any, report: Callable[[int, int], None]) -> index.SearchIndex:
        report(1, 4)
        assert go_on.wait(PATIENCE_S)
        return build(labels, report)

    monkeypatch.setattr(index, "build_index", slow)
    app = opened("deer")
    until(app, lambda: "25%" in app.caption[0].value)
    assert app.caption[0].value == "The search over 4 labels is being prepared: 25%"
    assert not browser.data
    go_on.set()
    until(app, lambda: browser.data)
    assert browser.ids == ["B1"]
    assert not app.caption


@pytest.mark.parametrize("error", [StoreError("The disk is full.", "Make room."), ValueError("?")])
def test_what_went_wrong_is_told_and_tried_again(
    home: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    data = dataset(home, NAMES)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(index, "build_index", fail)
        broken.setattr("threading.excepthook", lambda _: None)
        app = opened("deer")
        until(app, lambda: 'role="alert"' in "".join(one.proto.body for one in app.get("html")))
    assert not search_folder(settings_of(home), data).exists()
    until(app, lambda: browser.data)
    assert browser.ids == ["B1"]
