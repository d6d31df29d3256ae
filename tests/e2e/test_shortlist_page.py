"""The Shortlist page in a real browser, over the whole icd index."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ANSWERED_MS, App, expect_no_fault, settled

pytestmark = [pytest.mark.browser]


def test_one_example_and_then_a_survey_whose_worst_document_opens(app: App, page: Page) -> None:
    page.goto(f"{app.url}/shortlist?document=5187&k=20&method=dense")
    expect(page.get_by_text(re.compile(r"1 of 1.*gold labels in the first 20"))).to_be_visible()
    expect(page.get_by_text(re.compile("dense search of 74,044 labels"))).to_be_visible()
    expect(page.get_by_label(re.compile("Map of the text")).first).to_be_visible()
    settled(page)

    page.keyboard.press("n")
    expect(page).not_to_have_url(re.compile("document=5187"))
    expect(page).to_have_url(re.compile("k=20"))
    settled(page)

    page.get_by_role("radio", name="Whole dataset").click()
    expect(page.get_by_text("There is no survey of this dataset yet.")).to_be_visible()
    page.get_by_role("spinbutton", name="Documents").fill("30")
    page.keyboard.press("Tab")
    page.get_by_role("button", name=re.compile("Make survey")).click()
    surveyed = page.get_by_text(re.compile("95% intervals over 30 documents"))
    expect(surveyed).to_be_visible(timeout=ANSWERED_MS)
    expect(page.get_by_text("Worst examples")).to_be_visible()
    settled(page)

    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    table.click(position={"x": 40, "y": 55})  # the first row, under the header
    expect(page.get_by_text(re.compile("gold labels in the first 20"))).to_be_visible()
    expect(page).to_have_url(re.compile("view=example"))
    expect_no_fault(page)


def test_methods_fates_near_misses_ef_and_a_flag_without_a_run(app: App, page: Page) -> None:
    page.goto(f"{app.url}/shortlist?document=5187&k=20&method=fusion")
    expect(page.get_by_text(re.compile(r"gold labels in the first 20"))).to_be_visible()
    expect(page.get_by_text("Near misses of a gold label")).to_be_visible()
    expect(page.get_by_text("Nearest labels that are not gold")).to_be_visible()
    expect(page.get_by_text(re.compile("Siblings: labels under|no siblings|No other label"))
           ).to_be_visible()  # fmt: skip
    expect(page.get_by_text("Gold labels: what became of each at retrieval")).to_be_visible()
    settled(page)
    page.get_by_text("Methods side by side").click()
    expect(page.get_by_text(re.compile("Search times: Dense .* Lexical .* Fusion"))).to_be_visible()

    page.get_by_role("spinbutton", name="ef").fill("300")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("ef=300"))
    settled(page)
    expect(page.get_by_text(re.compile("Fused lists are 100 labels long"))).to_be_visible()

    page.get_by_role("button", name="Missing gold").click()
    undo = page.get_by_role("button", name=re.compile("Undo"))
    expect(undo).to_have_count(1)
    page.reload()
    expect(undo).to_have_count(1)
    page.get_by_role("link", name="Traces").click()
    expect(page.get_by_text("Flagged shortlists without a run: 1")).to_be_visible()
    page.go_back()
    undo.click()
    expect(undo).to_have_count(0)
    expect_no_fault(page)
