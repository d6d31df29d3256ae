"""A live example goes on while its store cannot be written, and is saved whole once it can."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.config import load_settings
from core.events import Event, Failed, Finished, Saved, Shortlisted, Stopped, Warned, Wrote
from core.live.messages import Start
from core.live.recorder import Recorder
from core.live.view import LiveView, fold
from core.shortlist.base import Shortlist
from core.systems import RunConfig
from core.traces.base import FinishReason
from db.owners import this_owner
from db.session import Store, open_store
from db.trace_views import StoredTrace, TraceState
from db.traces import load_trace
from tests.db.examples import CONFIG, DOCUMENT
from tests.runs.conftest import answered


@dataclass
class Tools:
    """Stands for core.tools.Tools, of which the recorder asks the run's identity alone."""

    def resolved(self, config: RunConfig) -> RunConfig:
        return replace(config, method=config.method or "dense")

    def identity(self, config: RunConfig, found: Shortlist | None = None) -> dict[str, object]:
        return {"config": config.to_json(), "index": found.index if found else "as opened"}


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    found = open_store(load_settings(), patience_s=0.1)
    yield found
    found.close()


@pytest.fixture
def lock(home: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """Another process that is writing; `rollback()` ends it."""
    with closing(sqlite3.connect(home / "phaselens.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def recorder(store: Store, heard: list[Event]) -> Recorder:
    return Recorder(store, Start("0123456789abcdef", CONFIG, DOCUMENT), heard.append)


def saved(store: Store) -> StoredTrace:
    with store.read() as session:
        return load_trace(session, "0123456789abcdef")


def shown(heard: list[Event]) -> LiveView:
    view = LiveView("0123456789abcdef", CONFIG, DOCUMENT)
    for event in heard:
        view = fold(view, event)
    return view


def begin(recorder: Recorder) -> None:
    recorder.begin(this_owner())
    recorder.opened(Tools())  # type: ignore[arg-type]


def end(recorder: Recorder, reason: FinishReason = FinishReason.STOP) -> None:
    done = answered(DOCUMENT, reason)
    recorder.heard(Wrote("Answer", 2, 0.1))
    recorder.heard(Finished(done.trace, done.prediction, done.fates))
    recorder.finish(done)


def test_a_store_that_is_locked_at_the_start_has_the_whole_run_at_the_end(
    recorder: Recorder, lock: sqlite3.Connection, store: Store, heard: list[Event]
) -> None:
    begin(recorder)
    (warned,) = shown(heard).warnings
    assert "locked" in warned.what
    lock.rollback()
    end(recorder)
    assert saved(store).summary.state == TraceState.DONE
    assert saved(store).text == "Answer: 1"
    assert saved(store).identity == {"config": saved(store).config.to_json(), "index": "as opened"}
    assert shown(heard).warnings == (), "the warning goes when it is no longer true"


def test_a_store_that_is_locked_to_the_end_is_told_and_the_result_is_shown(
    recorder: Recorder, lock: sqlite3.Connection, heard: list[Event]
) -> None:
    begin(recorder)
    end(recorder)
    assert [type(e) for e in heard] == [Warned, Wrote, Finished]
    assert shown(heard).state is TraceState.DONE
    assert shown(heard).warnings


def test_a_failure_is_saved_with_its_text_when_the_store_works_again(
    recorder: Recorder, lock: sqlite3.Connection, store: Store, heard: list[Event]
) -> None:
    begin(recorder)
    recorder.heard(Wrote("half an ans", 3, 0.1))
    lock.rollback()
    recorder.fail(Failed("It broke.", "Run it again."))
    assert saved(store).summary.state == TraceState.FAILED
    assert saved(store).text == "half an ans"
    assert saved(store).error == ("It broke.", "Run it again.")
    assert Saved() in heard


def test_an_answer_that_was_broken_off_is_a_failure_that_keeps_its_text(
    recorder: Recorder, store: Store, heard: list[Event]
) -> None:
    begin(recorder)
    end(recorder, FinishReason.ERROR)
    error = shown(heard).error
    assert error is not None
    assert "broke off" in error.what
    assert saved(store).error == (error.what, error.fix)
    assert saved(store).text == "Answer: 1"


def test_an_example_is_stored_before_anything_is_loaded_for_it(
    recorder: Recorder, store: Store
) -> None:
    recorder.begin(this_owner())
    assert saved(store).summary.state == TraceState.RUNNING
    assert saved(store).identity is None, "its run is not known yet"
    recorder.fail(Failed("The model cannot be read.", "Mend it."))
    assert saved(store).summary.state == TraceState.FAILED
    assert saved(store).error == ("The model cannot be read.", "Mend it.")


def test_an_example_that_is_cancelled_before_it_is_answered_is_stored_so(
    recorder: Recorder, store: Store, heard: list[Event]
) -> None:
    recorder.begin(this_owner())
    recorder.stop()
    assert saved(store).summary.state == TraceState.CANCELLED
    assert saved(store).error is None
    assert heard == [Stopped()]
    assert shown(heard).state is TraceState.CANCELLED


def test_the_run_is_that_of_the_index_that_answered(recorder: Recorder, store: Store) -> None:
    begin(recorder)
    done = answered(DOCUMENT)
    recorder.heard(Shortlisted(replace(done.shortlist, index="grown since"), done.gold))
    stored = saved(store)
    assert stored.identity == {"config": stored.config.to_json(), "index": "grown since"}
    assert stored.config.method == "dense", "the default is spelt out"
    assert stored.shortlist is not None
