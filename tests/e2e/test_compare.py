"""Compare in a real browser: from the choice of runs to a flag on one of the traces."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config import Settings
from db.runs import list_runs
from db.session import open_store
from tests.conftest import linked_home
from tests.e2e.compared_runs import RIGHT, save_run
from tests.e2e.conftest import App, expect_no_fault, settled

pytestmark = [pytest.mark.browser, pytest.mark.model]

SHORT = (12, 24)  # tokens that the two runs of the base may write


@pytest.fixture(scope="module")
def compared(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app whose store has one run of each of three systems, and two of the base."""
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("compare")))
    store = open_store(Settings(home=app.home))
    for tokens in SHORT:  # the oldest: what the page offers first are the others
        save_run(store, "base", {"a": True}, tokens)
    for system, right in RIGHT.items():
        save_run(store, system, right)
    store.close()
    app.start()
    yield app
    app.stop()


def test_from_the_choice_of_runs_to_a_flag(compared: App, page: Page) -> None:
    page.goto(f"{compared.url}/compare")
    expect(page.get_by_text("4 documents that all 3 runs have answered")).to_be_visible()
    expect(page.get_by_text(re.compile("less that of"))).not_to_have_count(0)
    expect(page.get_by_text("Only where they differ (2 of 4)")).to_be_visible()
    settled(page)
    expect(page.get_by_role("link", name=re.compile("^Whole trace of"))).to_have_count(3)
    expect_no_fault(page)

    # Two of them, by the address that it left.
    first = re.search(r"runs=([0-9a-f]+)(?:,|%2C)([0-9a-f]+)", page.url)
    assert first, page.url
    page.goto(f"{compared.url}/compare?dataset=icd&runs={first[1]},{first[2]}&document=a")
    expect(page.get_by_text("4 documents that all 2 runs have answered")).to_be_visible()
    expect(page.get_by_text("Congestive heart failure a", exact=True)).to_be_visible()
    settled(page)

    # A side opens its whole trace.
    page.get_by_role("link", name=re.compile("^Whole trace of")).first.click()
    expect(page.get_by_role("heading", name="Final labels")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Congestive heart failure a", exact=True)).to_be_visible()
    settled(page)

    # A verdict on one side is stored.
    page.get_by_role("button", name="Off topic").first.click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)
    expect_no_fault(page)


def test_a_new_text_is_answered_by_all_systems(compared: App, page: Page) -> None:
    store = open_store(Settings(home=compared.home))
    with store.read() as session:
        runs = [run for run in list_runs(session, limit=9) if run.system == "base"]
    store.close()
    short, long = (run.id for run in runs)
    page.goto(f"{compared.url}/compare?dataset=icd&runs={short},{long}")
    page.get_by_text("A new text", exact=True).click()
    expect(page.get_by_text("their traces appear here")).to_be_visible()
    settled(page)
    text = page.get_by_label("Text", exact=True)
    text.fill("Acute <b>appendicitis</b> with peritonitis")
    text.press("Control+Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_enabled()
    expect(page.get_by_role("link", name=re.compile("^Whole trace of"))).to_have_count(
        2, timeout=120_000
    )
    expect(page.get_by_text(re.compile(r"^base \([0-9a-f]{6}\) · 12 tokens in"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^base \([0-9a-f]{6}\) · 24 tokens in"))).to_be_visible()
    settled(page)
    expect_no_fault(page)

    # Each of the new traces can be flagged.
    page.get_by_role("button", name="Off topic").first.click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)

    # Another text above does not pass for the one that was answered.
    page.get_by_label("Text", exact=True).fill("Something else")
    page.get_by_label("Text", exact=True).press("Tab")
    expect(page.get_by_text("Below are answers to another text")).to_be_visible()
    settled(page)

    # The link brings back text and traces.
    link = page.url
    assert re.search(r"live=[0-9a-f]{16}(,|%2C)[0-9a-f]{16}", link)
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_label("Text", exact=True)).to_have_value(re.compile("appendicitis"))
    expect(page.get_by_role("link", name=re.compile("^Whole trace of"))).to_have_count(2)


def test_a_system_that_is_gone_is_told(compared: App, page: Page) -> None:
    page.goto(f"{compared.url}/compare?dataset=icd")
    page.get_by_text("A new text", exact=True).click()
    expect(page.get_by_text("their traces appear here")).to_be_visible()
    settled(page)
    page.get_by_label("Text", exact=True).fill("Fever")
    page.get_by_label("Text", exact=True).press("Control+Enter")
    expect(page.get_by_text("is not on this machine, only its results are")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Fever")
