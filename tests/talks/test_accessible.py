"""A bundle as axe sees it while it is played: every part of an example, notes, keys, the speaker's
window."""

import pytest
from playwright.sync_api import expect

from tests.axe import violations
from tests.talks.watch import Watch

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_in_a_talk_that_is_played(
    watch: Watch, talk: str, scheme: str
) -> None:
    # A part that fades in has less contrast while it does.
    page = watch.open(talk, color_scheme=scheme, reduced_motion="reduce")
    page.keyboard.press("n")
    found = []
    for _ in range(17):
        where = page.locator(".unseen-live").inner_text()
        found += [f"{where} {words}" for words in violations(page)]
        page.keyboard.press("ArrowRight")
    assert page.url.endswith("#sources")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    found += [f"keys: {words}" for words in violations(page)]
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    with page.expect_popup() as opened:
        page.keyboard.press("p")
    expect(opened.value.locator(".speaker-notes")).to_have_text("Ask the room first.")
    found += [f"speaker: {words}" for words in violations(opened.value)]
    assert not found, "\n".join(found)
