"""Making a survey: what is asked, and how far it has come."""

from dataclasses import asdict

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.datasets.base import Dataset, Split
from core.jobs.kinds import survey_key
from core.shortlist.manifest import status
from core.shortlist.survey import METHODS as SURVEYED
from core.shortlist.survey import Plan, usual_methods
from db.jobs import UNFINISHED, JobView, list_jobs
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.job_progress import job_card
from pages.parts.people import person, why_not
from pages.parts.shortlist_choice import SURVEY
from pages.parts.shortlist_words import METHOD_HELP, METHODS

MOST = 1_000_000
TEST_NOTE = "test, for the last look only: choices are made on dev"


def survey_form(dataset: Dataset) -> None:
    """Split, documents, ef and methods; starts the job and shows the newest survey after it."""
    ready = status(services.settings(), dataset.name).state == "ready"
    no = why_not(Role.ANNOTATOR)
    form = st.form("shortlist_survey_form", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        split = st.selectbox(
                "Split", [str(s) for s in Split], index=2, key="shortlist_new_split", width=160,
                format_func=lambda s: "test (read once)" if s == "test" else s,
                help=f"dev, for choices; {TEST_NOTE}.",
            )  # fmt: skip
        limit = st.number_input(
                "Documents", min_value=1, max_value=MOST, value=1000, width=120,
                placeholder="all", key="shortlist_new_limit",
                help="At most so many, scattered over the split; empty: all of them.",
            )  # fmt: skip
        ef = st.number_input(
                "ef", min_value=100, value=None, placeholder="index's own", width=130,
                key="shortlist_new_ef", help="At least 100, as 100 labels are ranked.",
            )  # fmt: skip
        methods = st.pills(
                "Methods", list(METHODS), default=_usual(dataset),
                selection_mode="multi", key="shortlist_new_methods", help=METHOD_HELP,
                format_func=METHODS.__getitem__,
            )  # fmt: skip
        asked = press.form_submit_button(
                "Make survey", icon=":material/query_stats:", type="primary",
                key="shortlist_make_survey", disabled=bool(no) or not ready, help=no or None,
            )  # fmt: skip
    if not ready:
        st.caption("The index must be complete first.")
    if asked:
        with errors.kept():
            plan = Plan(
                dataset.name, str(split), int(limit) if limit else None, tuple(methods),
                int(ef) if ef else None,
            )  # fmt: skip
            plan.check()
            params = asdict(plan)
            job = jobs.submit(
                services.store(), person(), "survey", params, f"Survey of {dataset.name}, {split}",
                unique_key=survey_key(params),
            )  # fmt: skip
            jobs.start(services.settings(), job)
            st.session_state.pop(SURVEY, None)  # the newest is shown when it is there
            draw_again()


def _usual(dataset: Dataset) -> list[str]:
    """The methods that are chosen beforehand; a damaged file of choices is said, and left out."""
    with errors.kept():
        return list(usual_methods(services.settings(), dataset))
    return [method.value for method in SURVEYED]


def survey_job(dataset: str) -> JobView | None:
    """The unfinished survey of a dataset."""
    with services.store().read() as session:
        unfinished = list_jobs(session, states=UNFINISHED, limit=100)
    return next(
        (job for job in unfinished
         if job.kind == "survey" and job.params.get("dataset") == dataset), None
    )  # fmt: skip


def survey_progress(dataset: str) -> None:
    """Draws the unfinished survey; when there is none any more, has the whole page drawn."""
    with errors.kept():
        job = survey_job(dataset)
        if job is None:
            draw_again()
        job_card(job)
