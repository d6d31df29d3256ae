"""A live run of a talk's example: it ends as a saved trace, or says why there is none."""

import dataclasses
from collections.abc import Iterator

import pytest

from core.annotation.people import Person
from core.config import Settings, load_settings
from core.datasets.base import Document
from core.errors import JobError
from core.events import Failed, Stage
from core.live.talk_run import Attempt, Done, FellBack, Going, begin, look, stop
from core.live.view import StageView
from core.systems import RunConfig
from db.session import Store, open_store
from db.trace_views import StoredTrace, TraceState
from db.traces import load_trace
from tests.db.asked import ADA
from tests.pages import saved
from tests.pages.explore_fakes import FakeWorker, finished


class Worker(FakeWorker):
    """With settings, as the real one has; `refuses`: why it cannot be started."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.started: list[tuple[RunConfig, Document]] = []
        self.refuses: JobError | None = None

    def start(self, by: Person, config: RunConfig, document: Document) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.started.append((config, document))
        return super().start(by, config, document)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store(load_settings())
    yield opened
    opened.close()


@pytest.fixture
def worker() -> Worker:
    return Worker(load_settings())


def stored(store: Store, trace_id: str) -> StoredTrace:
    """A stored trace of a text of one's own, which no dataset has to know."""
    with store.read() as session:
        found = load_trace(session, trace_id)
    return dataclasses.replace(found, document=dataclasses.replace(found.document, split=None))


def begun(worker: Worker, store: Store) -> tuple[StoredTrace, Attempt]:
    one = stored(store, saved.save())
    attempt = begin(worker, store, ADA, one, limit_s=30, now=100.0)
    assert isinstance(attempt, Attempt)
    return one, attempt


def test_it_runs_the_same_text_with_the_same_settings(worker: Worker, store: Store) -> None:
    one, attempt = begun(worker, store)
    assert worker.started == [(one.config, one.document)]
    going = look(worker, store, attempt, 104.0)
    assert isinstance(going, Going)
    assert (going.seconds, going.waiting) == (4.0, False)


def test_it_waits_for_a_run_that_somebody_began_before(worker: Worker, store: Store) -> None:
    worker.start(ADA, stored(store, saved.save()).config, Document("own", "A text", ()))
    _, attempt = begun(worker, store)
    going = look(worker, store, attempt, 101.0)
    assert isinstance(going, Going)
    assert going.waiting
    worker.change(attempt.trace_id, stages=(StageView(Stage.LOAD),))
    going = look(worker, store, attempt, 101.0)
    assert isinstance(going, Going)
    assert not going.waiting


def test_one_that_ends_is_a_saved_trace(worker: Worker, store: Store) -> None:
    _, attempt = begun(worker, store)
    live = saved.save("live")
    attempt = dataclasses.replace(attempt, trace_id=live)
    worker.views[live] = worker.views.popitem()[1]
    worker.change(live, **finished())
    assert look(worker, store, attempt, 140.0) == Done(live, 40.0)


def test_one_above_the_limit_is_stopped(worker: Worker, store: Store) -> None:
    _, attempt = begun(worker, store)
    found = look(worker, store, attempt, 130.0)
    assert found == FellBack("It took longer than the limit of 30 s.")
    assert worker.cancelled == [attempt.trace_id]


def test_the_speaker_stops_it(worker: Worker, store: Store) -> None:
    _, attempt = begun(worker, store)
    assert "speaker" in stop(worker, attempt).what
    assert worker.cancelled == [attempt.trace_id]
    found = look(worker, store, attempt, 101.0)
    assert found == FellBack("It was stopped.")


def test_what_ends_it_is_said(worker: Worker, store: Store) -> None:
    _, attempt = begun(worker, store)
    worker.change(
        attempt.trace_id, state=TraceState.FAILED, error=Failed("There is no index.", "Build it.")
    )
    found = look(worker, store, attempt, 101.0)
    assert found == FellBack("There is no index.", "Build it.")
    worker.change(attempt.trace_id, **finished(), error=None)
    found = look(worker, store, attempt, 101.0)
    assert isinstance(found, FellBack)
    assert "not saved" in found.what
    worker.views.clear()
    found = look(worker, store, attempt, 101.0)
    assert isinstance(found, FellBack)
    assert "started anew" in found.what


def test_a_foreign_trace_is_not_run(worker: Worker, store: Store) -> None:
    imported = stored(store, saved.save_imported("Prose."))
    found = begin(worker, store, ADA, imported, limit_s=30, now=0.0)
    assert isinstance(found, FellBack)
    assert found.what == "There is no system named 'llama-70b' on this machine."
    config = dataclasses.replace(imported.config, system="base")
    ours = dataclasses.replace(imported, config=config)
    found = begin(worker, store, ADA, ours, limit_s=30, now=0.0)
    assert isinstance(found, FellBack)
    assert "settings it was written with are not known" in found.what
    assert worker.started == []


def test_what_keeps_it_from_being_begun_is_said(worker: Worker, store: Store) -> None:
    one = stored(store, saved.save())
    worker.refuses = JobError("The model process cannot be started.", "See the log.")
    found = begin(worker, store, ADA, one, limit_s=30, now=0.0)
    assert found == FellBack("The model process cannot be started.", "See the log.")
    gone = dataclasses.replace(one.config, dataset="gone")
    with store.read() as session:
        whole = dataclasses.replace(load_trace(session, one.id), config=gone)
    worker.refuses = None
    found = begin(worker, store, ADA, whole, limit_s=30, now=0.0)
    assert isinstance(found, FellBack)
    assert "gone" in found.what
