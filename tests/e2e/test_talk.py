"""A talk is made of stored traces and played in a real browser: by keys, dark and light, without a
network, with live runs that fall back to the stored ones, and from a file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.base import Document
from core.rerank.prompts import DEFAULT_PROMPT
from core.systems import RunConfig
from core.traces.base import FinishReason
from core.traces.importing.base import ImportedTrace
from db.runs import ensure_run
from db.session import open_store
from db.talks import TalkSlide, add_talk, add_to_talk, load_talk
from db.trace_imports import add_imported
from db.traces import begin_trace, finish_trace
from tests.conftest import linked_home
from tests.e2e.conftest import ANSWERED_MS, App, expect_no_fault, settled
from tests.talks.made import TEXT, record
from tests.talks.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.model]

ADA = local_person("Ada")
CONFIG = RunConfig("icd", "base", DEFAULT_PROMPT, k=50, n=6)
STAGES = ["Text", "Shortlist", "1 · Shortlisting", "2 · Reasoning", "Answer", "Curves"]
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 29)"}


@dataclass
class Stage:
    """An app with two stored traces, of a system that is here and of one that nobody knows."""

    app: App
    known: str
    foreign: str
    contexts: list[BrowserContext] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def open(self, browser: Browser, address: str = "", **options: Any) -> Page:
        """A window in which whatever is not of this machine is refused, and noted."""
        size: Any = {"width": 1280, "height": 720}
        context = browser.new_context(**{"viewport": size, **options})
        self.contexts.append(context)
        context.route("**/*", self._route)
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{self.app.url}/{address}")
        settled(page)
        return page

    def _route(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def talk(self, name: str, *slides: TalkSlide) -> str:
        """Makes one; its address."""
        store = open_store(Settings(home=self.app.home))
        with store.write() as session:
            add_talk(session, ADA, name)
            for slide in slides:
                add_to_talk(session, ADA, name, slide)
        store.close()
        return f"talk?talk={name}&play=1"


@pytest.fixture(scope="module")
def served(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("talk")))
    store = open_store(Settings(home=app.home))
    made = record()
    made = replace(made, document=Document("note-17", TEXT, made.document.gold))
    imported = ImportedTrace(
        "0f0f0f0f0f0f0f0f", "icd", Document("note-18", TEXT, ("I50.9",)), "llama-70b",
        "The note names Heart failure, unspecified. I keep it.", None, (), (), (), 0, None,
        FinishReason.STOP, {},
    )  # fmt: skip
    with store.write() as session:
        run = ensure_run(session, {"config": CONFIG.to_json()}, CONFIG, None, "live")
        known = begin_trace(
            session, run_id=run, config=CONFIG, document=made.document, origin="live"
        )
        finish_trace(session, known, made)
        add_imported(session, [imported])
    store.close()
    app.start()
    yield Stage(app, known, imported.id)
    app.stop()


@pytest.fixture
def stage(served: Stage) -> Iterator[Stage]:
    served.outside.clear()
    yield served
    for context in served.contexts:
        context.close()
    served.contexts.clear()
    assert served.outside == [], "nothing but this machine is asked"


def marked(page: Page) -> str:
    return page.locator(".stage[aria-current=step]").inner_text()


def slide_in_address(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query)["slide"][0]


def test_a_talk_is_made_from_stored_traces_and_played_by_arrow_keys(
    stage: Stage, browser: Browser
) -> None:
    page = stage.open(browser, f"traces?trace={stage.known}")
    page.get_by_role("button", name="Talk", exact=True).click()
    name = page.get_by_role("combobox", name=re.compile("Put this trace into the talk"))
    name.fill("By hand")
    name.press("Enter")
    settled(page)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("Added to the talk By hand.")).to_be_visible()

    page.goto(f"{stage.app.url}/talk")
    settled(page)
    page.get_by_role("textbox", name="Title of example 1").fill("A failing heart")
    note = page.get_by_role("textbox", name="Notes on example 1")
    note.fill("Ask the room first.")
    find = page.get_by_role("textbox", name=re.compile("^Search saved traces"))
    find.fill(f"{stage.app.url}/traces?trace={stage.foreign}")
    find.press("Enter")
    add = page.get_by_role("button", name="Add", exact=True)
    expect(add).to_have_count(1)
    add.click()
    expect(page.get_by_role("textbox", name="Title of example 2")).to_be_visible()
    page.get_by_role("button", name="Play", exact=True).click()

    expect(page.locator(".phaselens-talk h1")).to_have_text("A failing heart")
    box = page.locator(".phaselens-talk").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1280, "height": 720}, "it fills the window"
    assert slide_in_address(page) == "1"
    seen = [marked(page)]
    for key in ("ArrowRight", "ArrowDown", "PageDown", "Space", "ArrowRight"):
        page.keyboard.press(key)
        seen.append(marked(page))
    assert seen == STAGES
    assert slide_in_address(page) == "1.6"
    page.keyboard.press("n")
    expect(page.locator(".foot")).to_contain_text("Ask the room first.")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".counter")).to_have_text("2 / 2")
    page.keyboard.press("Home")
    page.keyboard.press("End")
    expect(page.locator(".counter")).to_have_text("Sources")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".counter")).to_have_text("2 / 2")
    page.reload()
    expect(page.locator(".counter")).to_have_text("2 / 2")
    page.keyboard.press("q")
    expect(page.get_by_role("heading", name="Talk", exact=True)).to_be_visible()
    expect(page.locator(".phaselens-talk")).to_have_count(0)
    settled(page)
    page.keyboard.press("ArrowRight")
    expect_no_fault(page)
    store = open_store(Settings(home=stage.app.home))
    with store.read() as session:
        talk = load_talk(session, "By hand")
    store.close()
    assert talk.slides == (
        TalkSlide(stage.known, "A failing heart", "Ask the room first."),
        TalkSlide(stage.foreign),
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_dark_or_light_as_the_browser_is(stage: Stage, browser: Browser, scheme: str) -> None:
    address = stage.talk(f"In {scheme}", TalkSlide(stage.known))
    page = stage.open(browser, address, color_scheme=scheme)
    frame = page.locator(".phaselens-talk .frame")
    ground = "e => getComputedStyle(e).backgroundColor"
    expect(page.locator(f".phaselens-talk.{scheme}")).to_be_visible()
    assert frame.evaluate(ground) == GROUND[scheme]
    page.keyboard.press("d")
    other = "light" if scheme == "dark" else "dark"
    assert frame.evaluate(ground) == GROUND[other]
    expect_no_fault(page)


def test_a_live_run_of_a_system_that_nobody_knows_falls_back_and_says_so(
    stage: Stage, browser: Browser
) -> None:
    address = stage.talk("Foreign", TalkSlide(stage.known), TalkSlide(stage.foreign, "Prose"))
    page = stage.open(browser, f"{address}&slide=2")
    expect(page.locator(".phaselens-talk h1")).to_have_text("Prose")
    page.keyboard.press("l")
    strip = page.locator(".live-strip.fell")
    expect(strip).to_contain_text(
        re.compile(
            r"Stored run, made \d{4}-\d\d-\d\d \d\d:\d\d UTC\. No live run: There is no system "
            "named 'llama-70b' on this machine"
        )
    )
    expect(page.locator(".phaselens-talk h1")).to_have_text("Prose")
    page.keyboard.press("ArrowRight")
    expect(strip).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator(".live-strip")).to_be_hidden()
    expect_no_fault(page)


def test_a_live_run_above_the_limit_falls_back_in_full_screen_too(
    stage: Stage, browser: Browser
) -> None:
    address = stage.talk("Limit", TalkSlide(stage.known, "A failing heart"))
    page = stage.open(browser, f"{address}&limit=1")
    expect(page.locator(".phaselens-talk h1")).to_have_text("A failing heart")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    page.keyboard.press("d")
    dark = page.locator(".phaselens-talk.dark")
    was_dark = dark.count()
    page.keyboard.press("l")
    expect(page.locator(".live-strip.fell")).to_contain_text(
        "It took longer than the limit of 1 s."
    )
    expect(page.locator(".live-strip.fell")).to_contain_text("Stored run, made")
    assert marked(page) == "Shortlist"
    assert page.evaluate("document.fullscreenElement !== null")
    assert dark.count() == was_dark
    expect_no_fault(page)


def test_a_live_run_shows_how_far_it_is_and_takes_the_slide(stage: Stage, browser: Browser) -> None:
    address = stage.talk("Live", TalkSlide(stage.known, "A failing heart", "A note"))
    page = stage.open(browser, f"{address}&limit=600")
    page.get_by_role("button", name="Run live").click()
    expect(page.locator(".live-strip.running .live-stage")).to_contain_text(
        re.compile(r"\d+ of 600 s")
    )
    expect(page.locator(".live-strip.running .live-text")).to_contain_text(
        re.compile(r"\w+"), timeout=ANSWERED_MS
    )
    page.keyboard.press("ArrowRight")
    strip = page.locator(".live-strip.live")
    expect(strip).to_contain_text("Live run, just now", timeout=ANSWERED_MS)
    expect(page.locator(".phaselens-talk h1")).to_have_text("A failing heart")
    assert marked(page) == "Shortlist"
    expect(page.locator(".row")).to_have_count(50)
    page.keyboard.press("s")
    expect(page.locator(".live-strip.stored")).to_contain_text("Stored run, made")
    expect(page.locator(".row")).to_have_count(8)
    page.keyboard.press("s")
    expect(page.locator(".row")).to_have_count(50)
    expect_no_fault(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_bundle_plays_from_a_file_with_the_network_cut(
    stage: Stage, browser: Browser, tmp_path: Path, scheme: str
) -> None:
    stage.talk(
        f"To share {scheme}", TalkSlide(stage.known, "A failing heart", "Not for all"),
        TalkSlide(stage.foreign),
    )  # fmt: skip
    page = stage.open(browser, f"talk?talk=To share {scheme}")
    page.get_by_role("button", name="Share").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download the talk").click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    assert file.name == f"To-share-{scheme}.html"
    assert "Not for all" not in file.read_text(encoding="utf-8")

    watch = Watch(browser)  # windows without a network
    talk = watch.open(file.as_uri(), color_scheme=scheme)
    expect(talk.locator("h1")).to_have_text("A failing heart")
    ground = talk.locator(".frame").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == GROUND[scheme]
    for name in STAGES[1:]:
        talk.keyboard.press("ArrowRight")
        assert marked(talk) == name
    expect(talk.get_by_role("button", name="Run live")).to_have_count(0)
    talk.keyboard.press("End")
    expect(talk.locator(".panel.about")).to_contain_text(stage.foreign)
    watch.check()
    watch.close()
