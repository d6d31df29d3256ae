"""A dataset that is not here yet: what it is, what fetching it takes, and the fetch itself."""

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.datasets.builtin import BUILTIN
from core.datasets.catalogue import Listed
from core.traces.inert import inert_html, neutralise
from db.jobs import JobState, JobView
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.facts import facts
from pages.parts.job_progress import POLL_S, job_bar
from pages.parts.people import person, why_not


def fetch_card(dataset: Listed) -> None:
    """Draws the card; while a fetch runs, it follows it by itself."""
    with errors.kept():
        fetching = _running(services.fetch_job(dataset.name))
        st.fragment(_card, run_every=POLL_S if fetching else None)(dataset, fetching)


def _card(dataset: Listed, was_fetching: bool) -> None:
    with errors.kept():
        _draw(dataset, services.fetch_job(dataset.name), was_fetching)


def _draw(dataset: Listed, job: JobView | None, was_fetching: bool) -> None:
    fetching = _running(job)
    if was_fetching != fetching:
        draw_again()  # polling begins or ends with the fetch, and the dataset's page appears
    about = BUILTIN[dataset.name].about
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(f"<strong>{inert_html(about.title)}</strong>", width="content")
            st.badge("fetching" if fetching else "not fetched",
                     icon=":material/downloading:" if fetching else ":material/download:",
                     color="blue" if fetching else "gray")  # fmt: skip
        st.text(neutralise(about.what))
        facts(
            [
                ("Labels", f"{dataset.labels:,}"),
                ("Documents", f"{dataset.documents:,}"),
                ("Kind", about.kind),
                ("Licence", about.licence),
                *([("Source", about.source)] if about.source else []),
                ("To fetch", f"{dataset.download_bytes / 1e6:,.0f} MB, once; kept in the data "
                 "folder, checked by SHA-256, without other packages"),
            ],
            name=f"About the dataset {dataset.name}",
        )  # fmt: skip
        if job is not None and fetching:
            job_bar(job)
        elif job is not None and job.error is not None:
            errors.card(*job.error)
        elif job is not None and job.state is JobState.CANCELLED:
            st.caption("The last fetch was cancelled; what had come is kept.")
        _buttons(dataset.name, job, fetching)


def _buttons(name: str, job: JobView | None, fetching: bool) -> None:
    stopped = job is not None and job.state in (JobState.FAILED, JobState.CANCELLED)
    no = why_not(Role.LEAD)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Go on fetching" if stopped else "Fetch",
            icon=":material/download:",
            type="primary",
            key=f"fetch_{name}",
            disabled=bool(no) or fetching,
            on_click=_fetch,
            args=(name,),
            help=no or "Runs in a process of its own; what has come is not fetched again.",
        )
        if job is not None and fetching:
            st.button(
                "Cancel",
                icon=":material/stop:",
                key=f"fetch_cancel_{name}",
                disabled=bool(no) or job.state is JobState.CANCELLING,
                help=no or None,
                on_click=_cancel,
                args=(job.id,),
            )
        st.page_link("pages/jobs.py", label="Jobs", icon=":material/pending_actions:")


def _running(job: JobView | None) -> bool:
    return job is not None and not job.finished


def _fetch(name: str) -> None:
    with errors.kept():
        services.fetch_dataset(person(), name)


def _cancel(job_id: str) -> None:
    with errors.kept():
        jobs.cancel(services.store(), person(), job_id)
