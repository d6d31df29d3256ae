"""Guidelines and keys in a real browser, which remembers what it has shown."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pages.parts.annotator import COOKIE
from tests.conftest import linked_home
from tests.e2e.conftest import App, expect_no_fault, settled

pytestmark = pytest.mark.browser


@pytest.fixture
def lead_page(icd_home: Path, tmp_path: Path, browser: Browser) -> Iterator[Page]:
    app = App(linked_home(icd_home, tmp_path / "app"))
    app.start()
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.add_cookies([{"name": COOKIE, "value": "Lead", "url": app.url}])
    page = context.new_page()
    page.goto(f"{app.url}/annotate?view=Guidelines")
    yield page
    context.close()
    app.stop()


def view(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).click()
    settled(page)


def change_first_key(page: Page, key: str, then: Locator) -> None:
    """Writes into the first cell of the table, which is drawn on a canvas: a double click that
    falls into a rerun is lost."""
    table = page.get_by_test_id("stDataFrame")
    editor = page.locator("#portal textarea, #portal input").first
    for _ in range(5):
        expect(table).to_be_visible()
        place = table.bounding_box()
        assert place is not None
        page.mouse.dblclick(place["x"] + 40, place["y"] + 50)
        try:
            expect(editor).to_be_visible(timeout=10_000)
        except AssertionError:
            continue
        editor.fill(key)
        editor.press("Enter")
        try:
            expect(then).to_be_enabled(timeout=10_000)
        except AssertionError:
            continue
        return
    raise AssertionError("no cell could be written")


def test_a_lead_writes_guidelines_and_loses_nothing_on_the_way(lead_page: Page) -> None:
    page = lead_page
    page.get_by_role("button", name="Write a new version").click()
    box = page.get_by_label("Text, in Markdown")
    box.fill("Look twice.")
    view(page, "Keys")  # straight from the box
    use = page.get_by_role("button", name="Use these keys")
    change_first_key(page, "G", use)
    page.get_by_role("radio", name="Trace").click()
    expect(use).to_be_disabled()
    page.get_by_role("radio", name="Shortlist").click()
    expect(use).to_be_enabled()

    view(page, "Guidelines")
    expect(box).to_have_value("Look twice.")
    page.get_by_role("button", name="Save as version 2").click()
    version = page.get_by_role("combobox", name="Version")
    expect(version).to_have_value(re.compile("Version 2 · Lead"))
    page.get_by_text("Changes since version 1").click()
    page.get_by_role("button", name="Write a new version").click()
    expect(box).to_have_value("Look twice.")
    page.get_by_role("button", name="Discard").click()
    expect(box).to_have_count(0)
    expect(version).to_have_value(re.compile("Version 2 · Lead"))
    expect(page.get_by_text("older: annotators see")).to_have_count(0)
    expect_no_fault(page)
