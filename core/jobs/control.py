"""What the app and the command line do with jobs: submit, start, watch, cancel, resume."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import core
from core.annotation.people import Person
from core.config import Settings
from core.errors import JobError
from core.jobs.kinds import starts
from db import jobs
from db.jobs import JobView
from db.people import allowed
from db.session import Store

WORKER = (sys.executable, "-m", "core.jobs")
MAX_LOG_BYTES = 1_000_000  # an older log is put aside when a new attempt starts


def submit(
    store: Store,
    by: Person,
    kind: str,
    params: Mapping[str, Any],
    title: str,
    unique_key: str | None = None,
) -> str:
    """Queues a job and returns its id; `start` it next.

    While a job with the same `unique_key` is unfinished, that one's id is returned instead.
    Raises NotAllowedError where the kind takes another role, and StoreError.
    """
    with store.write() as session:
        allowed(session, by, starts(kind))
        return jobs.add_job(session, kind, params, title, unique_key)


def start(settings: Settings, job_id: str, *, command: Sequence[str] = WORKER) -> int | None:
    """Spawns the process that does a job, and returns its pid; it outlives this one.

    None where a process has the job already, or it has ended. What the process prints goes to
    the job's log. Raises UnknownNameError, StoreError, and JobError where none can be started.
    """
    from db.session import open_store

    store = open_store(settings)
    try:
        with store.write() as session:
            ours = jobs.take_to_start(session, job_id)
    finally:
        store.close()
    return _spawn(settings, job_id, command) if ours else None


def cancel(store: Store, by: Person, job_id: str) -> JobView:
    """Asks a job to stop; finished work is kept. Without effect on one that has ended.

    Raises NotAllowedError for one who could not start such a job.
    """
    with store.write() as session:
        allowed(session, by, starts(jobs.load_job(session, job_id).kind))
        return jobs.ask_cancel(session, job_id)


def resume(
    settings: Settings, store: Store, by: Person, job_id: str, *, command: Sequence[str] = WORKER
) -> int:
    """Starts a failed, cancelled or abandoned job again, and returns its process's pid.

    Raises NotAllowedError for one who could not start such a job, and JobError for a job that is
    done or running.
    """
    with store.write() as session:
        allowed(session, by, starts(jobs.load_job(session, job_id).kind))
        jobs.requeue(session, job_id)
    return _spawn(settings, job_id, command)


def resume_abandoned(
    settings: Settings, store: Store, *, command: Sequence[str] = WORKER
) -> list[str]:
    """Starts every job again whose process was killed; returns their ids.

    Cheap when there is none. Called when the app starts and by the Jobs page; several callers at
    once start each job once. A job that keeps dying without progress is given up, and says so.
    """
    with store.read() as session:
        unfinished = jobs.list_jobs(session, states=jobs.UNFINISHED, limit=1000)
    if not any(job.abandoned for job in unfinished):
        return []
    with store.write() as session:
        taken = jobs.take_abandoned(session)
    for job_id in taken:
        _spawn(settings, job_id, command)
    return taken


def watch(store: Store, job_id: str, *, poll_s: float = 0.5) -> Iterator[JobView]:
    """Yields a job whenever it has changed, last when it has ended. Raises UnknownNameError."""
    last = None
    while True:
        with store.read() as session:
            job = jobs.load_job(session, job_id)
        if job != last:
            yield job
            last = job
        if job.finished:
            return
        time.sleep(poll_s)


def log_path(settings: Settings, job_id: str) -> Path:
    """Where a job's process writes what it prints."""
    return settings.jobs_dir / f"{job_id}.log"


def log_tail(settings: Settings, job_id: str, max_bytes: int = 20_000) -> str:
    """The end of a job's log; "" where it has printed nothing."""
    try:
        with log_path(settings, job_id).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - max_bytes))
            return log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _spawn(settings: Settings, job_id: str, command: Sequence[str]) -> int:
    log = log_path(settings, job_id)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        with log.open("ab") as output:
            child = subprocess.Popen(
                [*command, job_id],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=settings.home,
                env=_environment(settings),
                start_new_session=True,  # Ctrl-C in the app's terminal does not reach it
            )
    except OSError as error:
        raise JobError(
            f"The process for job {job_id} could not be started: {error.strerror or error}.",
            "Free memory or disk space, then resume the job on the Jobs page.",
        ) from error
    # Reaps the child when it ends before this process does; a zombie would look alive.
    threading.Thread(target=child.wait, name=f"job-{job_id}", daemon=True).start()
    return child.pid


def _environment(settings: Settings) -> dict[str, str]:
    """This environment, with the settings in use and the place that `core` comes from."""
    chosen = {
        f"PHASELENS_{name.upper()}": str(value) for name, value in settings.model_dump().items()
    }
    source = str(Path(core.__file__).parent.parent)
    path = os.pathsep.join(p for p in (source, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, **chosen, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
