"""The search for a label in a real browser, by keyboard alone, on a page with nothing else."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config import Settings
from core.datasets.catalogue import open_dataset
from core.label_search.search import LabelSearch
from tests.e2e.conftest import ROOT, expect_no_fault, free_port, settled

pytestmark = pytest.mark.browser

SHOWN_S = 10.0  # 0.2 s where nothing else runs; here tests run side by side
QUERY, NAME = "mell 2 without", "Type 2 diabetes mellitus without complications"


@pytest.fixture(scope="module")
def url(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page over the icd labels."""
    home = tmp_path_factory.mktemp("label-search")
    LabelSearch.open(Settings(home=shared_home), open_dataset(Settings(home=shared_home), "icd"))
    for name in ("datasets", "indexes"):
        (home / name).symlink_to(shared_home / name)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ["streamlit", "run", "tests/e2e/label_search_app.py", "--server.port", str(port)]
    with (home / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PHASELENS_HOME": str(home), "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 120
        while not _answers(address):
            assert time.monotonic() < deadline, (home / "app.log").read_text("utf-8")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def opened(url: str, page: Page) -> Page:
    page.goto(url)
    expect(page.get_by_role("combobox", name="Missing label")).to_be_visible()
    settled(page)
    return page


def test_typing_shows_labels_and_enter_picks_one(opened: Page) -> None:
    page, box = opened, opened.get_by_role("combobox", name="Missing label")
    box.focus()
    page.keyboard.type(QUERY, delay=30)
    start = time.monotonic()
    option = page.get_by_role("option", name="E119 Type 2")
    expect(option).to_be_visible()
    assert time.monotonic() - start < SHOWN_S
    assert box.input_value() == QUERY
    assert option.inner_text().split("\n") == ["E119", NAME]
    # Typing that rests on a busy machine is searched too: first the list for "mell" alone.
    expect(option.locator("mark")).to_have_text(["2", "mell", "without"])
    expect(page.get_by_text(re.compile("^Runs of the page: 1$"))).to_be_visible()

    expect(box).to_have_attribute("aria-expanded", "true")
    chosen = page.locator("[role=option][aria-selected=true]")
    first = chosen.inner_text()
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert chosen.inner_text() == first
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(f"^Picked: {first.split()[0]}$"))).to_be_visible()
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_be_focused()
    assert box.input_value() == ""

    page.keyboard.type(QUERY)  # what was picked is not offered again
    expect(chosen).to_be_visible()
    assert chosen.inner_text() != first
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("^Picked: [A-Z0-9]+, [A-Z0-9]+$"))).to_be_visible()
    expect_no_fault(page)


def test_nothing_found_is_said_and_escape_closes(opened: Page) -> None:
    page, box = opened, opened.get_by_role("combobox", name="Missing label")
    box.focus()
    page.keyboard.type("fracture zzz")
    expect(page.get_by_role("status").get_by_text("No label has these words")).to_be_attached()
    expect(page.locator(".none")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Picked: nothing")).to_be_visible()
    for _ in "zzz":
        page.keyboard.press("Backspace")
    expect(page.get_by_role("option")).to_have_count(20)
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert box.input_value() == "fracture "
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option")).to_have_count(20)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert box.input_value() == ""
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Below")).to_be_focused()


def test_the_list_lies_over_the_page_and_a_click_picks(opened: Page) -> None:
    page, box = opened, opened.get_by_role("combobox", name="Missing label")
    below = page.get_by_role("button", name="Below")
    before = below.bounding_box()
    box.fill("s72")
    third = page.get_by_role("option").nth(2)
    expect(third).to_be_visible()
    assert below.bounding_box() == before
    code = third.inner_text().split()[0]
    third.click()
    expect(page.get_by_text(f"Picked: {code}")).to_be_visible()


def test_odd_input_is_text(opened: Page) -> None:
    page, box = opened, opened.get_by_role("combobox", name="Missing label")
    box.fill('<img src=x onerror="document.title=\'taken\'"> " OR 😀 \u202e')
    expect(page.locator(".none")).to_be_visible()
    box.fill("burn")
    expect(page.get_by_role("option")).to_have_count(20)
    assert page.title() != "taken"
    expect_no_fault(page)
