"""The jobs table: every change of state is one compare-and-set under the store's write lock.

    queued -> running -> done | failed
                      -> cancelling -> cancelled
    failed | cancelled | abandoned -> queued (resumed)

A process holds a job by its `owner` mark and a lease that its heartbeats renew. A job whose
owner is gone, or is on another host and has been silent for longer than the lease, is abandoned:
the next process may take it. The first owner then loses every further compare-and-set, so it can
spoil nothing.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import JobError, UnknownNameError
from db.clock import now
from db.job_views import (
    HELD,
    LEASE,
    MAX_FRUITLESS,
    START_WAIT,
    UNFINISHED,
    Beat,
    JobState,
    JobView,
    Progress,
    is_abandoned,
    view_of,
)
from db.models import JobRow

__all__ = [
    "HELD",
    "LEASE",
    "MAX_FRUITLESS",
    "START_WAIT",
    "UNFINISHED",
    "Beat",
    "JobState",
    "JobView",
    "Progress",
    "add_job",
    "ask_cancel",
    "beat",
    "claim",
    "count_jobs",
    "end",
    "list_jobs",
    "load_job",
    "requeue",
    "take_abandoned",
    "take_to_start",
    "unfinished_job",
]


def add_job(
    session: Session,
    kind: str,
    params: Mapping[str, Any],
    title: str,
    unique_key: str | None = None,
) -> str:
    """Queues a job and returns its id; an unfinished one with the same key is returned instead."""
    if unique_key is not None:
        same = select(JobRow.id).where(
            JobRow.unique_key == unique_key, JobRow.state.in_(UNFINISHED)
        )
        existing = session.execute(same).scalar_one_or_none()
        if existing is not None:
            return existing
    row = JobRow(
        id=uuid.uuid4().hex[:12],
        kind=kind,
        title=title,
        unique_key=unique_key,
        state=JobState.QUEUED,
        created_at=now(session),
        params=dict(params),
    )
    session.add(row)
    session.flush()
    return row.id


def load_job(session: Session, job_id: str) -> JobView:
    """One job. Raises UnknownNameError."""
    return view_of(_row(session, job_id), now(session))


def list_jobs(
    session: Session,
    *,
    states: Iterable[JobState] | None = None,
    kind: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> list[JobView]:
    """Jobs, newest first."""
    query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id)
    if states is not None:
        query = query.where(JobRow.state.in_(list(states)))
    if kind is not None:
        query = query.where(JobRow.kind == kind)
    moment = now(session)
    rows = session.execute(query.offset(offset).limit(limit)).scalars()
    return [view_of(row, moment) for row in rows]


def count_jobs(
    session: Session, *, states: Iterable[JobState] | None = None, kind: str | None = None
) -> int:
    """How many jobs `list_jobs` pages through."""
    query = select(func.count(JobRow.id))
    if states is not None:
        query = query.where(JobRow.state.in_(list(states)))
    if kind is not None:
        query = query.where(JobRow.kind == kind)
    return session.execute(query).scalar_one()


def unfinished_job(session: Session, unique_key: str) -> JobView | None:
    """The queued or running job with a key, or None."""
    query = select(JobRow).where(JobRow.unique_key == unique_key, JobRow.state.in_(UNFINISHED))
    row = session.execute(query).scalar_one_or_none()
    return None if row is None else view_of(row, now(session))


def last_job(session: Session, unique_key: str) -> JobView | None:
    """The newest job with a key, in whatever state, or None."""
    query = (
        select(JobRow)
        .where(JobRow.unique_key == unique_key)
        .order_by(JobRow.created_at.desc(), JobRow.id)
        .limit(1)
    )
    row = session.execute(query).scalar_one_or_none()
    return None if row is None else view_of(row, now(session))


def claim(session: Session, job_id: str, owner: str) -> JobView:
    """Takes a queued or abandoned job. Raises UnknownNameError, and JobError where it is held.

    A job that was to be cancelled is claimed too, still "cancelling": the owner ends it.
    """
    row = _row(session, job_id)
    moment = now(session)
    if row.state not in UNFINISHED:
        raise JobError(f"Job {job_id} has ended ({row.state}).", "Resume it to run it again.")
    if row.state in HELD and not is_abandoned(row, moment):
        raise JobError(
            f"Job {job_id} is running in another process ({row.owner}).",
            "Watch it on the Jobs page, or cancel it there.",
        )
    if row.state == JobState.QUEUED:
        row.state = JobState.RUNNING
    row.owner = owner
    row.attempts += 1
    row.fruitless += 1
    row.started_at = row.heartbeat_at = moment
    row.rate = row.error_what = row.error_fix = None
    session.flush()
    return view_of(row, moment)


def beat(session: Session, job_id: str, owner: str, progress: Progress) -> Beat:
    """Renews the lease, saves progress, and says whether to go on."""
    row = _row(session, job_id)
    if row.owner != owner or row.state not in HELD:
        return Beat.LOST
    row.heartbeat_at = now(session)
    row.stage, row.done, row.total = progress.stage, progress.done, progress.total
    row.rate = progress.rate
    if progress.advanced:
        row.fruitless = 0
    return Beat.CANCEL if row.state == JobState.CANCELLING else Beat.GO_ON


def end(
    session: Session,
    job_id: str,
    owner: str,
    state: JobState,
    *,
    result: Mapping[str, Any] | None = None,
    error: tuple[str, str] | None = None,
) -> bool:
    """Ends a job (or, with QUEUED, gives it back). False when `owner` has lost it."""
    row = _row(session, job_id)
    if row.owner != owner or row.state not in HELD:
        return False
    row.state, row.owner, row.rate = state, None, None
    row.result = None if result is None else dict(result)
    row.error_what, row.error_fix = error or (None, None)
    row.heartbeat_at = now(session)
    row.finished_at = None if state in UNFINISHED else row.heartbeat_at
    return True


def ask_cancel(session: Session, job_id: str) -> JobView:
    """Cancels a job: at once where no process holds it, else its process will. Idempotent."""
    row = _row(session, job_id)
    moment = now(session)
    if row.state == JobState.QUEUED or (row.state in HELD and is_abandoned(row, moment)):
        row.state, row.owner, row.rate, row.finished_at = JobState.CANCELLED, None, None, moment
    elif row.state == JobState.RUNNING:
        row.state = JobState.CANCELLING
    return view_of(row, moment)


def requeue(session: Session, job_id: str) -> JobView:
    """Queues a failed, cancelled or abandoned job again; a queued one stays so.

    Raises JobError for one that is done, held by a live process, or whose work another job
    with the same key has taken up.
    """
    row = _row(session, job_id)
    moment = now(session)
    if row.state == JobState.DONE:
        raise JobError(f"Job {job_id} is done.", "Nothing is left to resume.")
    if row.state in HELD and not is_abandoned(row, moment):
        raise JobError(f"Job {job_id} is still running.", "Wait for it to end, or cancel it first.")
    if row.state not in UNFINISHED and row.unique_key is not None:
        other = unfinished_job(session, row.unique_key)
        if other is not None:
            raise JobError(f"Job {other.id} does the same work already.", "Watch that one instead.")
    row.state, row.owner, row.finished_at = JobState.QUEUED, None, None
    row.error_what = row.error_fix = row.rate = None
    row.fruitless = 0
    row.heartbeat_at = moment
    return view_of(row, moment)


def take_to_start(session: Session, job_id: str) -> bool:
    """True for the one caller that must start a process for a job now.

    False where a process has it, or was started for it moments ago, or it has ended.
    """
    row = _row(session, job_id)
    moment = now(session)
    unstarted = row.state == JobState.QUEUED and row.heartbeat_at is None
    if not unstarted and not is_abandoned(row, moment):
        return False
    if row.state in HELD:
        row.state, row.owner = JobState.QUEUED, None
    row.heartbeat_at = moment
    return True


def take_abandoned(session: Session) -> list[str]:
    """Queues abandoned jobs again and returns the ids of those to start now.

    Each id is given to one caller only. Jobs that were being cancelled end as cancelled; jobs
    that ended MAX_FRUITLESS times in a row without progress end as failed.
    """
    moment = now(session)
    rows = session.execute(select(JobRow).where(JobRow.state.in_(UNFINISHED))).scalars().all()
    to_start = []
    for row in rows:
        if not is_abandoned(row, moment):
            continue
        row.owner, row.rate = None, None
        if row.state == JobState.CANCELLING:
            row.state, row.finished_at = JobState.CANCELLED, moment
        elif row.fruitless >= MAX_FRUITLESS:
            row.state, row.finished_at = JobState.FAILED, moment
            row.error_what = (
                f"The job's process ended {row.fruitless} times in a row without getting further."
            )
            row.error_fix = "Look at the end of its log, mend the cause, then resume it."
        else:
            if row.state == JobState.QUEUED:
                row.fruitless += 1  # its process died before it could claim the job
            row.state, row.heartbeat_at = JobState.QUEUED, moment
            to_start.append(row.id)
    return to_start


def _row(session: Session, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise UnknownNameError(f"There is no job {job_id!r}.", "The Jobs page lists them all.")
    return row
