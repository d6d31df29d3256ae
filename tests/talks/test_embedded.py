"""The viewer inside another page, in a shadow root, as Streamlit holds a component."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from core.talks.deck import Deck
from core.talks.slides import slide_of
from core.talks.viewer import component_js, viewer_css
from tests.talks.made import stored

pytestmark = pytest.mark.browser

# A page with a field, a list and a component of ours, called as Streamlit calls it.
HOST = """<!doctype html><html lang="en"><head><title>Host</title></head>
<body style="margin: 0"><h1>Host</h1><input id="field" aria-label="Field">
<div id="list" role="listbox" tabindex="0" aria-label="List">a list</div><div id="host"></div>
<div style="height: 3000px"></div></body></html>"""
START = """async ({js, css, data}) => {
  const module = await import(`data:text/javascript;base64,${js}`)
  const shadow = document.getElementById("host").attachShadow({mode: "open"})
  const style = document.createElement("style")
  style.textContent = css
  const root = document.createElement("div")
  root.className = "talk"
  shadow.append(style, root)
  window.told = []
  const parts = {parentElement: shadow, setStateValue: (name, at) => told.push([name, at])}
  window.draw = (more) => { window.leave = module.default({...parts, data: {...data, ...more}}) }
  draw({})
}"""


@pytest.fixture
def host(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    context.set_offline(True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.set_content(HOST)
    slides = (slide_of(stored(), title="One"), slide_of(stored(system="b"), title="Two"))
    data: dict[str, Any] = {"key": "1", "deck": Deck("Talk", slides).for_viewer(), "scheme": "dark"}
    js = base64.b64encode(component_js().encode()).decode()
    page.evaluate(START, {"js": js, "css": viewer_css(), "data": json.loads(json.dumps(data))})
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    yield page
    context.close()


def told(page: Page) -> list[Any]:
    """What Python was told, once it is told: a moment after the last move."""
    page.wait_for_timeout(400)
    found: list[Any] = page.evaluate("told.map(([name, at]) => [name, at.slide, at.stage])")
    return found


def test_it_plays_and_tells_where_it_is(host: Page) -> None:
    address = host.url
    host.keyboard.press("ArrowRight")
    host.get_by_role("button", name="Answer").click()
    assert told(host)[-1] == ["at", 0, 4]
    expect(host.locator(".score")).to_have_text("F1 0.50")
    assert host.url == address
    assert host.title() == "Host"
    assert "dark" in str(host.locator(".phaselens-talk").get_attribute("class"))
    expect(host.get_by_role("region", name="Talk")).to_be_visible()


def test_keys_of_the_page_stay_its_own(host: Page) -> None:
    host.locator("#field").click()
    host.keyboard.type("nd? ")
    host.keyboard.press("ArrowRight")
    host.locator("#list").focus()
    host.keyboard.press("ArrowRight")
    assert host.locator("#field").input_value() == "nd? "
    assert told(host) == []
    # With no focus anywhere, keys that scroll a page scroll it; a clicker's turn the talk.
    host.evaluate("document.activeElement.blur()")
    host.keyboard.press("Space")
    host.wait_for_function("scrollY > 0")
    assert told(host) == []
    host.keyboard.press("PageDown")
    assert told(host) == [["at", 0, 1]]
    # Inside the talk all keys are the talk's.
    host.get_by_role("button", name="Next").focus()
    host.keyboard.press("End")
    assert told(host)[-1] == ["at", 1, 5]


def test_drawn_again_it_stays_where_it_is(host: Page) -> None:
    host.keyboard.press("PageDown")
    host.evaluate("draw({})")
    host.evaluate("draw({})")
    expect(host.locator(".phaselens-talk")).to_have_count(1)
    host.keyboard.press("PageDown")
    assert told(host)[-1] == ["at", 0, 2]
    host.evaluate("draw({key: '2'})")  # another deck under the same place
    expect(host.locator(".phaselens-talk")).to_have_count(1)
    expect(host.locator(".stage[aria-current]")).to_have_text("1 · Shortlisting")
    host.keyboard.press("PageDown")
    assert told(host)[-1] == ["at", 0, 3]


def test_taken_away_it_leaves_nothing_behind(host: Page) -> None:
    host.evaluate("leave()")
    expect(host.locator(".phaselens-talk")).to_have_count(0)
    host.keyboard.press("PageDown")
    assert told(host) == []


def test_a_deck_without_slides_says_so(host: Page) -> None:
    host.evaluate("draw({key: '3', deck: {format: 1, title: '', slides: []}})")
    expect(host.get_by_text("This talk has no examples.")).to_be_visible()
    host.keyboard.press("PageDown")
    host.keyboard.press("n")
    assert told(host) == []


def test_its_type_follows_its_own_width(host: Page) -> None:
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    frame = host.locator(".frame")
    wide = frame.evaluate(size)
    host.locator("#host").evaluate("e => { e.style.width = '2200px' }")
    assert frame.evaluate(size) > 1.15 * wide
