"""Doing one job in this process, under a lease that a heartbeat renews.

Only the heartbeat thread talks to the store while the job runs, so reporting progress costs the
work nothing: it saves the newest progress at most twice a second, and at least every two.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from core.config import Settings
from core.errors import JobError, PhaseLensError, StoreError
from core.jobs.kinds import KINDS, Kind
from core.jobs.progress import RateWindow
from db import jobs
from db.jobs import Beat, JobState, JobView, Progress
from db.owners import new_owner
from db.session import Store, open_store

HEARTBEAT_S = 2.0
PROGRESS_S = 0.5
PATIENCE_S = 5.0  # for a locked store; with the heartbeat it stays well inside the lease
LAST_PATIENCE_S = 120.0  # for what is told once: that a job begins, and how it ended


@dataclass(frozen=True, slots=True)
class Outcome:
    state: JobState
    result: dict[str, Any] | None = None
    error: tuple[str, str] | None = None


UNEXPECTED = Outcome(
    JobState.FAILED,
    error=(
        "The job stopped on an unexpected error.",
        "Its log says more; resume the job to go on from what is finished.",
    ),
)


def work(settings: Settings, job_id: str, *, kinds: Mapping[str, Kind] = KINDS) -> JobView:
    """Does a job to its end in this process, and returns it as it then stands.

    A job's own failure is in the returned view, not raised. Raises UnknownNameError, JobError
    where a live process holds the job or it has ended, and StoreError.
    """
    store = open_store(settings, patience_s=PATIENCE_S)
    owner = new_owner()
    patient = open_store(settings, patience_s=LAST_PATIENCE_S)
    with patient.write() as session:
        job = jobs.claim(session, job_id, owner)
    heart = Heart(store, job, owner)
    outcome = UNEXPECTED  # stands if an error that nobody foresaw passes through here
    try:
        heart.start()
        outcome = _outcome(settings, job, heart, kinds)
    except KeyboardInterrupt:
        outcome = Outcome(JobState.QUEUED)  # given back: the next `resume` goes on
        raise
    finally:
        heart.stop()
        with patient.write() as session:
            heart.save(session)
            jobs.end(
                session, job_id, owner, outcome.state, result=outcome.result, error=outcome.error
            )
        patient.close()
    with store.read() as session:
        ended = jobs.load_job(session, job_id)
    store.close()
    return ended


def _outcome(
    settings: Settings, job: JobView, heart: "Heart", kinds: Mapping[str, Kind]
) -> Outcome:
    if job.state == JobState.CANCELLING:  # its last process died before it could stop
        return Outcome(JobState.CANCELLED)
    try:
        if job.kind not in kinds:
            raise JobError(f"This PhaseLens has no jobs of kind {job.kind!r}.", "Update PhaseLens.")
        result = kinds[job.kind](settings, job.params, heart.report, heart.cancelled)
    except PhaseLensError as error:
        stopped = heart.told_to_stop
        return Outcome(
            JobState.CANCELLED if stopped else JobState.FAILED, error=(error.what, error.fix)
        )
    except OSError as error:
        return Outcome(
            JobState.FAILED,
            error=(
                f"The system refused an operation: {error}.",
                "Free space or mend what it names, then resume the job.",
            ),
        )
    return Outcome(JobState.CANCELLED if heart.told_to_stop else JobState.DONE, result)


class Heart(threading.Thread):
    """Renews the lease of one job, saves its progress and listens for the wish to cancel."""

    def __init__(self, store: Store, job: JobView, owner: str) -> None:
        super().__init__(name=f"heartbeat-{job.id}", daemon=True)
        self._store, self._job_id, self._owner = store, job.id, owner
        self._lock = threading.Lock()
        self._window = RateWindow()
        self._stage, self._done, self._total = job.stage, job.done, job.total
        self._first: dict[str, int] = {}  # where each stage began in this attempt
        self._advanced = False
        self._changed = False
        self._end = threading.Event()
        self._must_stop = threading.Event()
        self._told = False

    @property
    def told_to_stop(self) -> bool:
        """True once the work has seen that it must stop."""
        return self._told

    def report(self, stage: str, done: int, total: int) -> None:
        """The work's progress: kept here, saved with the next beat. Cheap."""
        with self._lock:
            self._window.add(stage, done)
            self._stage, self._done, self._total = stage, done, total
            self._advanced |= done > self._first.setdefault(stage, done)
            self._changed = True

    def cancelled(self) -> bool:
        """True once the user has cancelled, or another process has the job."""
        self._told = self._told or self._must_stop.is_set()
        return self._told

    def run(self) -> None:
        last = 0.0
        while not self._end.wait(PROGRESS_S):
            if self._changed or time.monotonic() - last >= HEARTBEAT_S:
                try:
                    with self._store.write() as session:
                        self.save(session)
                except StoreError:  # locked or full for now: the lease lasts a few more beats
                    continue
                last = time.monotonic()

    def save(self, session: Session) -> None:
        """One beat."""
        with self._lock:
            progress = Progress(
                self._stage, self._done, self._total, self._window.rate(), self._advanced
            )
            self._changed = False
        if jobs.beat(session, self._job_id, self._owner, progress) != Beat.GO_ON:
            self._must_stop.set()

    def stop(self) -> None:
        """Ends the thread; returns when it has."""
        self._end.set()
        if self.is_alive():
            self.join()
