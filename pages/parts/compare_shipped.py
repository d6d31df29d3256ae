"""The results that ship, as Compare tells of them: on their way, not brought in, or not fetched."""

import streamlit as st

from core.study.shipped import not_here
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.job_progress import POLL_S, job_bar


def shipped_note() -> bool:
    """Draws what is to be said of them, if anything; whether they are on their way."""
    if services.results_job() is not None:
        st.fragment(_coming, run_every=POLL_S)()
        return True
    waiting = services.results_waiting()
    if waiting:
        _not_brought_in(waiting)
    _not_fetched(not_here(services.settings()))
    return False


def _coming() -> None:
    job = services.results_job()
    if job is None:
        draw_again()
    with st.container(border=True):
        st.markdown(
            "**The results of PhaseLens's own study are being brought in.** Until they are all "
            "here, runs below may lack documents."
        )
        job_bar(job)


def _not_brought_in(datasets: list[str]) -> None:
    failed = services.failed_results_job()
    if failed is not None and failed.error is not None:
        errors.card(
            f"The results that ship could not be brought in: {failed.error[0]}",
            f"{failed.error[1]} Then resume the job on Jobs.",
        )
        return
    st.caption(
        f":material/info: The study's results over {' and '.join(datasets)} ship, and are not in "
        "this store yet: `phaselens results load` brings them in."
    )


def _not_fetched(names: list[str]) -> None:
    """Datasets whose results ship, once they are fetched."""
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"The study's results over {' and '.join(names)} come along too, once "
            f"{'they are' if len(names) > 1 else 'it is'} fetched.",
            width="content",
        )
        st.page_link("pages/data.py", label="Fetch on Data", icon=":material/download:",
                     query_params={"data_dataset": names[0]})  # fmt: skip
