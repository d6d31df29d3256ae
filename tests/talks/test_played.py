"""A bundle played in a real browser, from the disk, with the network cut, by keys alone."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.talks.deck import Deck
from core.talks.slides import slide_of
from core.traces.base import Phase, PhaseKind
from tests.talks.made import TRACE, prediction, record, stored, trace_of
from tests.talks.test_bundle import HOSTILE
from tests.talks.watch import Watch, address_of

pytestmark = pytest.mark.browser

STAGES = ["Text", "Shortlist", "1 · Shortlisting", "2 · Reasoning", "Answer", "Curves"]


def stage(page: Page) -> tuple[str, str]:
    """The counter, and the stage that is marked."""
    marked = page.locator(".stage[aria-current=step]")
    return page.locator(".counter").inner_text(), marked.inner_text() if marked.count() else ""


def test_keys_play_it_to_the_end_and_back(watch: Watch, talk: str) -> None:
    page = watch.open(talk)
    expect(page.locator("h1")).to_have_text("A failing heart")
    seen = [stage(page)]
    for key in ("ArrowRight", "ArrowDown", "PageDown", "Space", *["ArrowRight"] * 30):
        page.keyboard.press(key)
        if stage(page) == seen[-1]:
            break
        seen.append(stage(page))
    assert seen[:6] == [("1 / 3", name) for name in STAGES]
    assert seen[6:12] == [("2 / 3", name) for name in STAGES]
    prose = ["Text", "Shortlist", "Trace", "Answer"]
    assert seen[12:16] == [("3 / 3", name) for name in prose]
    assert seen[16:] == [("Sources", "")]
    expect(page.locator(".panel.about")).to_contain_text("Made by PhaseLens")

    back = [stage(page)]
    for key in ("ArrowLeft", "ArrowUp", "PageUp", "Shift+Space", *["ArrowLeft"] * 30):
        page.keyboard.press(key)
        if stage(page) == back[-1]:
            break
        back.append(stage(page))
    assert back == seen[::-1]
    page.keyboard.press("End")
    assert stage(page)[0] == "Sources"
    page.keyboard.press("Home")
    assert stage(page) == ("1 / 3", "Text")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert stage(page) == ("2 / 3", "Text")
    watch.check()


def test_each_stage_shows_what_it_is_for(watch: Watch, talk: str) -> None:
    page = watch.open(talk)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".row")).to_have_count(8)
    expect(page.locator(".cut")).to_have_text("The model saw the 6 above, not those below.")
    expect(page.locator(".mark.gold")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".part.shortlisting")).to_have_text("1 · Shortlisting")
    expect(page.locator(".part.reasoning")).to_have_class("part reasoning coming")
    expect(page.locator(".flag")).to_have_text("t* = 0.42 (by the trace's grammar)")
    expect(page.locator(".panel.document .place")).to_have_count(5)
    edge = "e => getComputedStyle(e).borderLeftStyle"
    assert page.locator(".block.shortlisting").evaluate(edge) == "dashed"
    page.keyboard.press("ArrowRight")
    assert page.locator(".block.reasoning").evaluate(edge) == "solid"
    expect(page.locator(".step.does-drop .tag").first).to_have_text("drop")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".score")).to_have_text("F1 0.50")
    expect(page.locator(".fates .fate")).to_have_text(
        ["selected", "dropped in reasoning", "encoder miss"]
    )
    page.keyboard.press("ArrowRight")
    svg = page.get_by_role("img", name="Reasoning Focus and Near-Miss Confusion")
    expect(svg.locator("desc")).to_contain_text("Focus goes from 0.21 at t = 0.05 to 0.71")
    expect(page.locator("[aria-live=polite]")).to_have_text(
        "Slide 1 of 3: A failing heart. Curves, part 6 of 6."
    )
    watch.check()


def test_a_trace_that_goes_back_and_forth_has_all_its_parts(watch: Watch, tmp_path: Path) -> None:
    marks = ("2. Shortness", "6. Cough", "1. keep", "2. drop", "Answer")
    a, b, c, d, e = (TRACE.index(words) for words in marks)
    kinds = PhaseKind.SHORTLISTING, PhaseKind.REASONING
    phases = (
        Phase(kinds[0], 0, a), Phase(kinds[1], a, b), Phase(kinds[0], b, c),
        Phase(kinds[1], d, e), Phase(PhaseKind.ANSWER, e, len(TRACE)),
    )  # fmt: skip
    made = record(trace=trace_of(TRACE, phases=phases))
    deck = Deck("Turns", (slide_of(stored(made)),))
    page = watch.open(address_of(deck, tmp_path) + "#1.4")
    expect(page.locator(".part")).to_have_count(6)
    expect(page.locator(".block.shortlisting")).to_have_count(2)
    expect(page.locator(".block.reasoning")).to_have_count(2)
    expect(page.locator(".block.outside")).to_contain_text("keep: the note says")
    expect(page.locator(".turn")).to_have_text(["⋯ after 2 · Reasoning", "⋯"])
    watch.check()


def test_a_reload_goes_on_where_it_was(watch: Watch, talk: str) -> None:
    page = watch.open(talk)
    for _ in range(8):
        page.keyboard.press("PageDown")
    assert page.url.endswith("#2.3")
    page.reload()
    assert stage(page) == ("2 / 3", "1 · Shortlisting")
    for wrong in ("#99.99", "#0.0", "#<b>", "#2.x"):
        page.goto(talk + wrong)
        page.reload()
        expect(page.locator(".counter")).to_be_visible()
    page.evaluate("location.hash = '#1.5'")
    expect(page.locator(".score")).to_be_visible()
    page.keyboard.press("End")
    assert page.url.endswith("#sources")
    watch.check()


def test_notes_help_and_scheme_by_key(watch: Watch, talk: str) -> None:
    page = watch.open(talk, color_scheme="dark", reduced_motion="reduce")
    app = page.locator(".phaselens-talk")
    assert "dark" in str(app.get_attribute("class"))
    page.keyboard.press("d")
    assert "light" in str(app.get_attribute("class"))

    expect(page.get_by_text("Ask the room first.")).to_have_count(0)
    page.keyboard.press("N")
    expect(page.get_by_text("Ask the room first.")).to_be_visible()
    expect(page.get_by_role("button", name="Notes")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("n")
    expect(page.get_by_text("Ask the room first.")).to_have_count(0)

    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys and signs")
    for words in (
        "speaker notes, here",
        "dark or light",
        "full screen",
        "Page Down",
        "dashed edge",
    ):
        expect(sheet.get_by_text(words, exact=True)).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert stage(page) == ("1 / 3", "Text")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    page.keyboard.press("?")
    page.keyboard.press("?")
    expect(sheet).to_have_count(0)
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement === null")
    watch.check()


def test_the_speaker_has_a_window_of_their_own(watch: Watch, talk: str) -> None:
    page = watch.open(talk, color_scheme="dark")
    with page.expect_popup() as opened:
        page.keyboard.press("p")
    speaker = opened.value
    expect(page.get_by_role("button", name="Speaker")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Ask the room first.")).to_have_count(0)
    expect(speaker.locator(".speaker-notes")).to_have_text("Ask the room first.")
    expect(speaker.locator(".speaker-next")).to_have_text("Next: Shortlist")
    expect(speaker.get_by_role("timer")).to_contain_text("0:0")
    assert "dark" in str(speaker.locator(".speaker").get_attribute("class"))
    assert (
        speaker.locator(".speaker-notes").evaluate("e => getComputedStyle(e).overflowY") == "auto"
    )

    speaker.keyboard.press("ArrowRight")
    assert stage(page) == ("1 / 3", "Shortlist")
    speaker.get_by_role("button", name="Next").click()
    expect(speaker.locator(".speaker-stage")).to_have_text("1 · Shortlisting, part 3 of 6")
    speaker.keyboard.press("Shift+ArrowRight")
    expect(speaker.locator("h1")).to_have_text("Long")
    expect(speaker.locator(".speaker-notes")).to_have_text("No notes here.")
    page.keyboard.press("ArrowLeft")
    expect(speaker.locator(".speaker-next")).to_have_text("Next example: Long")
    page.keyboard.press("End")
    expect(speaker.locator(".speaker-next")).to_have_text("This is the end.")
    page.keyboard.press("d")
    assert "light" in str(speaker.locator(".speaker").get_attribute("class"))

    speaker.reload()  # empty, and out of reach: another takes its place
    expect(page.get_by_role("button", name="Speaker")).to_have_attribute("aria-pressed", "false")
    with page.expect_popup() as second:
        page.keyboard.press("p")
    expect(second.value.locator(".speaker-next")).to_have_text("This is the end.")
    assert speaker.is_closed()
    second.value.close()
    expect(page.get_by_role("button", name="Speaker")).to_have_attribute("aria-pressed", "false")
    with page.expect_popup() as again:
        page.keyboard.press("p")
    with again.value.expect_event("close"):
        page.reload()
    watch.check()


def test_long_notes_of_the_speaker_scroll_by_keys(watch: Watch, tmp_path: Path) -> None:
    note = "\n".join(f"Say sentence {number} of many." for number in range(80))
    page = watch.open(address_of(Deck("Notes", (slide_of(stored(), note=note),)), tmp_path))
    with page.expect_popup() as opened:
        page.keyboard.press("p")
    notes = opened.value.locator(".speaker-notes")
    notes.focus()
    opened.value.keyboard.press("End")
    opened.value.wait_for_function(
        "() => { const n = document.querySelector('.speaker-notes');"
        " return n.scrollHeight - n.clientHeight - n.scrollTop < 5 }"
    )
    assert stage(page) == ("1 / 1", "Text")
    opened.value.keyboard.press("PageDown")
    assert stage(page) == ("1 / 1", "Shortlist")
    opened.value.goto("data:text/html,elsewhere")
    expect(page.get_by_role("button", name="Speaker")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    assert stage(page) == ("1 / 1", "1 · Shortlisting")


def test_a_browser_that_lets_no_window_open_is_told_of(watch: Watch, talk: str) -> None:
    page = watch.open(talk)
    page.evaluate("window.open = () => null")
    page.keyboard.press("n")
    expect(page.locator(".foot")).to_contain_text("Ask the room first.")
    page.keyboard.press("p")
    expect(page.locator(".foot")).to_contain_text("Allow pop-ups for this page")
    expect(page.locator(".unseen-live")).to_have_text("The browser lets no window open.")
    page.keyboard.press("n")
    page.keyboard.press("n")
    expect(page.locator(".foot")).to_contain_text("Ask the room first.")
    watch.check()


def test_tab_reaches_every_control_and_shows_where_it_is(watch: Watch, talk: str) -> None:
    page = watch.open(talk + "#2.4")
    expect(page.locator(".panel.reasoning")).to_be_visible()
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.tagName, e.getAttribute('aria-label') || e.textContent, s.outlineStyle] }"
        )
        if found in reached:
            break
        reached.append(found)
    panels = [name for tag, name, _ in reached if tag == "DIV"]
    buttons = [name for tag, name, _ in reached if tag == "BUTTON"]
    assert panels[-1] == "2 · Reasoning"
    assert buttons == [
        "Back", *STAGES, "Next", "Notes N", "Speaker P", "Dark D", "Full screen F", "Keys ?",
    ]  # fmt: skip
    assert {outline for tag, _, outline in reached if tag != "BODY"} == {"solid"}
    for button in page.get_by_role("button").all():
        assert button.evaluate("e => (e.getAttribute('aria-label') || e.textContent).trim()")


def test_a_long_text_scrolls_by_keys_and_then_goes_on(watch: Watch, talk: str) -> None:
    page = watch.open(talk + "#2.4")
    body = page.locator(".panel.reasoning .body")
    expect(body).to_have_attribute("tabindex", "0")
    expect(page.locator(".panel.reasoning .more")).to_be_visible()
    body.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "() => { const b = document.querySelector('.panel.reasoning .body');"
        " return b.scrollHeight - b.clientHeight - b.scrollTop < 5 }"
    )
    expect(page.locator(".panel.reasoning .more")).to_be_hidden()
    assert stage(page) == ("2 / 3", "2 · Reasoning")
    page.keyboard.press("PageDown")
    assert stage(page) == ("2 / 3", "Answer")
    # Where nothing has the focus, a clicker's keys go on at once.
    page.goto("about:blank")
    page.goto(talk + "#2.4")
    page.keyboard.press("PageDown")
    assert stage(page) == ("2 / 3", "Answer")


def test_hostile_texts_are_shown_and_do_nothing(watch: Watch, tmp_path: Path) -> None:
    text = f'{HOSTILE}\nShortlist:\n1. Heart failure, unspecified <- "{HOSTILE}"\nAnswer: 1'
    made = record(text=HOSTILE, trace=trace_of(text, notes=(HOSTILE,)))
    deck = Deck(HOSTILE, (slide_of(stored(made), note=HOSTILE, title=HOSTILE),))
    page = watch.open(address_of(deck, tmp_path))
    page.keyboard.press("n")
    shown = ""
    for _ in range(8):
        assert page.title() != "taken"
        shown += page.locator("body").inner_text()
        inside = page.locator(".phaselens-talk")
        expect(inside.locator("script, img, style, iframe, a, link, form")).to_have_count(0)
        page.keyboard.press("ArrowRight")
    assert "</script><script>document.title='taken'</script>" in shown
    assert "**bold**" in shown
    assert not any(sign in shown for sign in ("\u202e", "\x00", "\x1b"))
    watch.check()


def test_a_very_long_trace_is_drawn_at_once(watch: Watch, tmp_path: Path) -> None:
    lines = "\n".join(f"{1 + n % 6}. drop: argument {n} goes on for a while" for n in range(4000))
    long = f"{TRACE.rsplit('Answer', 1)[0]}{lines}\nAnswer: 1"
    made = record(trace=trace_of(long), answer=prediction("I50.9"))
    page = watch.open(address_of(Deck("Long", (slide_of(stored(made)),)), tmp_path) + "#1.3")
    took = page.evaluate(
        "() => { const start = performance.now();"
        " document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));"
        " document.body.offsetHeight; return performance.now() - start }"
    )
    expect(page.locator(".panel.reasoning .step")).to_have_count(4006)
    assert took < 3_000
