"""Works on a job in this terminal: the Jobs page sees the same job, the terminal its progress.

1. The job is submitted under a key, so an identical command finds the unfinished job of the first.
2. This process works on it, unless a live process has it already; then it is only watched.
3. A thread reads the job from the store and draws its progress on stderr.
4. Ctrl-C (or SIGTERM) asks the job to stop and waits for it; a second one ends this process at
   once. A killed process leaves its job to the next command, or to the app.
"""

import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from core import jobs
from core.annotation.people import local_person
from core.commands.console import say
from core.commands.progress_line import ProgressLine
from core.config import Settings
from core.errors import JobError, StoreError
from db.jobs import HELD, JobState, JobView, load_job
from db.session import Store

POLL_S = 0.3


def work_in_foreground(
    settings: Settings,
    store: Store,
    kind: str,
    params: Mapping[str, Any],
    title: str,
    unique_key: str,
) -> JobView:
    """Does the job here, or watches whoever does it, and returns it done or cancelled.

    Raises JobError with the job's own error when it failed, and StoreError.
    """
    job_id = jobs.submit(store, local_person(), kind, params, title, unique_key)
    stop = threading.Event()
    with stopping_by_signal(stop), shown_progress(store, job_id, stop):
        job = _until_ended(settings, store, job_id)
    if job.state == JobState.FAILED:
        raise JobError(*(job.error or ("The job failed.", "Its log says more.")))
    return job


def _until_ended(settings: Settings, store: Store, job_id: str) -> JobView:
    told = False
    while True:
        job = _load(store, job_id)
        if job.finished:
            return job
        if job.state in HELD and not job.abandoned:
            if not told:
                say(f"Job {job_id} is being worked on by another process already; watching it.")
                told = True
            time.sleep(POLL_S)
            continue
        try:
            return jobs.work(settings, job_id)
        except JobError:  # another process was faster: watch it, or see that it has ended
            time.sleep(POLL_S)


def _load(store: Store, job_id: str) -> JobView:
    with store.read() as session:
        return load_job(session, job_id)


@contextmanager
def stopping_by_signal(stop: threading.Event) -> Iterator[None]:
    """The first SIGINT or SIGTERM sets `stop`; the next one does what it usually does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        for each, handler in usual.items():
            signal.signal(each, handler)

    for number in usual:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


@contextmanager
def shown_progress(store: Store, job_id: str, stop: threading.Event) -> Iterator[None]:
    """Draws the job's progress until the block ends; passes the wish to stop on to the job.

    In a thread, because the job has the main one; and the store is never touched in a signal
    handler, which may interrupt a transaction. A store that cannot be used for a while is told,
    and asked again: neither the progress nor the wish to stop is lost to it.
    """
    ended = threading.Event()

    def draw() -> None:
        asked = told = False
        with ProgressLine(sys.stderr) as line:
            while not ended.wait(POLL_S):
                try:
                    if stop.is_set() and not asked:
                        jobs.cancel(store, local_person(), job_id)
                        asked = True
                        say("Stopping; what is finished is kept. Once more ends at once.")
                    line.show(_load(store, job_id))
                    told = False
                except StoreError as error:
                    if not told:
                        say(f"{error.what} The job goes on; its progress is asked for again.")
                    told = True

    thread = threading.Thread(target=draw, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)
