"""The Talk page: talks are made, filled, edited and played; live runs fall back to stored ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import Person, Role, local_person
from core.events import Failed
from core.live.view import LiveView
from db.talks import Talk, TalkSlide, add_talk, add_to_talk, load_talk, save_talk, talks
from db.trace_views import TraceState
from pages.parts import services, sign_in, talk_viewer
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of
from tests.pages.explore_fakes import FakeWorker, finished

ADA = local_person("Ada")


class Worker(FakeWorker):
    """A live worker with settings, which answers no question."""

    @property
    def settings(self) -> Any:
        return services.settings()

    def ask(self, question: object, patience_s: float = 0.0) -> None:
        return None


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    made = Worker()
    monkeypatch.setattr(services, "live_worker", lambda: made)
    return made


class Browser:
    """What the viewer and its wire are given; `send` is what a key in it does."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.told: list[Mapping[str, Any]] = []
        self.on: dict[str, Any] = {}

    def viewer(self, **given: Any) -> None:
        self.data = given.pop("data")
        self.on = given

    def wire(self, *, key: str, data: Mapping[str, Any]) -> None:
        self.told.append(data)

    def send(self, app: AppTest, event: str, slide: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """As Streamlit does: the callback, then the script."""
        sent = {talk_viewer.KEY: {event: {"slide": slide}}}
        state = app.session_state
        import streamlit as st

        class State(dict[str, Any]):
            def __missing__(self, name: str) -> Any:
                return state[name]

            def setdefault(self, name: str, default: Any = None) -> Any:
                if name not in state:
                    state[name] = default
                return state[name]

        with monkeypatch.context() as patch:
            patch.setattr(st, "session_state", State(sent))
            self.on[f"on_{event}_change"]()
        run(app)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    made = Browser()
    monkeypatch.setattr(talk_viewer, "_VIEWER", made.viewer)
    monkeypatch.setattr(talk_viewer, "_WIRE", made.wire)
    return made


def made(*slides: TalkSlide, name: str = "Monday") -> Talk:
    with saved.store().write() as session:
        talk = add_talk(session, ADA, name)
        for slide in slides:
            talk = add_to_talk(session, ADA, name, slide)
        return talk


def now(name: str = "Monday") -> Talk:
    with saved.store().read() as session:
        return load_talk(session, name)


def click(app: AppTest, label: str, at: int = 0) -> AppTest:
    [button for button in app.button if button.label == label][at].click()
    return run(app)


def test_without_a_talk_the_page_says_what_one_is_and_makes_it(
    open_page: Open, worker: Worker
) -> None:
    app = open_page("talk", "Ada")
    assert "There is no talk yet" in words_of(app)
    app.text_input(key="talk_new").input(" Group  meeting ")
    click(app, "Make the talk")
    assert "This talk has no examples yet" in words_of(app)
    assert "Nothing is saved yet." in words_of(app)
    assert app.query_params["talk"] == "Group meeting"
    assert now("Group meeting").changed_by == "Ada"
    click(app, "Make the talk")
    assert "name is empty" in html_of(app)


def test_examples_are_found_by_words_link_and_id_and_added(open_page: Open, worker: Worker) -> None:
    heart, lung = saved.save(), saved.save("5", "Pneumonia, unspecified organism")
    made()
    app = open_page("talk", talk="Monday")
    assert {b.key for b in app.button if b.label == "Add"} == {
        f"talk_add_{t}" for t in (heart, lung)
    }
    for typed, found in (
        ("pneumo", [lung]),
        (f"http://127.0.0.1:8501/traces?trace={heart}&step=3", [heart]),
        (f" {lung} ", [lung]),
        ("http://127.0.0.1:8501/traces?trace=gone", []),
        ("nothingofthekind", []),
    ):
        app.text_input(key="talk_find").input(typed)
        run(app)
        assert [b.key for b in app.button if b.label == "Add"] == [f"talk_add_{t}" for t in found]
    assert "No saved trace has that" in words_of(app)
    app.text_input(key="talk_find").input(lung)
    run(app)
    click(app, "Add")
    assert now().slides == (TalkSlide(lung),)
    assert app.text_input(key=f"talk_title_{lung}_1").placeholder.startswith("Pneumonia")


def test_titles_notes_and_order_are_kept_as_they_are_written(
    open_page: Open, worker: Worker
) -> None:
    one, two = saved.save(), saved.save("2")
    made(TalkSlide(one), TalkSlide(two), TalkSlide(one))
    app = open_page("talk", "Ben", talk="Monday")
    app.text_input(key=f"talk_title_{one}_2").input("Again")
    app.text_area(key=f"talk_note_{two}_1").input("Ask the room.")
    run(app)
    click(app, "Up", 2)
    click(app, "Remove", 0)
    assert now().slides == (TalkSlide(one, "Again"), TalkSlide(two, "", "Ask the room."))
    assert now().changed_by == "Ben"
    assert app.text_input(key=f"talk_title_{one}_1").value == "Again"
    click(app, "Down", 0)
    assert [slide.trace for slide in now().slides] == [two, one]


def test_who_was_too_late_is_told_and_gets_back_what_was_written(
    open_page: Open, worker: Worker
) -> None:
    one = saved.save()
    talk = made(TalkSlide(one))
    app = open_page("talk", "Ada", talk="Monday")
    with saved.store().write() as session:
        save_talk(session, local_person("Ben"), talk.with_slide(0, TalkSlide(one, "Ben's")))
    app.text_area(key=f"talk_note_{one}_1").input("A long note")
    run(app)
    assert "Ben has changed the talk" in html_of(app)
    assert "You wrote: A long note" in html_of(app)
    assert now().slides == (TalkSlide(one, "Ben's"),)
    assert app.text_input(key=f"talk_title_{one}_1").value == "Ben's"
    assert app.text_area(key=f"talk_note_{one}_1").value == ""
    app.text_area(key=f"talk_note_{one}_1").input("A long note")
    run(app)
    assert now().slides == (TalkSlide(one, "Ben's", "A long note"),)


def test_a_talk_is_renamed_and_deleted(open_page: Open, worker: Worker) -> None:
    made(name="Sunday")
    made()
    app = open_page("talk", talk="Sunday")
    app.text_input(key="talk_renamed").input("monday")
    click(app, "Rename")
    assert "already a talk named" in html_of(app)
    app.text_input(key="talk_renamed").input("Tuesday")
    click(app, "Rename")
    assert app.selectbox(key="talk_chosen").value == "Tuesday"
    click(app, "Delete the talk")
    with saved.store().read() as session:
        assert [talk.name for talk in talks(session)] == ["Monday"]
    assert app.selectbox(key="talk_chosen").value == "Monday"


def test_a_link_to_a_talk_that_is_gone_says_so(open_page: Open, worker: Worker) -> None:
    made()
    for address in ({"talk": "Gone"}, {"talk": "Gone", "play": "1"}):
        app = open_page("talk", **address)
        assert "There is no talk named" in html_of(app)
        assert app.selectbox(key="talk_chosen").value == "Monday"


def test_viewers_play_and_change_nothing(
    open_page: Open, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = saved.save()
    made(TalkSlide(one, "A heart", "Ask **the** room."))
    eva = Person("eva", "Eva", Role.VIEWER)
    monkeypatch.setattr(sign_in, "person_here", lambda: eva)
    app = open_page("talk", talk="Monday")
    labels = {button.label for button in app.button}
    assert {"Play", "Play from here"} <= labels
    assert not labels & {"Add", "Up", "Down", "Remove", "Make the talk", "Delete the talk"}
    assert "A heart" in words_of(app)
    assert not app.text_area


def test_play_gives_the_viewer_the_deck_and_the_place(
    open_page: Open, worker: Worker, browser: Browser
) -> None:
    one, two = saved.save(), saved.save("2")
    made(TalkSlide(one, "A heart", "Ask the room."), TalkSlide(two))
    app = open_page("talk", talk="Monday")
    click(app, "Play from here", 1)
    asked = {"talk": "Monday", "play": "1", "slide": "2", "limit": "30"}
    assert dict(app.query_params) == asked
    slides = browser.data["deck"]["slides"]
    assert [slide["trace_id"] for slide in slides] == [one, two]
    assert (slides[0]["title"], slides[0]["note"]) == ("A heart", "Ask the room.")
    assert browser.data["position"] == {"slide": 1, "stage": 0}
    assert browser.data["standings"] == [None, None]
    open_page("talk", talk="Monday", play="1", slide="2.3")
    assert browser.data["position"] == {"slide": 1, "stage": 2}
    for nonsense in ("x", "-1", "", "0.0", "1.x"):
        open_page("talk", talk="Monday", play="1", slide=nonsense)
        assert browser.data["position"] == {"slide": 0, "stage": 0}


def test_what_cannot_be_shown_is_marked_and_left_out(
    open_page: Open, worker: Worker, browser: Browser
) -> None:
    running, one = saved.save_running(), saved.save()
    made(TalkSlide(running), TalkSlide(one))
    app = open_page("talk", talk="Monday")
    assert "still running: left out" in words_of(app)
    click(app, "Play from here", 1)
    assert [slide["trace_id"] for slide in browser.data["deck"]["slides"]] == [one]
    assert app.query_params["slide"] == "1"
    made(TalkSlide(running), name="Empty")
    app = open_page("talk", talk="Empty", play="1")
    assert "no example that can be shown" in html_of(app)
    click(app, "Back")
    assert "play" not in app.query_params
    assert app.selectbox(key="talk_chosen").value == "Empty"


def playing(open_page: Open, *traces: str, **address: str) -> AppTest:
    made(*(TalkSlide(trace, f"Title {at}") for at, trace in enumerate(traces)))
    return open_page("talk", talk="Monday", play="1", **address)


def test_a_live_run_takes_the_place_of_the_stored_one_and_goes_back(
    open_page: Open, worker: Worker, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = saved.save(), saved.save("2")
    monkeypatch.setattr("core.live.talk_run._whole", lambda worker, stored: stored.document)
    app = playing(open_page, one, two)
    browser.send(app, "live", 1, monkeypatch)
    assert browser.data["standings"] == [None, {"kind": "running"}]
    (view,) = worker.views.values()
    assert (view.document.id, view.config.system) == ("2", "base")
    assert browser.told[-1]["stage"] == "Starting"
    assert browser.told[-1]["limit"] == 30
    worker.change(view.trace_id, text="Shortlist:\n", tokens=4)
    run(app)
    assert browser.told[-1]["text"] == "Shortlist:\n"

    live = saved.save("2", trace_text="Shortlist:\n1. Heart failure, unspecified\nAnswer: 1\n")
    ended(worker, view, live, app)
    version = browser.data["version"]
    standing = browser.data["standings"][1]
    assert standing["kind"] == "live"
    assert standing["seconds"] >= 0
    assert [s["trace_id"] for s in browser.data["deck"]["slides"]] == [one, live]
    assert browser.data["deck"]["slides"][1]["title"] == "Title 1"
    browser.send(app, "swap", 1, monkeypatch)
    assert browser.data["standings"][1]["kind"] == "stored"
    assert [s["trace_id"] for s in browser.data["deck"]["slides"]] == [one, two]
    assert browser.data["version"] != version
    browser.send(app, "swap", 1, monkeypatch)
    assert browser.data["standings"][1]["kind"] == "live"


def ended(worker: Worker, view: LiveView, live: str, app: AppTest) -> None:
    """The run ends, and its trace is in the store under an id of its own."""
    runs = app.session_state["talk_runs"]
    for trace, one in runs.items():
        if one.attempt is not None and one.attempt.trace_id == view.trace_id:
            runs[trace] = replace(one, attempt=replace(one.attempt, trace_id=live))
    worker.views[live] = replace(view, trace_id=live)
    worker.change(live, **finished())
    run(app)


def test_a_live_run_that_fails_or_takes_too_long_falls_back_and_says_why(
    open_page: Open, worker: Worker, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = saved.save()
    monkeypatch.setattr("core.live.talk_run._whole", lambda worker, stored: stored.document)
    app = playing(open_page, one, limit="1")
    browser.send(app, "live", 0, monkeypatch)
    (trace,) = worker.views
    worker.change(trace, state=TraceState.FAILED, error=Failed("No index\u202e.", "Build it."))
    run(app)
    (standing,) = browser.data["standings"]
    assert standing == {"kind": "fell", "what": "No index\ufffd.", "fix": "Build it."}
    assert browser.data["deck"]["slides"][0]["trace_id"] == one

    browser.send(app, "live", 0, monkeypatch)
    assert browser.told[-1]["limit"] == 1
    from pages.parts import talk_play

    later = talk_play.time.monotonic() + 1.5
    monkeypatch.setattr(talk_play.time, "monotonic", lambda: later)
    run(app)
    (standing,) = browser.data["standings"]
    assert standing["what"] == "It took longer than the limit of 1 s."
    assert len(worker.cancelled) == 1

    browser.send(app, "live", 0, monkeypatch)
    browser.send(app, "stop", 0, monkeypatch)
    assert browser.data["standings"][0]["what"] == "The speaker stopped it."


def test_an_imported_trace_of_an_unknown_system_falls_back_at_once(
    open_page: Open, worker: Worker, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = playing(open_page, saved.save_imported("Prose about a heart."))
    browser.send(app, "live", 0, monkeypatch)
    (standing,) = browser.data["standings"]
    assert standing["what"] == "There is no system named 'llama-70b' on this machine."
    assert worker.views == {}


def test_the_trace_page_adds_a_trace_to_a_talk(open_page: Open, worker: Worker) -> None:
    one = saved.save()
    made(name="Tuesday")
    made()
    app = open_page("traces", "Ada", trace=one)
    app.selectbox(key=f"talk_of_{one}").select("Tuesday")
    click(app, "Add it")
    assert now("Tuesday").slides == (TalkSlide(one),)
    assert now().slides == ()
    assert "Added to the talk Tuesday." in [toast.value for toast in app.toast]
    app = open_page("traces", "Ada", trace=saved.save_running())
    assert "Add it" not in [button.label for button in app.button]
