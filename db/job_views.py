"""What a job is to those who look at it, and when it counts as abandoned."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from db.models import JobRow
from db.owners import on_this_host, owner_dead

LEASE = timedelta(seconds=15)
START_WAIT = timedelta(seconds=30)  # how long a started process may take to claim its job
MAX_FRUITLESS = 5  # attempts in a row that ended without progress before a job is given up


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)
HELD = (JobState.RUNNING, JobState.CANCELLING)


class Beat(StrEnum):
    """What a heartbeat learns."""

    GO_ON = "go on"
    CANCEL = "cancel"
    LOST = "lost"  # another process has the job now, or somebody ended it


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as a page shows it.

    `done` of `total` units of `stage`; `total` 0: not known. `rate`: units a second lately, in
    this attempt alone. `abandoned`: no live process holds it, though it is not finished.
    """

    id: str
    kind: str
    title: str
    unique_key: str | None
    state: JobState
    stage: str
    done: int
    total: int
    rate: float | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    owner: str | None
    attempts: int
    abandoned: bool
    error: tuple[str, str] | None  # (what, fix)
    params: dict[str, Any]
    result: dict[str, Any] | None

    @property
    def finished(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def fraction(self) -> float | None:
        """In [0, 1]; None where the total is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Of this stage, at the present rate; None where nothing can be said."""
        if self.state not in HELD or not self.rate or self.total <= 0:
            return None
        return max(0, self.total - self.done) / self.rate


@dataclass(frozen=True, slots=True)
class Progress:
    """What a heartbeat saves."""

    stage: str
    done: int
    total: int
    rate: float | None
    advanced: bool  # this attempt has got further than where it began


def is_abandoned(row: JobRow, moment: datetime) -> bool:
    """True where no live process has, or will soon have, an unfinished job.

    Of a process on this host it is known whether it lives: one that was suspended, or could not
    write for a while, keeps its job. One of another host has it for as long as its lease.
    """
    last = row.heartbeat_at or row.created_at
    if row.state == JobState.QUEUED:
        return moment - last > START_WAIT
    if row.state not in HELD:
        return False
    if row.owner is None:
        return True
    return owner_dead(row.owner) if on_this_host(row.owner) else moment - last > LEASE


def view_of(row: JobRow, moment: datetime) -> JobView:
    """A row as it is at a moment."""
    return JobView(
        id=row.id,
        kind=row.kind,
        title=row.title,
        unique_key=row.unique_key,
        state=JobState(row.state),
        stage=row.stage or "",
        done=row.done or 0,
        total=row.total or 0,
        rate=row.rate,
        created_at=row.created_at,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
        owner=row.owner,
        attempts=row.attempts or 0,
        abandoned=is_abandoned(row, moment),
        error=(row.error_what, row.error_fix or "") if row.error_what else None,
        params=row.params,
        result=row.result,
    )
