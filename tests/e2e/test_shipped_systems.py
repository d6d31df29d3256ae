"""The systems that ship, in a real browser: their results side by side, and all three live."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config import Settings
from core.study.shipped import load_shipped
from db.session import open_store
from tests.conftest import linked_home
from tests.e2e.conftest import ANSWERED_MS, SCREENSHOTS, App, expect_no_fault, settled

pytestmark = [pytest.mark.browser, pytest.mark.model]

SIDES = 3  # standard, mechanistic, teacher


@pytest.fixture(scope="module")
def shipped(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app into whose store the results that ship have come."""
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("shipped")), results=True)
    settings = Settings(home=app.home, shipped_results=True)
    store = open_store(settings)
    counts = load_shipped(settings, store, lambda *told: None)
    store.close()
    assert counts["icd"] > 0
    app.start()
    yield app
    app.stop()


def open_compare(app: App, page: Page) -> None:
    page.goto(f"{app.url}/compare?dataset=icd")
    expect(page.get_by_text(re.compile(f"documents that all {SIDES} runs have answered"))
           ).to_be_visible()  # fmt: skip
    settled(page)


def test_students_and_teacher_stand_side_by_side_without_a_choice(shipped: App, page: Page) -> None:
    open_compare(shipped, page)
    for side in ("standard-0", "mechanistic-0", "teacher"):
        expect(page.get_by_text(re.compile(f"laptop-{side}"))).not_to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("^Whole trace of"))).to_have_count(SIDES)
    expect_no_fault(page)


def test_all_three_answer_a_new_text_with_one_base_in_memory(shipped: App, page: Page) -> None:
    open_compare(shipped, page)
    page.get_by_text("A new text", exact=True).click()
    expect(page.get_by_text("their traces appear here")).to_be_visible()
    settled(page)
    page.get_by_label("Text", exact=True).fill("Congestive heart failure")
    page.get_by_label("Text", exact=True).press("Control+Enter")
    expect(page.get_by_role("link", name=re.compile("^Whole trace of"))).to_have_count(
        SIDES, timeout=SIDES * ANSWERED_MS
    )
    for side in ("standard-0", "mechanistic-0", "teacher"):
        expect(page.get_by_text(re.compile(rf"laptop-{side} · [\d,]+ tokens in"))).to_be_visible()
    expect_no_fault(page)


@pytest.mark.skipif(
    not os.environ.get("PHASELENS_SCREENSHOTS"), reason="`make screenshots` takes them"
)
@pytest.mark.parametrize("name", ["compare.png", "compare-dark.png"])
def test_screenshot(shipped: App, page: Page, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.emulate_media(color_scheme="dark" if "dark" in name else "light")
    open_compare(shipped, page)
    page.screenshot(path=SCREENSHOTS / name)
