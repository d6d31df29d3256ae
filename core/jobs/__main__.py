"""`python -m core.jobs JOB_ID`: the process that does one job."""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from core.allocator import start_anew
from core.config import Settings, load_settings
from core.errors import PhaseLensError
from core.jobs.kinds import KINDS, Kind
from core.jobs.work import work
from db.jobs import JobState, load_job
from db.session import open_store

TRAINING = {"distill"}
GIVES_WAY = 10  # niceness; 19 is the most


def give_way() -> None:
    """Lets a live example have the processor while it runs; alone, the job loses nothing.

    Two torch processes at one priority on few cores spend their time waiting for each other's
    threads.
    """
    os.nice(GIVES_WAY)
    # Linux may schedule by session, and a job is a session of its own: then niceness counts
    # between sessions only when it is the session's.
    with contextlib.suppress(OSError):  # not Linux, or sessions are not grouped
        Path("/proc/self/autogroup").write_text(f"{GIVES_WAY}\n", encoding="ascii")


def kind_of(settings: Settings, job_id: str) -> str:
    """Raises UnknownNameError, StoreError."""
    store = open_store(settings)
    with store.read() as session:
        kind = load_job(session, job_id).kind
    store.close()
    return kind


def main(arguments: list[str], kinds: Mapping[str, Kind] = KINDS) -> int:
    """0: the job ended well or was cancelled; 1: it failed, or could not be claimed; 2: usage."""
    if len(arguments) != 1:
        print("usage: python -m core.jobs JOB_ID", file=sys.stderr)
        return 2
    try:
        settings = load_settings()
        if kind_of(settings, arguments[0]) in TRAINING:
            start_anew()
        give_way()
        job = work(settings, arguments[0], kinds=kinds)
    except PhaseLensError as error:
        print(error, file=sys.stderr)
        return 1
    if job.error:
        print(" ".join(job.error), file=sys.stderr)
    return 1 if job.state == JobState.FAILED else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
