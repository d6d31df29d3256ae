"""Faults that nobody foresaw, in the worker and in what listens to it: all are told, none hangs."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import core.live.client
from core.annotation.people import local_person
from core.config import Settings
from core.datasets.base import Document
from core.events import Failed
from core.live.client import LiveWorker
from core.live.questions import About, Question
from core.live.view import LiveView
from core.systems import RunConfig
from db.session import open_store
from db.trace_views import TraceState
from db.traces import load_trace

DOCUMENT = Document("d7", "about topic 7", ())
CONFIG = RunConfig("tiny", "base", "{document}\n{candidates}", k=5, n=3)
PATIENCE_S = 60.0

# A worker as the app starts it, in which one function is broken.
BROKEN = """
import sys
from core.live import worker
def broken(*_, **__):
    raise ZeroDivisionError("nobody foresaw this")
{sabotage}
worker.main()
"""


@pytest.fixture
def broken(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], LiveWorker]]:
    """A live worker whose process runs some lines before it begins."""
    started: list[LiveWorker] = []
    spawn = subprocess.Popen

    def make(sabotage: str) -> LiveWorker:
        code = BROKEN.format(sabotage=textwrap.dedent(sabotage))

        def instead(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
            return spawn([sys.executable, "-c", code, *command[3:]], **options)  # type: ignore[call-overload,no-any-return]

        monkeypatch.setattr(core.live.client.subprocess, "Popen", instead)
        started.append(LiveWorker(Settings(home=home)))
        return started[-1]

    yield make
    for worker in started:
        worker.close()


def ended(worker: LiveWorker, trace_id: str) -> LiveView:
    deadline = time.monotonic() + PATIENCE_S
    while (view := worker.view(trace_id)) is not None and view.running:
        assert time.monotonic() < deadline, view
        time.sleep(0.05)
    assert view is not None
    return view


def test_a_fault_in_answering_a_question_ends_the_worker_and_is_told(
    broken: Callable[[str], LiveWorker],
) -> None:
    worker = broken("worker.reply = broken")
    question = Question(About.SHORTLISTS, "tiny", DOCUMENT, 5)
    answer = worker.ask(question, PATIENCE_S)
    assert isinstance(answer, Failed)
    assert "exit code 1" in answer.what
    assert "nobody foresaw this" in worker.log_path.read_text()


def test_a_fault_while_an_example_loads_interrupts_it_and_those_that_wait(
    broken: Callable[[str], LiveWorker], home: Path
) -> None:
    worker = broken("worker.Worker.opened = broken")
    first, second = (
        worker.start(local_person(), CONFIG, DOCUMENT),
        worker.start(local_person(), CONFIG, DOCUMENT),
    )
    for trace_id in (first, second):
        view = ended(worker, trace_id)
        assert view.state is TraceState.INTERRUPTED
        assert view.error is not None
        store = open_store(Settings(home=home))
        with store.read() as session:
            stored = load_trace(session, trace_id)
        store.close()
        assert stored.summary.state == TraceState.INTERRUPTED
        assert stored.document == DOCUMENT


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_reading_what_the_worker_tells_ends_all_that_seemed_to_run(
    broken: Callable[[str], LiveWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def misunderstood(*_: object) -> LiveView:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(core.live.client, "fold", misunderstood)
    worker = broken("")
    view = ended(worker, worker.start(local_person(), CONFIG, DOCUMENT))
    assert view.state is TraceState.INTERRUPTED
    assert view.error is not None
    assert "could not read" in view.error.what


def test_the_store_is_closed_after_a_dead_worker_was_noted(
    broken: Callable[[str], LiveWorker], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real = core.live.client.open_store
    closed = threading.Event()

    def watched(settings: Settings) -> object:
        store = real(settings)
        close = store.close
        monkeypatch.setattr(store, "close", lambda: (close(), closed.set()), raising=False)
        opened.append(store)
        return store

    monkeypatch.setattr(core.live.client, "open_store", watched)
    worker = broken(f"import os; os._exit({os.EX_SOFTWARE})")
    ended(worker, worker.start(local_person(), CONFIG, DOCUMENT))
    assert opened
    assert closed.wait(PATIENCE_S)
