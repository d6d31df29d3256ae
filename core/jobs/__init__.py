"""Long work in processes of its own: start, watch, cancel, resume.

1. `submit` writes a job to the store; `start` spawns `python -m core.jobs JOB_ID`, detached.
2. `work`, in that process, claims the job under a lease and renews it with a heartbeat.
3. Progress and the wish to cancel travel with the heartbeats; nobody talks to the process.
4. A process that is killed stops renewing. `resume_abandoned`, which the app calls when it
   starts, gives its job to a new one. Each kind of job finds by itself what is done already.
"""

from core.jobs.control import (
    cancel,
    log_tail,
    resume,
    resume_abandoned,
    start,
    submit,
    watch,
)
from core.jobs.kinds import KINDS, Kind, starts
from core.jobs.progress import JobProgress, RateWindow, progress_of
from core.jobs.work import work

__all__ = [
    "KINDS",
    "JobProgress",
    "Kind",
    "RateWindow",
    "cancel",
    "log_tail",
    "progress_of",
    "resume",
    "resume_abandoned",
    "start",
    "starts",
    "submit",
    "watch",
    "work",
]
