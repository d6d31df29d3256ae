"""The Trace page in a real browser: an import from a file, then reading, by mouse and by keys."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config import Settings
from core.trace_import import import_traces
from core.traces.importing.request import TraceImportRequest
from db.session import open_store
from tests.conftest import linked_home
from tests.e2e.conftest import ANSWERED_MS, SCREENSHOTS, App, expect_no_fault, settled

pytestmark = [pytest.mark.browser, pytest.mark.model]

DOCUMENT = "Shortness of breath and swollen ankles for two weeks; known congestive heart failure."
PROSE = (
    'The note speaks of breath and ankles. It says "swollen ankles", which points to Heart '
    "failure, unspecified. Edema, unspecified is possible as well. Shortness of breath could stand "
    "alone. Pneumonia, unspecified organism might be considered, and Cough, unspecified too.\n"
    "However, there is no fever, so Pneumonia, unspecified organism does not fit and is dropped. "
    "Edema, unspecified is only a sign, not a diagnosis of its own. Cough, unspecified is not "
    "mentioned at all, so it is dropped as well. "
    "But Heart failure, unspecified is named in the note itself, so I keep it.\n"
)
NASTY = (
    "<think>\n<script>document.title = 'taken'</script> **bold** $x^2$ \u202e turned "
    "[link](https://evil.example) <img src=x onerror=\"document.title = 'taken'\">\n</think>\n\n"
    "Hypertension"
)
NAMES = [
    "Heart failure, unspecified", "Edema, unspecified", "Shortness of breath",
    "Pneumonia, unspecified organism", "Cough, unspecified",
]  # fmt: skip
LONG = PROSE * 330  # 220,000 characters, about 50,000 tokens


@pytest.fixture(scope="module")
def app(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with three imported traces: prose, one that would do harm, and a long one."""
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("traces")))
    common = {"dataset": "icd", "text": DOCUMENT, "gold": NAMES[:1], "candidates": NAMES}
    rows = [
        {**common, "document_id": "prose", "system": "llama-70b", "trace": PROSE},
        {**common, "document_id": "nasty", "system": "nasty", "trace": NASTY},
        {**common, "document_id": "long", "system": "long", "trace": LONG},
    ]
    file = app.home / "traces.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = Settings(home=app.home)
    store = open_store(settings)
    made = import_traces(
        settings, store, TraceImportRequest((file,)),
        report=lambda *_: None, cancelled=lambda: False,
    )  # fmt: skip
    assert made is not None
    assert made.traces == 3
    store.close()
    app.start()
    yield app
    app.stop()


def opened(app: App, page: Page, document: str) -> None:
    """Opens a trace from the list."""
    page.goto(f"{app.url}/traces?f_system={document}")
    settled(page)
    page.get_by_test_id("stDataFrame").first.wait_for()
    store = open_store(Settings(home=app.home))
    with store.connect(write=False) as connection:
        from sqlalchemy import text

        found = connection.execute(
            text("SELECT id FROM traces WHERE system = :system"), {"system": document}
        ).scalar_one()
    store.close()
    page.goto(f"{app.url}/traces?trace={found}")
    # At its first opening a trace is worked out.
    expect(page.locator(".reader .step").first).to_be_visible(timeout=ANSWERED_MS)
    settled(page)


def test_a_trace_of_prose_is_read_by_keys_and_mouse(app: App, page: Page) -> None:
    opened(app, page, "llama-70b")
    steps = page.locator(".reader .step")
    expect(page.locator(".reader .block.shortlisting")).not_to_have_count(0)
    expect(page.locator(".reader .block.reasoning")).not_to_have_count(0)
    expect(page.get_by_text(re.compile("by change point, [0-9]+% sure"))).to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(steps.nth(1)).to_have_class(re.compile(r"\bnow\b"))
    expect(page.locator(".reader .anchor").first).to_be_visible()

    # A mention marks all others, and says where its label is in the shortlist.
    mention = page.locator(".reader .label", has_text="Heart failure").first
    mention.click()
    expect(page.get_by_text(re.compile(r"^▸ Heart failure.*named 2 times$"))).to_be_visible()
    settled(page)
    expect(page.locator(".reader .label.hot")).to_have_count(2)

    # The views.
    page.get_by_text("Two columns", exact=True).click()
    expect(page.locator(".reader .columns")).to_be_visible()
    page.get_by_text("Functions", exact=True).click()
    expect(page.locator(".reader .by-function")).to_be_visible()
    settled(page)
    expect_no_fault(page)


@pytest.mark.skipif(
    not os.environ.get("PHASELENS_SCREENSHOTS"), reason="`make screenshots` takes them"
)
def test_the_trace_screenshot(app: App, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 1150})
    opened(app, page, "llama-70b")
    page.wait_for_timeout(1_000)
    page.screenshot(path=SCREENSHOTS / "trace.png")


def test_a_person_moves_the_boundary_by_a_key_and_takes_it_back(app: App, page: Page) -> None:
    opened(app, page, "llama-70b")
    page.locator(".reader .step").nth(2).click()
    expect(page.locator(".reader .step").nth(2)).to_have_class(re.compile(r"\bnow\b"))
    settled(page)
    page.wait_for_timeout(600)  # the browser tells the chosen step a moment later
    settled(page)
    page.keyboard.press("b")
    expect(page.get_by_text(re.compile("by a person: t"))).to_be_visible()
    expect(page.locator(".reader .block.shortlisting .step")).to_have_count(2)
    expect(page.get_by_text(re.compile("by change point"))).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text(re.compile("by a person: t"))).to_have_count(0)
    expect_no_fault(page)


def test_text_that_would_do_harm_is_shown_and_does_nothing(app: App, page: Page) -> None:
    opened(app, page, "nasty")
    expect(page.locator(".reader .text")).to_contain_text(
        "<script>document.title = 'taken'</script>"
    )
    expect(page.locator(".reader .text img, .reader .text script, .reader .text a")).to_have_count(
        0
    )
    expect(page.locator(".reader .block.answer")).to_contain_text("Hypertension")
    assert "\u202e" not in page.locator(".reader .text").inner_text()
    assert page.title() != "taken"


def test_a_long_trace_is_read_to_its_end(app: App, page: Page) -> None:
    opened(app, page, "long")
    steps = page.locator(".reader .step")
    assert steps.count() > 2_000
    page.locator(".reader .timeline").click(position={"x": 300, "y": 8})
    expect(page.locator(".reader .step.now")).to_be_in_viewport()
    places = "all => all.findIndex(step => step.classList.contains('now'))"
    chosen = steps.evaluate_all(places)
    assert 100 < chosen < steps.count() - 100
    page.keyboard.press("j")
    expect(steps.nth(chosen + 1)).to_have_class(re.compile(r"\bnow\b"))
    expect_no_fault(page)


def test_traces_are_imported_on_the_data_page(app: App, page: Page, tmp_path: Path) -> None:
    good = {"dataset": "icd", "document_id": "a", "text": "A cough.", "system": "api"}
    rows = [{**good, "trace": "Cough. Answer: Cough"}, {**good, "trace": " "}]
    file = tmp_path / "mixed.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page.goto(f"{app.url}/data?data_tab=Import+traces")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("mixed.jsonl")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Import traces").click()
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    expect(page.get_by_text("icd / api: 1")).to_be_visible()
    expect(page.get_by_role("button", name="All problems as CSV")).to_be_visible()
    page.get_by_role("link", name="Read them on Traces").click()
    expect(page.get_by_text("of 4", exact=False)).to_be_visible()
    expect_no_fault(page)
