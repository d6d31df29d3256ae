"""Jobs: batch runs, index builds and trainings in processes of their own: start, watch, cancel,
resume.

Nothing here works itself: jobs go on when the page, the browser or the app is closed.
"""

import math

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.datasets.catalogue import names
from core.errors import StoreError
from core.shortlist.manifest import status
from db.jobs import UNFINISHED, JobState, count_jobs, list_jobs
from pages.parts import entry, errors, services
from pages.parts.address import draw_again
from pages.parts.batch_form import batch_form
from pages.parts.job_progress import POLL_S, job_card
from pages.parts.people import person, why_not
from pages.parts.training_form import training_form

PAGE_SIZE = 10
FINISHED = [state for state in JobState if state not in UNFINISHED]


def start_forms() -> None:
    run, index, training = st.tabs(
        [
            ":material/play_arrow: Batch run",
            ":material/build: Index build",
            ":material/school: Training",
        ]
    )
    with run:
        st.caption(
            "A system over the documents of a split. Every trace is saved; documents that the "
            "same run has finished are skipped."
        )
        batch_form()
    with index:
        index_forms()
    with training:
        training_form()


def index_forms() -> None:
    st.caption(
        "Embeds every label of a dataset and builds its search graph. Until it is done, searches "
        "cover what is embedded so far, and say so."
    )
    settings, no = services.settings(), why_not(Role.LEAD)
    if no:
        st.caption(no)
    for name in names(settings):
        state = status(settings, name).state
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                f"{'Check' if state == 'ready' else 'Build'} the index of {name}",
                icon=":material/build:",
                key=f"jobs_build_{name}",
                on_click=_build,
                args=(name,),
                disabled=bool(no),
                help=no or None,
            )
            st.caption(f"now: {state}", width="content")


def _build(name: str) -> None:
    with errors.kept():
        services.dataset(name)
        services.build_index(person(), name)


def unfinished(polling: bool) -> None:
    """Jobs that are not finished; a fragment, as it follows them."""
    with errors.kept():
        jobs.resume_abandoned(services.settings(), services.store())
        with services.store().read() as session:
            found = list_jobs(session, states=UNFINISHED, limit=50)
        if bool(found) != polling:
            draw_again()  # polling begins or ends, and the finished list changes
        known = [job.id for job in found]
        if st.session_state.get("jobs_unfinished", known) != known:
            st.session_state["jobs_unfinished"] = known
            draw_again()  # one has ended: it belongs into the list below
        st.session_state["jobs_unfinished"] = known
        for job in found:
            job_card(job)
        if not found:
            st.caption("Nothing is running.")


def finished() -> None:
    with services.store().read() as session:
        total = count_jobs(session, states=FINISHED)
        if not total:
            st.caption("No job has ended yet.")
            return
        pages = math.ceil(total / PAGE_SIZE)
        if st.session_state.get("jobs_page", 1) > pages:
            st.session_state["jobs_page"] = 1
        cards = st.container()
        page = st.pagination(pages, key="jobs_page") if pages > 1 else 1
        found = list_jobs(session, states=FINISHED, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    with cards:
        for job in found:
            job_card(job)


entry.through_app()
st.title("Jobs")
try:
    with st.container(border=True):
        start_forms()
    st.header("Running and waiting")
    with services.store().read() as session:
        polling = count_jobs(session, states=UNFINISHED) > 0
    st.fragment(unfinished, run_every=POLL_S if polling else None)(polling)
    st.header("Ended")
    finished()
except StoreError as error:
    errors.card(error.what, error.fix)
