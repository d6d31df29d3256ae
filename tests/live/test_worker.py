"""The worker process with the real model: what it writes is never lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.base import Document
from core.errors import InputError
from core.live.client import LiveWorker
from core.live.view import LiveView
from core.rerank.base import Decoding
from core.rerank.prompts import DEFAULT_PROMPT
from core.systems import RunConfig
from core.traces.base import FinishReason
from db.session import open_store
from db.trace_views import TraceState
from db.traces import load_trace
from tests.conftest import linked_home

pytestmark = pytest.mark.model

PATIENCE_S = 300  # a minute passes while a starved machine loads the model
DOCUMENT = Document("0030", "Salmonella gastroenteritis", ("A020",))
# Writes on and on: at the highest temperature the end of text is as unlikely as any other token.
LONG = Decoding(max_new_tokens=2000, temperature=5.0, seed=3)


def config(**changes: object) -> RunConfig:
    return RunConfig("icd", "base", DEFAULT_PROMPT, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def live_home(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for this file, so that the model is loaded once for all that leave it alive."""
    return linked_home(icd_home, tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def worker(live_home: Path) -> Iterator[LiveWorker]:
    live = LiveWorker(Settings(home=live_home))
    yield live
    live.close()


@pytest.fixture
def own_worker(live_home: Path) -> Iterator[LiveWorker]:
    """A worker that the test may kill."""
    live = LiveWorker(Settings(home=live_home))
    yield live
    live.close()


def wait(worker: LiveWorker, trace_id: str, until: Callable[[LiveView], bool]) -> LiveView:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        view = worker.view(trace_id)
        assert view is not None
        if until(view):
            return view
        time.sleep(0.02)
    raise AssertionError(f"not reached in {PATIENCE_S} s: {view}")


def ended(view: LiveView) -> bool:
    return not view.running


def test_an_example_runs_through_every_stage_and_is_saved(
    worker: LiveWorker, live_home: Path
) -> None:
    trace_id = worker.start(local_person(), config(), DOCUMENT)
    view = wait(worker, trace_id, ended)
    assert view.state is TraceState.DONE, view.error
    assert view.shortlist is not None
    assert len(view.shortlist.rows) == 50
    assert view.shortlist.searched == 74_044
    assert len(view.candidates) == 10
    assert all(stage.ms is not None for stage in view.stages)
    assert view.prediction is not None
    assert len(view.prediction.ranking) == 50
    assert [fate.label_id for fate in view.fates] == ["A020"]
    with open_store(Settings(home=live_home)).read() as session:
        stored = load_trace(session, trace_id)
    assert stored.trace == view.trace
    assert stored.shortlist == view.shortlist
    assert stored.prediction == view.prediction
    assert stored.fates == view.fates


def test_the_same_question_gives_the_same_text_in_the_same_run(
    worker: LiveWorker, live_home: Path
) -> None:
    first, second = (
        worker.start(local_person(), config(), DOCUMENT),
        worker.start(local_person(), config(), DOCUMENT),
    )
    one, two = wait(worker, first, ended), wait(worker, second, ended)
    assert one.text == two.text
    with open_store(Settings(home=live_home)).read() as session:
        assert (
            load_trace(session, first).summary.run_id == load_trace(session, second).summary.run_id
        )


def test_cancel_keeps_the_partial_trace(worker: LiveWorker, live_home: Path) -> None:
    trace_id = worker.start(local_person(), config(decoding=LONG), DOCUMENT)
    wait(worker, trace_id, lambda view: view.tokens > 5)
    worker.cancel(local_person(), trace_id)
    view = wait(worker, trace_id, ended)
    assert view.state is TraceState.CANCELLED
    assert view.trace is not None
    assert view.trace.finish_reason is FinishReason.CANCELLED
    assert 5 < view.trace.tokens < 2000
    with open_store(Settings(home=live_home)).read() as session:
        stored = load_trace(session, trace_id)
    assert stored.trace == view.trace
    assert stored.summary.state == "cancelled"


def test_a_killed_worker_is_noticed_the_text_kept_and_the_next_run_works(
    own_worker: LiveWorker, live_home: Path
) -> None:
    trace_id = own_worker.start(local_person(), config(decoding=LONG), DOCUMENT)
    kept = open_store(Settings(home=live_home))

    def part_is_kept(view: LiveView) -> bool:
        assert view.running, view
        with kept.read() as session:
            return bool(load_trace(session, trace_id).text)

    wait(own_worker, trace_id, lambda view: bool(view.text))
    wait(own_worker, trace_id, part_is_kept)
    assert own_worker._process is not None
    os.kill(own_worker._process.pid, signal.SIGKILL)
    view = wait(own_worker, trace_id, ended)
    assert view.state is TraceState.INTERRUPTED
    assert view.error is not None
    assert "signal 9" in view.error.what
    assert view.text
    with kept.read() as session:
        stored = load_trace(session, trace_id)
    assert stored.summary.state == "interrupted"
    assert stored.text
    assert view.text.startswith(stored.text)
    again = wait(own_worker, own_worker.start(local_person(), config(), DOCUMENT), ended)
    assert again.state is TraceState.DONE


def test_closing_the_app_saves_the_running_example(own_worker: LiveWorker, live_home: Path) -> None:
    trace_id = own_worker.start(local_person(), config(decoding=LONG), DOCUMENT)
    wait(own_worker, trace_id, lambda view: view.tokens > 5)
    own_worker.close()
    with open_store(Settings(home=live_home)).read() as session:
        stored = load_trace(session, trace_id)
    assert stored.summary.state == "cancelled"
    assert stored.text


@pytest.mark.parametrize("text", ["", " \n ", "x" * 1_000_000, "Острый инфаркт миокарда"])
def test_a_text_that_cannot_be_searched_is_refused_before_anything_starts(
    own_worker: LiveWorker, text: str
) -> None:
    with pytest.raises(InputError):
        own_worker.start(local_person(), config(), Document("typed", text, ()))
    assert not own_worker.alive


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": -3}, "k is -3"),
        ({"k": 74_045}, "74,044 labels"),
        ({"n": 51}, "n is 51"),
        ({"n": 0}, "n is 0"),
        ({"ef": 10}, "ef is 10"),
        ({"prompt": "no placeholders"}, "{document}"),
    ],
)
def test_settings_that_cannot_work_fail_with_the_reason(
    worker: LiveWorker, changes: dict[str, object], says: str
) -> None:
    options = {"prompt": DEFAULT_PROMPT, **changes}
    view = wait(
        worker, worker.start(local_person(), RunConfig("icd", "base", **options), DOCUMENT), ended
    )  # type: ignore[arg-type]
    assert view.state is TraceState.FAILED
    assert view.error is not None
    assert says in view.error.what


def test_an_unknown_dataset_or_system_fails_with_the_names_there_are(worker: LiveWorker) -> None:
    for unknown in (
        RunConfig("nowhere", "base", DEFAULT_PROMPT),
        RunConfig("icd", "nobody", DEFAULT_PROMPT),
    ):
        view = wait(worker, worker.start(local_person(), unknown, DOCUMENT), ended)
        assert view.state is TraceState.FAILED
        assert view.error is not None
        assert "icd" in view.error.fix or "base" in view.error.fix
