"""Two annotators work through a queue in a real browser, by keys alone."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.annotation.people import local_person
from core.annotation.verdicts import LabelVerdict, ShortlistVerdict, TaskKind
from core.config import Settings
from db.adjudication import judged_tasks
from db.queues import Queue, add_queue
from db.session import open_store
from pages.parts.annotator import COOKIE
from tests.conftest import linked_home
from tests.db.asked import made_traces
from tests.e2e.conftest import App, expect_no_fault, settled

pytestmark = pytest.mark.browser
TASKS = 3


@pytest.fixture(scope="module")
def queue_app(
    icd_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[App, Queue]]:
    """An app with a queue of three shortlists, each for two annotators."""
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("annotate")))
    store = open_store(Settings(home=app.home))
    traces = made_traces(store, TASKS)
    with store.write() as session:
        queue = add_queue(
            session, local_person("Lead"), name="Three shortlists", kind=TaskKind.SHORTLIST,
            traces=[(trace, None) for trace in traces], overlap=2,
        )  # fmt: skip
    store.close()
    app.start()
    yield app, queue
    app.stop()


def come(browser: Browser, app: App, name: str) -> Page:
    """Opens the queue as somebody of that name."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{app.url}/annotate")
    settled(page)
    page.get_by_role("textbox", name="Your name").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator(".judge .row").first).to_be_visible()
    settled(page)
    return page


def at_task(page: Page, number: int) -> None:
    expect(page.locator(".judge .about")).to_have_text(re.compile(f"^Task {number} of {TASKS}"))
    expect(page.locator(".judge.sent")).to_have_count(0)


def settle(browser: Browser, app: App, queue: Queue) -> None:
    """A lead goes from Agreement to the one task that is disputed, and settles it, by keys."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.context.add_cookies([{"name": COOKIE, "value": "Lead", "url": app.url}])
    page.goto(f"{app.url}/annotate?view=Agreement&queue={queue.id}")
    expect(page.get_by_role("heading", name="Where they differ")).to_be_visible()
    settled(page)
    go_to(page, page.get_by_role("button", name="Settle them one after another"))
    page.keyboard.press("Enter")
    expect(page.locator(".judge .about")).to_contain_text(f"Task 2 of {TASKS} · open")
    settled(page)
    expect(page.locator(".judge .verdict", has_text="Missing gold")).to_contain_text("Ada")
    expect(page.locator(".judge .verdict", has_text="Good")).to_contain_text("Ben")
    page.keyboard.press("5")
    expect(page.get_by_text("Nothing is left to settle.")).to_be_visible()
    settled(page)
    page.keyboard.press("u")
    expect(page.locator(".judge .about")).to_contain_text(f"Task 2 of {TASKS} · open")
    expect(page.locator(".judge .verdict[aria-pressed=true]")).to_contain_text("Duplicates")
    settled(page)
    page.keyboard.press("4")
    expect(page.get_by_text("Nothing is left to settle.")).to_be_visible()
    exported(app, page)
    expect_no_fault(page)
    page.context.close()


def exported(app: App, page: Page) -> None:
    """The lead takes the judgements out as a file, by keys alone."""
    page.goto(f"{app.url}/annotate?view=Use")
    prepare = page.get_by_role("button", name="Prepare").first
    expect(prepare).to_be_visible()
    settled(page)
    go_to(page, prepare)
    page.keyboard.press("Enter")
    ready = page.get_by_role("button", name=re.compile(r"judgements-all\.csv"))
    expect(ready).to_be_visible()
    settled(page)
    go_to(page, ready)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = Counter(row["kind"] for row in rows)
    assert kinds == {"judgement": 5, "adjudication": 1}, "what stands, and nothing that was undone"


def add_missing(page: Page, words: str) -> None:
    """Adds the first label with these words, which are typed before the box is there."""
    page.keyboard.press("a")
    page.keyboard.type(words)
    first = page.locator(".label-search .option").first
    expect(first).to_contain_text(re.compile(words, re.IGNORECASE))
    page.keyboard.press("Enter")
    expect(page.locator(".judge .chip.missing")).to_contain_text(re.compile(words, re.IGNORECASE))
    settled(page)


def go_to(page: Page, wanted: Locator, steps: int = 80) -> None:
    """Presses Tab until that has the focus."""
    for _ in range(steps):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the focus never came there")


def test_two_annotators_judge_by_keys_and_one_takes_back_a_judgement(
    queue_app: tuple[App, Queue], browser: Browser
) -> None:
    app, queue = queue_app
    ada, ben = come(browser, app, "Ada"), come(browser, app, "Ben")
    at_task(ada, 1)
    for key in ("j", "w", "k", "k", "q"):  # the second label is irrelevant, the first relevant
        ada.keyboard.press(key)
    expect(ada.locator(".judge .row .chip[aria-pressed=true]")).to_have_count(2)
    ada.keyboard.press("1")
    at_task(ada, 2)
    ada.keyboard.press("3")
    at_task(ada, 3)
    ada.reload()
    at_task(ada, 3)
    ada.keyboard.press("u")
    at_task(ada, 2)
    add_missing(ada, "salmonella enteritis")
    ada.keyboard.press("2")
    at_task(ada, 3)
    ada.keyboard.press("s")
    expect(ada.get_by_text("2 yours · 2 of them in the last hour · 1 skipped")).to_be_visible()
    expect(ada.get_by_text("Nothing is left for you in this queue.")).to_be_visible()
    settled(ada)
    ada.keyboard.press("s")
    at_task(ada, 3)

    at_task(ben, 1)
    ben.keyboard.press("h")
    expect(ben.locator(".judge .help")).to_contain_text("undo the last judgement")
    for number in range(1, TASKS + 1):
        at_task(ben, number)
        ben.keyboard.press("m")
        ben.keyboard.type("seen")
        ben.keyboard.press("Escape")
        ben.keyboard.press("1")
    expect(ben.get_by_text("Nothing is left for you in this queue.")).to_be_visible()
    expect_no_fault(ada)
    expect_no_fault(ben)

    settle(browser, app, queue)

    store = open_store(Settings(home=app.home))
    with store.read() as session:
        tasks = list(judged_tasks(session, queue.id))
    store.close()
    by = [{one.annotator: one.judgement for one in task.judgements} for task in tasks]
    assert [len(one) for one in by] == [2, 2, 1]
    assert by[0]["Ada"].labels == {
        "I50.9": LabelVerdict.RELEVANT, "I50.1": LabelVerdict.IRRELEVANT,
    }  # fmt: skip
    assert by[1]["Ada"].shortlist is ShortlistVerdict.MISSING_GOLD
    assert by[1]["Ada"].missing == ("A020",)
    assert {one["Ben"].comment for one in by} == {"seen"}
    final = [task.final for task in tasks]
    assert [one and one.judgement.shortlist for one in final] == [
        None, ShortlistVerdict.NEAR_MISSES, None,
    ]  # fmt: skip
