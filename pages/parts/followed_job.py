"""A job that this visit began, where it was begun: its bar with a way to cancel, then how it
ended."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core import jobs
from db.jobs import JobState
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.job_progress import POLL_S, job_bar
from pages.parts.people import person

Result = Callable[[Mapping[str, Any]], None]


def followed_job(key: str, result: Result, *, cancelled: str) -> None:
    """Draws the job whose id is in the session under `key`, if there is one. `result` draws what
    came of it; `cancelled`: what holds after a cancel."""
    if key not in st.session_state:
        return
    with errors.kept():
        finished = services.watched_job(st.session_state[key]).finished
        every = None if finished else POLL_S
        st.fragment(_job, run_every=every)(key, result, cancelled, finished)


def _job(key: str, result: Result, cancelled: str, was_finished: bool) -> None:
    job = services.watched_job(st.session_state[key])
    if job.finished != was_finished:
        draw_again()
    if not job.finished:
        job_bar(job)
        st.button(
            "Cancel", icon=":material/stop:", key=f"{key}_cancel",
            disabled=job.state is JobState.CANCELLING,
            on_click=_cancel, args=(job.id,),
        )  # fmt: skip
    elif job.error is not None:
        errors.card(*job.error)
    elif job.state is JobState.CANCELLED:
        st.caption(cancelled)
    elif job.result:
        result(job.result)


def _cancel(job_id: str) -> None:
    with errors.kept():
        jobs.cancel(services.store(), person(), job_id)
