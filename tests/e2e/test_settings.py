"""A model server added on the Settings page answers in Explore."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config import Settings
from core.models.packaged import ensure
from tests.e2e.conftest import ANSWERED_MS, App, expect_no_fault, settled
from tests.served import serving

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture
def own_server(shared_home: Path, tmp_path: Path) -> Iterator[str]:
    """A server that no other test asks; on one thread, since the app has the other core."""
    with serving(ensure(Settings(home=shared_home)), tmp_path, threads=1) as url:
        yield url


def test_an_endpoint_is_tested_added_picked_and_run(
    app: App, page: Page, own_server: str, shared_home: Path
) -> None:
    page.goto(f"{app.url}/settings")
    page.get_by_role("radio", name="Endpoint").click()
    for box, value in (
        ("Name", "served"),
        ("Base URL", own_server),
        ("Model on the server", str(ensure(Settings(home=shared_home)))),
    ):
        page.get_by_role("textbox", name=re.compile(f"^{box}")).fill(value)
    patience = page.get_by_role("spinbutton", name=re.compile("^Seconds to wait"))
    patience.fill("400")  # its first words take long on a slow machine with other work
    patience.press("Tab")
    page.get_by_role("button", name="Test and add").click()
    expect(page.get_by_text(re.compile("^served")).first).to_be_visible(timeout=ANSWERED_MS)

    page.goto(f"{app.url}/?system=served&n=3")
    settled(page)
    page.get_by_role("button", name=re.compile("^More")).click()
    limit = page.get_by_role("spinbutton", name=re.compile("^Token limit"))
    limit.fill("24")
    limit.press("Enter")
    settled(page)
    expect(limit).to_have_value("24")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(page.get_by_role("heading", name="Final labels")).to_be_visible(timeout=ANSWERED_MS)
    expect(page.get_by_text(re.compile("Result for .* served")).first).to_be_visible()
    expect(page.locator(".pl-trace")).not_to_be_empty()
    expect_no_fault(page)
