"""Working on a job in this process, and how its rate and time left come about."""

import importlib
import threading
import time
from typing import Any

import pytest

from core import jobs
from core.annotation.people import local_person
from core.config import Settings
from core.errors import JobError, UnknownNameError
from core.jobs.progress import RateWindow
from db.jobs import JobState, load_job
from db.session import Store
from tests.jobs.worker import KINDS


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sampled(clock: Clock, window: RateWindow, *samples: tuple[float, str, int]) -> None:
    for seconds, stage, done in samples:
        clock.now += seconds
        window.add(stage, done)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def window(clock: Clock) -> RateWindow:
    return RateWindow(30.0, clock)


def test_there_is_no_rate_before_there_is_something_to_measure(window: RateWindow) -> None:
    assert window.rate() is None
    window.add("a", 5)
    assert window.rate() is None


def test_work_of_an_earlier_attempt_does_not_count_as_speed(
    clock: Clock, window: RateWindow
) -> None:
    sampled(clock, window, (0, "a", 9_000), (10, "a", 9_020))
    assert window.rate() == 2.0


def test_the_rate_is_that_of_the_last_half_minute(clock: Clock, window: RateWindow) -> None:
    sampled(clock, window, *[(1, "a", 100 * n) for n in range(60)])
    sampled(clock, window, *[(1, "a", 6_000 + n) for n in range(60)])
    assert window.rate() == pytest.approx(1.0)


def test_slow_work_has_a_rate_too(clock: Clock, window: RateWindow) -> None:
    sampled(clock, window, (0, "a", 0), (40, "a", 1), (40, "a", 2))
    assert window.rate() == pytest.approx(1 / 40)


def test_a_new_stage_begins_afresh(clock: Clock, window: RateWindow) -> None:
    sampled(clock, window, (0, "a", 0), (1, "a", 100), (1, "b", 0), (1, "b", 3))
    assert window.rate() == 3.0


def test_the_rate_falls_when_nothing_comes_any_more(clock: Clock, window: RateWindow) -> None:
    sampled(clock, window, (0, "a", 0), (1, "a", 10), (1, "a", 20))
    assert window.rate() == 10.0
    clock.now += 1
    assert window.rate() == 10.0
    clock.now += 18
    assert window.rate() == pytest.approx(1.0)


def test_work_in_this_process_ends_the_job(settings: Settings, store: Store) -> None:
    job_id = jobs.submit(store, local_person(), "answer", {"total": 3, "pause": 0}, "Answers")
    ended = jobs.work(settings, job_id, kinds=KINDS)
    assert (ended.state, ended.result, ended.done) == (JobState.DONE, {"answered": 3}, 3)
    assert ended.owner is None
    assert ended.finished_at is not None
    with pytest.raises(JobError, match="has ended"):
        jobs.work(settings, job_id, kinds=KINDS)


def test_the_same_work_is_queued_once_until_it_has_ended(settings: Settings, store: Store) -> None:
    first = jobs.submit(store, local_person(), "fail", {}, "One", unique_key="same")
    assert jobs.submit(store, local_person(), "fail", {}, "Two", unique_key="same") == first
    assert jobs.submit(store, local_person(), "fail", {}, "Other", unique_key="other") != first
    jobs.work(settings, first, kinds=KINDS)
    second = jobs.submit(store, local_person(), "fail", {}, "Two", unique_key="same")
    assert second != first
    with pytest.raises(JobError, match="does the same work"):
        jobs.resume(settings, store, local_person(), first)


def test_a_keyboard_interrupt_gives_the_job_back(settings: Settings, store: Store) -> None:
    def interrupted(*_: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    job_id = jobs.submit(store, local_person(), "interrupted", {}, "Interrupted")
    with pytest.raises(KeyboardInterrupt):
        jobs.work(settings, job_id, kinds={"interrupted": interrupted})
    with store.read() as session:
        job = load_job(session, job_id)
    assert (job.state, job.owner, job.error) == (JobState.QUEUED, None, None)


def test_an_error_while_stopping_is_a_cancelled_job_that_says_it(
    settings: Settings, store: Store
) -> None:
    def stops_with_an_error(
        _settings: object, _params: object, report: object, cancelled: object
    ) -> dict[str, object]:
        jobs.cancel(store, local_person(), job_id)
        while not cancelled():  # type: ignore[operator]
            pass
        raise JobError("Stopped half-way.", "Resume it.")

    job_id = jobs.submit(store, local_person(), "x", {}, "Stops")
    ended = jobs.work(settings, job_id, kinds={"x": stops_with_an_error})
    assert (ended.state, ended.error) == (
        JobState.CANCELLED,
        ("Stopped half-way.", "Resume it."),
    )


def test_an_unknown_job_is_named(settings: Settings, store: Store) -> None:
    with pytest.raises(UnknownNameError, match="nothere"):
        jobs.work(settings, "nothere")
    with pytest.raises(UnknownNameError):
        jobs.cancel(store, local_person(), "nothere")
    with pytest.raises(UnknownNameError):
        next(jobs.watch(store, "nothere"))


def test_a_log_that_is_not_there_is_empty_and_a_long_one_is_cut(settings: Settings) -> None:
    assert jobs.log_tail(settings, "x") == ""
    settings.jobs_dir.mkdir(parents=True)
    (settings.jobs_dir / "x.log").write_bytes(b"begin " + b"\xff" * 100 + b" end")
    assert jobs.log_tail(settings, "x", max_bytes=8).endswith(" end")
    assert "begin" not in jobs.log_tail(settings, "x", max_bytes=8)


def test_how_a_job_ended_is_told_once_the_store_is_free(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = 0.05
    monkeypatch.setattr(importlib.import_module("core.jobs.work"), "PATIENCE_S", short)
    held = threading.Event()

    def hold() -> None:
        with store.write():
            held.set()
            time.sleep(10 * short)  # another writer, for longer than a heartbeat waits

    def busy(*_: Any) -> dict[str, Any]:
        threading.Thread(target=hold).start()
        held.wait()
        return {"answered": 1}

    job_id = jobs.submit(store, local_person(), "busy", {}, "Busy")
    ended = jobs.work(settings, job_id, kinds={"busy": busy})
    assert (ended.state, ended.result) == (JobState.DONE, {"answered": 1})
