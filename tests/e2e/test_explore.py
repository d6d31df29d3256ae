"""Explore in a real browser with the real model."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import ANSWERED_MS, SCREENSHOTS, App, expect_no_fault, settled

pytestmark = [pytest.mark.browser, pytest.mark.model]

# A dev document after which the packaged model usually writes both phases.
WITH_PHASES = "5187"


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Run"))


def run(page: Page) -> None:
    run_button(page).click()
    expect(page.get_by_role("heading", name="Final labels")).to_be_visible(timeout=ANSWERED_MS)
    expect(run_button(page)).to_be_enabled()
    settled(page)


def type_own_text(page: Page, text: str) -> None:
    page.get_by_role("radio", name="My own text").click()
    box = page.get_by_role("textbox", name=re.compile("text", re.IGNORECASE)).first
    box.fill(text)
    box.blur()  # Ctrl+Enter would run it too


def test_a_run_shows_every_part_and_its_link_opens_it_again(
    app: App, page: Page, browser: Browser
) -> None:
    page.goto(f"{app.url}/?document={WITH_PHASES}")
    run(page)
    expect(
        page.get_by_text(re.compile("50 (nearest|best) of 74,044 labels · HNSW"))
    ).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ tokens · [\d.]+ tokens/s"))).to_be_visible()
    # Phases are there, apart and named, or their absence is said: never something in between.
    blocks = page.locator(".pl-head", has_text=re.compile("Shortlisting|Reasoning"))
    none = page.get_by_text("No phases found.")
    assert (blocks.count() >= 2) != (none.count() > 0)
    for heading in ("Shortlist", "Trace", "Final labels", "Fate of each gold label"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Focus and Near-Miss Confusion")).to_be_visible()
    page.get_by_text("Exact prompt", exact=True).first.click()
    expect(page.get_by_text(re.compile("<\\|im_start\\|>user")).first).to_be_visible()
    expect_no_fault(page)

    other = browser.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Final labels")).to_be_visible()
    expect_no_fault(other)
    other.close()


def test_a_click_elsewhere_never_loses_a_running_trace(app: App, page: Page) -> None:
    page.goto(app.url)
    run_button(page).click()
    expect(page).to_have_url(re.compile("trace="))
    trace_id = re.search(r"trace=([0-9a-f]+)", page.url)
    page.get_by_role("link", name="Data").click()
    expect(page.get_by_text(re.compile("74,044")).first).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    expect(page.get_by_role("heading", name="Final labels")).to_be_visible(timeout=ANSWERED_MS)
    assert trace_id
    expect(page).to_have_url(re.compile(trace_id[1]))


def test_cancel_keeps_what_was_written(app: App, page: Page) -> None:
    page.goto(app.url)
    type_own_text(page, "Chest pain after falling off a horse, and a broken left arm")
    page.get_by_role("button", name=re.compile("^More")).click()
    temperature = page.get_by_role("spinbutton", name=re.compile("Temperature"))
    temperature.fill("5")  # the end of text is then as unlikely as any other token
    temperature.press("Enter")
    settled(page)
    limit = page.get_by_role("spinbutton", name=re.compile("^Token limit"))
    limit.fill("4000")
    limit.press("Enter")
    settled(page)
    page.keyboard.press("Escape")
    run_button(page).click()
    expect(page.get_by_text(re.compile(r"^[1-9]\d* tokens"))).to_be_visible(timeout=ANSWERED_MS)
    page.get_by_role("button", name="Off topic").click()  # a flag need not wait for the end
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(page.get_by_text(re.compile("Cancelled. What was written"))).to_be_visible(
        timeout=ANSWERED_MS
    )
    expect(page.locator(".pl-trace")).not_to_be_empty()
    expect(undo).to_have_count(1)
    expect_no_fault(page)


def test_a_flag_is_one_click_shown_again_and_undone(app: App, page: Page) -> None:
    page.goto(app.url)
    run(page)
    page.get_by_role("button", name="Missing gold").click()
    undo = page.get_by_role("button", name=re.compile("Undo|Take back"))
    expect(undo.first).to_be_visible()
    page.reload()
    expect(undo.first).to_be_visible()
    undo.first.click()
    expect(undo).to_have_count(0)


def test_a_text_in_another_script_is_refused_and_stays_in_its_box(app: App, page: Page) -> None:
    page.goto(app.url)
    type_own_text(page, "Острый инфаркт миокарда")
    run_button(page).click()
    expect(page.get_by_text(re.compile("mostly in Cyrillic script"))).to_be_visible()
    expect(page.get_by_text("Острый инфаркт миокарда").first).to_be_visible()
    expect_no_fault(page)


@pytest.mark.parametrize(
    "name", ["Explore", "Traces", "Shortlist", "Mechanism", "Data", "Jobs", "Settings"]
)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1920)])
def test_every_page_opens_without_a_fault_in_light_and_dark(
    app: App, browser: Browser, tmp_path: Path, name: str, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 1000},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(app.url if name == "Explore" else f"{app.url}/{name.lower()}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    settled(page)
    expect_no_fault(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    keep = os.environ.get("PHASELENS_PAGES")
    page.screenshot(path=Path(keep or tmp_path) / f"{name}-{scheme}.png".lower())
    context.close()


@pytest.mark.skipif(
    not os.environ.get("PHASELENS_SCREENSHOTS"), reason="`make screenshots` takes them"
)
def test_the_readme_screenshot(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1560})
    page = context.new_page()
    page.goto(f"{app.url}/?document={WITH_PHASES}")
    run(page)
    page.get_by_role("heading", name="Explore").click()  # takes the focus off the button
    page.wait_for_timeout(1500)  # fonts and the table's canvas have no event to wait for
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "explore.png")
    context.close()
