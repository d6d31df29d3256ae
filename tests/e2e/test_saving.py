"""What was typed is saved, also when the next thing is typed before the save is through."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.base import Document
from core.rerank.prompts import DEFAULT_PROMPT
from core.systems import RunConfig
from db.runs import ensure_run
from db.session import Store, open_store
from db.talks import TalkSlide, add_talk, add_to_talk, load_talk
from db.traces import begin_trace, finish_trace
from tests.e2e.conftest import App, expect_no_fault, settled
from tests.talks.made import TEXT, record

pytestmark = [pytest.mark.browser, pytest.mark.model]

CONFIG = RunConfig("icd", "base", DEFAULT_PROMPT, k=50, n=6)


@pytest.fixture
def store(app: App) -> Iterator[Store]:
    opened = open_store(Settings(home=app.home))
    yield opened
    opened.close()


def talk_of_one(store: Store, name: str) -> TalkSlide:
    ada, made = local_person("Ada"), record()
    made = replace(made, document=Document(name, TEXT, made.document.gold))
    with store.write() as session:
        run = ensure_run(session, {"config": CONFIG.to_json()}, CONFIG, None, "live")
        trace = begin_trace(
            session, run_id=run, config=CONFIG, document=made.document, origin="live"
        )
        finish_trace(session, trace, made)
        add_talk(session, ada, name)
        add_to_talk(session, ada, name, TalkSlide(trace))
    return TalkSlide(trace)


@contextmanager
def somebody_else_is_writing(app: App) -> Iterator[None]:
    """Holds SQLite's one place to write, so that a save of the app waits for it."""
    connection = sqlite3.connect(app.home / "phaselens.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def test_a_change_that_is_being_saved_is_saved_whatever_is_typed_next(
    app: App, store: Store, page: Page
) -> None:
    slide = talk_of_one(store, "Saved")
    page.goto(f"{app.url}/talk?talk=Saved")
    settled(page)
    with somebody_else_is_writing(app):
        page.get_by_role("textbox", name="Title of example 1").fill("A failing heart")
        search = page.get_by_role("textbox", name="Search saved traces")
        search.click()
        page.wait_for_timeout(1_000)  # the save of the title has begun, and waits
        search.fill("nothing has this word")
        search.press("Enter")
        page.wait_for_timeout(1_000)  # the app has been asked for something newer
    expect(page.get_by_text("No saved trace has that.")).to_be_visible()
    with store.read() as session:
        assert load_talk(session, "Saved").slides == (replace(slide, title="A failing heart"),)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect_no_fault(page)
