"""Says so while a dataset's index is not complete, with its progress or a way to build it."""

import streamlit as st

from core.annotation.people import Role
from core.shortlist.index import IndexStatus, status
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.people import person, why_not
from pages.parts.times import duration

EVERY_S = 2.0
_BUILD = {"partial": "Go on building the index", "damaged": "Rebuild the index"}


def index_notice(dataset: str) -> None:
    """Draws nothing when the index is ready; else a notice that follows the build by itself."""
    now = status(services.settings(), dataset)
    if now.state != "ready":
        st.fragment(_notice, run_every=EVERY_S)(dataset)


def _notice(dataset: str) -> None:
    now = status(services.settings(), dataset)
    if now.state == "ready":
        draw_again()  # the notice goes, and the page searches the whole index from now on
    with errors.kept(), st.container(border=True):
        job = services.index_job(dataset)
        st.progress(min(1.0, now.encoded / now.total) if now.total else 0.0, text=coverage(now))
        if job is not None:
            now_doing = ["The index is being built in the background"]
            if job.rate:
                now_doing.append(f"{job.rate:,.0f} labels/s")
            if job.seconds_left:
                now_doing.append(f"about {duration(job.seconds_left)} left")
            st.caption(" · ".join(now_doing))
            return
        if now.problem:
            errors.card(now.problem)
        no = why_not(Role.LEAD)
        st.button(
            _BUILD.get(now.state, "Build the index"),
            icon=":material/build:",
            key=f"build_index_{dataset}",
            on_click=_build,
            args=(dataset,),
            disabled=bool(no),
            help=no
            or "Runs in a process of its own, takes some minutes, and goes on where it was if "
            "it is stopped.",
        )


def _build(dataset: str) -> None:
    with errors.kept():
        services.build_index(person(), dataset)


def coverage(now: IndexStatus) -> str:
    """What searches cover at the moment, in words."""
    if now.state == "damaged":
        return "Nothing can be searched: the index cannot be used."
    if not now.encoded:
        return f"No label of {now.total:,} can be searched yet: the index is not built."
    if now.encoded < now.total:
        return f"Searches cover {now.encoded:,} of {now.total:,} labels so far."
    return f"All {now.total:,} labels can be searched exactly; the fast index is being made."
