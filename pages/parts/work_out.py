"""The job that works out imported traces ahead of their first view: asked for beside a list or an
import's report, and followed there."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.jobs.kinds import analyse_key
from pages.parts import errors, services
from pages.parts.followed_job import followed_job
from pages.parts.people import person, why_not

_JOB = "work_out_job"
HELP = (
    "Phases, mentions, curves and fates are worked out when a trace is first opened; for filters, "
    "scores and comparisons, do it for all of them, as a job."
)


def work_out_button(label: str, asked: Mapping[str, str]) -> None:
    """`asked`: the filter of the traces, in words (db/trace_asked.py)."""
    no = why_not(Role.ANNOTATOR)
    st.button(
        label, icon=":material/functions:", key="work_out", on_click=_start, args=(dict(asked),),
        disabled=bool(no), help=no or HELP,
    )  # fmt: skip


def work_out_progress() -> None:
    """The job that was asked for on this visit, if one was."""
    followed_job(_JOB, _result, cancelled="Stopped; what is worked out stays so.")


def _start(asked: dict[str, str]) -> None:
    with errors.kept():
        job_id = jobs.submit(
            services.store(), person(), "analyse-traces", {"asked": asked},
            "Analysis of imported traces", analyse_key(asked),
        )  # fmt: skip
        jobs.start(services.settings(), job_id)
        st.session_state[_JOB] = job_id


def _result(result: Mapping[str, Any]) -> None:
    done, failed = result["done"], result["failed"]
    words = f"{done:,} worked out" + (f", {failed:,} could not be (Jobs has why)" if failed else "")
    st.caption(f":material/check: {words}.")
