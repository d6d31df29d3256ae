"""Jobs in real processes: killed at any moment they resume, and nothing is done twice."""

import functools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.annotation.people import local_person
from core.config import Settings
from core.errors import JobError
from db.jobs import HELD, MAX_FRUITLESS, JobState, JobView, load_job
from db.models import JobRow
from db.runs import done_documents, list_runs
from db.session import Store
from db.traces import TraceFilter, count_of
from tests.jobs.worker import COMMAND

PATIENCE_S = 240.0  # a slow machine with other work; only a failure waits so long
ROOT = Path(__file__).parents[2]


def load(store: Store, job_id: str) -> JobView:
    with store.read() as session:
        return load_job(session, job_id)


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def until_ended(store: Store, job_id: str) -> JobView:
    until(lambda: load(store, job_id).finished)
    return load(store, job_id)


def start(settings: Settings, store: Store, kind: str, **params: object) -> tuple[str, int]:
    job_id = jobs.submit(store, local_person(), kind, params, f"A {kind} job")
    pid = jobs.start(settings, job_id, command=COMMAND)
    assert pid is not None
    return job_id, pid


def gone(pid: int) -> bool:
    try:
        return str(psutil.Process(pid).status()) == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # ZombieProcess is one too
        return True


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))


def test_a_job_runs_detached_reports_and_leaves_its_result(
    settings: Settings, store: Store
) -> None:
    job_id, pid = start(settings, store, "answer", total=6, pause=0.5)
    assert os.getsid(pid) == pid  # Ctrl-C in the app's terminal does not reach it
    views = list(jobs.watch(store, job_id, poll_s=0.05))
    assert views[-1].state == JobState.DONE
    assert views[-1].result == {"answered": 6}
    assert (views[-1].done, views[-1].total, views[-1].stage) == (6, 6, "Answering")
    running = [view for view in views if view.state == JobState.RUNNING and view.rate]
    assert running
    progress = jobs.progress_of(running[0])
    assert progress.rate is not None
    assert progress.seconds_left is not None
    assert progress.fraction == running[0].done / 6
    until(lambda: gone(pid))


def test_a_job_killed_again_and_again_finishes_and_does_nothing_twice(
    settings: Settings, store: Store
) -> None:
    rng = random.Random(11)
    total, kills = 60, 4  # it would take half a minute: no attempt but the last can finish
    job_id, pid = start(settings, store, "answer", total=total, pause=0.5)
    done = 0
    for number in range(1, kills + 1):
        # One that dies again and again without progress is given up, which is another test.
        until(lambda done=done: load(store, job_id).done > done)  # type: ignore[misc]
        time.sleep(rng.random() * 0.8)
        kill(pid)
        assert load(store, job_id).abandoned
        done = load(store, job_id).done
        if number == kills:
            with store.write() as session:
                session.get_one(JobRow, job_id).params = {"total": total, "pause": 0.0}
        assert jobs.resume_abandoned(settings, store, command=COMMAND) == [job_id]
        if number < kills:
            until(lambda: load(store, job_id).owner is not None)
            pid = int(str(load(store, job_id).owner).split(":")[1])
    ended = until_ended(store, job_id)
    assert ended.state == JobState.DONE
    assert ended.attempts == kills + 1
    with store.read() as session:
        [run] = list_runs(session)
        assert len(done_documents(session, run.id)) == total
        assert count_of(session, TraceFilter()) == total
    # A kill between the note and the commit repeats that one document, whose work was undone.
    repeated = [
        n for n in Counter((settings.home / "answered.txt").read_text().split()).values() if n > 1
    ]
    assert len(repeated) <= kills
    assert store.check() == []


def test_cancelling_keeps_what_is_finished_and_resuming_goes_on_from_there(
    settings: Settings, store: Store
) -> None:
    job_id, _ = start(settings, store, "answer", total=40, pause=0.5)
    until(lambda: load(store, job_id).done >= 2)
    assert jobs.cancel(store, local_person(), job_id).state in (
        JobState.CANCELLING,
        JobState.CANCELLED,
    )
    cancelled = until_ended(store, job_id)
    assert cancelled.state == JobState.CANCELLED
    assert 2 <= cancelled.done < 40
    assert jobs.resume_abandoned(settings, store, command=COMMAND) == []
    with store.write() as session:
        session.get_one(JobRow, job_id).params = {"total": 40, "pause": 0.0}
    jobs.resume(settings, store, local_person(), job_id, command=COMMAND)
    done = until_ended(store, job_id)
    assert (done.state, done.result) == (JobState.DONE, {"answered": 40})
    notes = (settings.home / "answered.txt").read_text().split()
    assert len(notes) == len(set(notes)) == 40


def test_a_cancelled_job_whose_process_was_killed_ends_as_cancelled(
    settings: Settings, store: Store
) -> None:
    job_id, pid = start(settings, store, "deaf", pause=60)
    until(lambda: load(store, job_id).state == JobState.RUNNING)
    jobs.cancel(store, local_person(), job_id)
    kill(pid)
    assert jobs.resume_abandoned(settings, store, command=COMMAND) == []
    assert load(store, job_id).state == JobState.CANCELLED


def test_a_job_that_finishes_before_it_notices_the_wish_to_cancel_is_done(
    settings: Settings, store: Store
) -> None:
    job_id, _ = start(settings, store, "deaf", pause=1.0)
    until(lambda: load(store, job_id).state == JobState.RUNNING)
    jobs.cancel(store, local_person(), job_id)
    ended = until_ended(store, job_id)
    assert (ended.state, ended.result) == (JobState.DONE, {"finished": True})


def test_a_failed_job_says_why_logs_and_can_be_resumed(settings: Settings, store: Store) -> None:
    job_id, _ = start(settings, store, "fail")
    failed = until_ended(store, job_id)
    assert (failed.state, failed.error) == (
        JobState.FAILED,
        ("The model is broken.", "Mend it."),
    )
    until(lambda: "Mend it." in jobs.log_tail(settings, job_id))
    assert "about to fail" in jobs.log_tail(settings, job_id)
    (settings.home / "mended").touch()
    jobs.resume(settings, store, local_person(), job_id, command=COMMAND)
    done = until_ended(store, job_id)
    assert (done.state, done.error, done.attempts) == (JobState.DONE, None, 2)


def test_a_crash_is_a_failure_with_its_traceback_in_the_log(
    settings: Settings, store: Store
) -> None:
    job_id, pid = start(settings, store, "crash")
    failed = until_ended(store, job_id)
    assert failed.state == JobState.FAILED
    assert failed.error is not None
    assert "unexpected error" in failed.error[0]
    until(lambda: gone(pid))
    assert "nobody foresaw this" in jobs.log_tail(settings, job_id)


def test_a_full_disk_is_a_failure_that_names_it(settings: Settings, store: Store) -> None:
    job_id, _ = start(settings, store, "disk full")
    failed = until_ended(store, job_id)
    assert failed.error is not None
    assert "No space left on device" in failed.error[0]
    assert "/data/vectors" in failed.error[0]


def test_a_job_that_keeps_dying_without_progress_is_given_up(
    settings: Settings, store: Store
) -> None:
    job_id, pid = start(settings, store, "die")
    for attempt in range(1, MAX_FRUITLESS + 1):
        until(functools.partial(gone, pid))
        until(lambda: load(store, job_id).abandoned)
        assert load(store, job_id).attempts == attempt
        started = jobs.resume_abandoned(settings, store, command=COMMAND)
        if started:
            until(lambda: load(store, job_id).state in HELD)
            owner = load(store, job_id).owner
            assert owner is not None
            pid = int(owner.split(":")[1])
    failed = load(store, job_id)
    assert failed.state == JobState.FAILED
    assert failed.error is not None
    assert "5 times in a row" in failed.error[0]
    jobs.resume(settings, store, local_person(), job_id, command=COMMAND)  # a person may insist
    until(lambda: load(store, job_id).attempts == MAX_FRUITLESS + 1)


def test_two_processes_never_have_one_job(settings: Settings, store: Store) -> None:
    job_id = jobs.submit(store, local_person(), "answer", {"total": 4, "pause": 0.2}, "Answers")
    env = {**os.environ, "PHASELENS_HOME": str(settings.home), "PYTHONPATH": str(ROOT)}
    children = [
        subprocess.Popen([*COMMAND, job_id], env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    errors = [child.communicate()[1] for child in children]
    assert sorted(child.returncode for child in children) == [0, 1, 1]
    assert sum("another process" in e or "has ended" in e for e in errors) == 2
    assert load(store, job_id).attempts == 1
    assert load(store, job_id).state == JobState.DONE


def test_a_job_is_started_once_however_often_it_is_asked_for(
    settings: Settings, store: Store
) -> None:
    job_id, _ = start(settings, store, "wait")
    assert jobs.start(settings, job_id, command=COMMAND) is None
    until(lambda: (settings.home / "working").exists())
    assert jobs.start(settings, job_id, command=COMMAND) is None
    with pytest.raises(JobError, match="still running"):
        jobs.resume(settings, store, local_person(), job_id, command=COMMAND)
    with pytest.raises(JobError, match="another process"):
        jobs.work(settings, job_id)
    jobs.cancel(store, local_person(), job_id)
    assert until_ended(store, job_id).state == JobState.CANCELLED


def test_pages_that_notice_a_dead_job_at_once_start_it_once(
    settings: Settings, store: Store
) -> None:
    job_id, pid = start(settings, store, "wait")
    until(lambda: load(store, job_id).state == JobState.RUNNING)
    kill(pid)
    started: list[str] = []

    def page() -> None:
        started.extend(jobs.resume_abandoned(settings, store, command=COMMAND))

    pages = [threading.Thread(target=page) for _ in range(6)]
    for thread in pages:
        thread.start()
    for thread in pages:
        thread.join()
    assert started == [job_id]
    until(lambda: load(store, job_id).attempts == 2)
    jobs.cancel(store, local_person(), job_id)
    until_ended(store, job_id)


def test_a_process_that_lost_its_job_stops_and_changes_nothing(
    settings: Settings, store: Store
) -> None:
    job_id, pid = start(settings, store, "wait")
    until(lambda: (settings.home / "working").exists())
    with store.write() as session:  # as if this machine had slept and another took over
        session.get_one(JobRow, job_id).owner = "elsewhere:1:1/abcd"
    until(lambda: (settings.home / "stopped").exists())
    until(lambda: gone(pid))
    job = load(store, job_id)
    assert (job.state, job.owner, job.result) == (JobState.RUNNING, "elsewhere:1:1/abcd", None)


def test_a_store_that_is_locked_for_a_while_does_not_stop_a_job(
    settings: Settings, store: Store
) -> None:
    job_id, _ = start(settings, store, "deaf", pause=4.0)
    until(lambda: load(store, job_id).state == JobState.RUNNING)
    with store.write():
        time.sleep(5.0)  # longer than the job works, well within its patience after that
    assert until_ended(store, job_id).state == JobState.DONE


def test_the_process_says_what_is_wrong_with_its_order(settings: Settings, store: Store) -> None:
    unknown = jobs.submit(store, local_person(), "no such kind", {}, "From a newer version")

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "core.jobs", *arguments],
            cwd=ROOT,
            env={**os.environ, "PHASELENS_HOME": str(settings.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    assert run() == (2, "usage: python -m core.jobs JOB_ID\n")
    code, said = run("nothere")
    assert (code, "no job 'nothere'" in said) == (1, True)
    code, said = run(unknown)
    assert (code, "no such kind" in said) == (1, True)
    assert load(store, unknown).state == JobState.FAILED


def test_a_job_that_cannot_be_started_is_an_error_and_stays_queued(
    settings: Settings, store: Store
) -> None:
    job_id = jobs.submit(store, local_person(), "wait", {}, "Wait")
    with pytest.raises(JobError, match="could not be started"):
        jobs.start(settings, job_id, command=["/no/such/program"])
    assert load(store, job_id).state == JobState.QUEUED
