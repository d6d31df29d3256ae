"""Mechanism in a real browser with the real model: heads are patched, and the ranking changes."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.config import Settings
from db.session import open_store
from tests.e2e.conftest import ANSWERED_MS, SCREENSHOTS, App, click_until, expect_no_fault, settled
from tests.live.inside_examples import save_example

pytestmark = [pytest.mark.browser, pytest.mark.model]


def render(prompt: str) -> str:
    """The packaged model's chat template."""
    return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def trace_id(app: App) -> str:
    """A saved trace with both phases; written by hand, as the small model seldom keeps to the
    form, and so that the test need not wait for it to write."""
    store = open_store(Settings(home=app.home))
    saved = save_example(store, render)
    store.close()
    return saved


def opened(app: App, page: Page, trace_id: str) -> None:
    """The page with its scores and attention there."""
    page.goto(f"{app.url}/traces?trace={trace_id}")
    page.get_by_role("link", name="Look inside").click()
    expect(page.get_by_text("Ranking by CoarseScore")).to_be_visible(timeout=ANSWERED_MS)
    expect(page.get_by_text(re.compile("looks at most"))).to_be_visible(timeout=ANSWERED_MS)
    settled(page)


def patch(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Patch [1-9]")).click()
    expect(page.get_by_text("Label ranking")).to_be_visible(timeout=ANSWERED_MS)
    settled(page)


def cell(page: Page, layer: int, head: int) -> tuple[float, float]:
    """Where a head is on the grid, in pixels of the page. Vega draws 30 x 9 equal cells."""
    grid = page.get_by_test_id("stVegaLiteChart").first
    axes = grid.locator("svg g.mark-rect.role-mark path")
    box = axes.nth(layer * 9 + head).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def metric(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=name).get_by_test_id("stMetricValue")


def ranking(page: Page) -> dict[str, list[str]]:
    """The labels in each run, best first, as the chart tells them to a screen reader."""
    chart = page.get_by_label(re.compile("Ranks of the labels"))
    marks = chart.locator("[aria-label*='Log-probability']")
    found: dict[str, dict[int, str]] = {}
    for words in marks.evaluate_all("marks => marks.map(m => m.getAttribute('aria-label'))"):
        said = re.search(r"Label: (.*); Role: .*; Run: (\w+); Rank: (\d+)", words)
        assert said, words
        found.setdefault(said[2], {})[int(said[3])] = said[1]
    return {run: [at for _, at in sorted(ranks.items())] for run, ranks in found.items()}


def fill(page: Page, name: str, value: str) -> None:
    box = page.get_by_role("spinbutton", name=name)
    box.fill(value)
    box.press("Enter")
    settled(page)


def test_heads_are_chosen_and_patched_and_the_ranking_changes(
    app: App, page: Page, trace_id: str
) -> None:
    opened(app, page, trace_id)
    fill(page, "Noise", "8")
    page.get_by_role("button", name="Top CoarseScore").click()
    expect(page).to_have_url(re.compile(r"heads=\d+\.\d+(_\d+\.\d+){4}(&|$)"))
    patch(page)
    few = ranking(page)
    assert few["corrupted"] != few["clean"]
    expect(metric(page, "Random heads")).to_have_text(re.compile(r"-?\d+%"))
    # All heads' outputs from the clean run bring the clean answer back: then nothing is left that
    # could carry the corrupted document to the position that answers.
    fill(page, "How many", "270")
    top = page.get_by_role("button", name="Top CoarseScore")
    click_until(top, page.get_by_text("inputs changed since"))
    page.get_by_role("button", name="Patch 270 heads").click()
    expect(metric(page, "Restored")).to_have_text("100%", timeout=ANSWERED_MS)
    settled(page)
    every = ranking(page)
    assert every["patched"] == every["clean"] == few["clean"]
    assert every["patched"] != every["corrupted"]
    expect_no_fault(page)


def test_a_click_on_the_grid_takes_a_head_in_and_out(app: App, page: Page, trace_id: str) -> None:
    opened(app, page, trace_id)
    page.mouse.click(*cell(page, 12, 4))
    expect(page).to_have_url(re.compile(r"layer=12&head=4&.*heads=12\.4(&|$)"))
    settled(page)
    page.mouse.click(*cell(page, 3, 7))
    expect(page).to_have_url(re.compile(r"heads=12\.4_3\.7(&|$)"))
    settled(page)
    page.mouse.click(*cell(page, 12, 4))
    expect(page).to_have_url(re.compile(r"heads=3\.7(&|$)"))
    expect_no_fault(page)


def test_a_click_on_a_token_looks_from_there(app: App, page: Page, trace_id: str) -> None:
    opened(app, page, trace_id)
    page.locator(".token", has_text=" stools").first.click()
    number = page.get_by_role("spinbutton", name="Position")
    expect(page.locator(".token.from")).to_have_text(re.compile("stools"), timeout=ANSWERED_MS)
    position = number.input_value()
    expect(page).to_have_url(re.compile(f"position={position}(&|$)"))


def test_a_chart_is_saved_as_png_and_svg(app: App, page: Page, trace_id: str) -> None:
    opened(app, page, trace_id)
    page.get_by_role("button", name="Save").first.click()
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).click()
        assert download.value.suggested_filename == f"heads-coarsescore.{kind.lower()}"
        assert Path(download.value.path()).read_bytes().startswith(start)


def test_a_patched_model_writes_another_text_beside_the_saved_one(
    app: App, page: Page, trace_id: str
) -> None:
    opened(app, page, trace_id)
    page.get_by_role("button", name="Top CoarseScore").click()
    # As a person would: what is typed before the heads are drawn is sent with none of them.
    expect(page.get_by_role("button", name="Write the text again")).to_be_enabled()
    settled(page)
    fill(page, "Tokens to write", "8")
    page.get_by_role("button", name="Write the text again").click()
    written = page.get_by_text(re.compile("^Corrupted, not patched"))
    expect(written.first).to_be_visible(timeout=ANSWERED_MS)
    expect(page.locator(".pl-trace")).to_have_count(3)
    settled(page)
    expect_no_fault(page)


@pytest.mark.skipif(
    not os.environ.get("PHASELENS_SCREENSHOTS"), reason="`make screenshots` takes them"
)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1920)])
def test_the_mechanism_screenshots(
    app: App, browser: Browser, trace_id: str, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 2400},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.set_default_timeout(90_000)
    opened(app, page, trace_id)
    fill(page, "How many", "27")
    page.get_by_role("button", name="Top CoarseScore").click()
    settled(page)
    patch(page)
    page.mouse.move(2, 300)  # off the button, whose help would hide what is beside it
    page.wait_for_timeout(1500)  # fonts and the tables' canvases have no event to wait for
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    name = "mechanism.png" if scheme == "light" else "mechanism-dark.png"
    page.screenshot(path=SCREENSHOTS / name)
    context.close()
