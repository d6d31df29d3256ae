"""Traces: every saved trace, filtered, searched and paged at the database; one by its link.

The address says it all: `?trace=ID` shows one trace, `?dataset=D&document=N&system=S` the latest
of that document (by that system, where one is named), and the filters are in it too.
"""

from datetime import datetime, timedelta
from pathlib import Path

import streamlit as st

from core.errors import StoreError
from core.traces.inert import one_line
from db.trace_imports import IMPORT
from db.trace_views import FilterChoices, TraceFilter, TraceOrder, TraceState, TraceSummary
from db.traces import count_of, filter_choices, latest_of_document, page_of
from pages.parts import entry, errors, services
from pages.parts.address import draw_again
from pages.parts.shortlist_flags import flagged_shortlists
from pages.parts.trace_detail import TRACE, end_dead_traces, open_trace, trace_detail
from pages.parts.trace_filters import (
    ORDER_KEY,
    PAGE_KEY,
    active,
    asked,
    chosen,
    clear,
    filter_bar,
)
from pages.parts.trace_list import hits, pager, trace_table, unread
from pages.parts.work_out import work_out_button, work_out_progress

REFRESH_S = 3.0  # while a trace on the page is still being written


@st.cache_data(ttl=timedelta(seconds=10), max_entries=8, show_spinner=False)
def choices_of(url: str, home: Path) -> FilterChoices:
    with services.store().read() as session:
        return filter_choices(session)


def chosen_order() -> TraceOrder:
    value = st.session_state.get(ORDER_KEY)
    return TraceOrder(value) if value in set(TraceOrder) else TraceOrder.NEWEST


def traces_of(run: str) -> int:
    with services.store().read() as session:
        return count_of(session, TraceFilter(run_id=run))


def empty_page(choices: FilterChoices) -> None:
    """Nothing to list: the way to a first trace, or out of the filters."""
    with st.container(border=True, horizontal_alignment="center"):
        if active():
            run = chosen().run_id
            if run and run not in choices.runs and not traces_of(run):
                errors.card(
                    f"There is no run {one_line(run, 80)!r} with saved traces in this store.",
                    "Its link may be cut off, or come from another PhaseLens; or it has only "
                    "just begun.",
                )
            st.markdown("**No trace matches these filters.**", width="content")
            st.button(
                "Clear filters", icon=":material/filter_alt_off:", key="f_clear_empty",
                on_click=clear,
            )  # fmt: skip
        else:
            st.markdown("**Nothing is saved yet.**", width="content")
            st.markdown("Every run in Explore and every batch run on Jobs is saved here.",
                        width="content")  # fmt: skip
            st.page_link(
                "pages/explore.py", label="Run a first example in Explore",
                icon=":material/center_focus_strong:",
            )  # fmt: skip


def listing(filter: TraceFilter) -> list[TraceSummary]:
    """One page of the list with its pager; returns its rows."""
    with services.store().read() as session:
        total = count_of(session, filter)
    if not total:
        return []
    table = st.container()
    offset, limit = pager(total, page_key=PAGE_KEY, size_key="f_size")
    with services.store().read() as session:
        rows = page_of(session, filter, offset, limit, chosen_order())
    if any(row.state is TraceState.RUNNING for row in rows) and end_dead_traces():
        draw_again()
    with table:
        (hits if filter.text else trace_table)(rows, open_trace)
    return rows


def list_page() -> None:
    settings = services.settings()
    choices = choices_of(settings.database, settings.home)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title("Traces", width="stretch")
        st.selectbox(
            "Order", [str(o) for o in TraceOrder], key=ORDER_KEY, persist_state="session",
            width=190, label_visibility="collapsed",
        )  # fmt: skip
        st.page_link(
            "pages/data.py", label="Import traces", icon=":material/upload:",
            query_params={"data_tab": "Import traces"},
        )  # fmt: skip
        st.button("Refresh", icon=":material/refresh:", on_click=choices_of.clear, key="f_refresh")
    filter = filter_bar(choices)
    flagged_shortlists(filter)
    above = st.container()
    rows = listing(filter)
    if not rows:
        empty_page(choices)
    with above:
        if any(unread(row) for row in rows):
            as_imported()
        work_out_progress()
    if any(row.state is TraceState.RUNNING for row in rows):
        st.session_state["traces_drawn_at"] = datetime.now()
        st.fragment(_refresh, run_every=REFRESH_S)()


def as_imported() -> None:
    """Says what is not known yet of imported traces in the list, and offers to work it out."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Some of these traces are as they were imported: phases, answers and scores are worked "
            "out when one is opened, or for all of them at once.",
            width="stretch",
        )
        work_out_button("Work out all", {**asked(), "origin": IMPORT})


def _refresh() -> None:
    """Draws the whole list again a while after it was drawn, as one of its traces is running."""
    drawn: datetime = st.session_state["traces_drawn_at"]
    if (datetime.now() - drawn).total_seconds() >= REFRESH_S * 0.9:
        draw_again()


def asked_trace() -> str:
    """The trace that the address names, by its id or by its document; "" for the list."""
    address = st.query_params
    if address.get(TRACE) or not (address.get("dataset") and address.get("document")):
        return address.get(TRACE, "")
    dataset, document, system = address["dataset"], address["document"], address.get("system")
    with services.store().read() as session:
        found = latest_of_document(session, dataset, document, system or None)
    if found is None:
        by = f" by {one_line(system, 60)}" if system else ""
        errors.card(
            f"There is no trace of {one_line(dataset, 60)} / {one_line(document, 60)}{by}.",
            "Run the document in Explore, or import its trace on Data.",
        )
        return ""
    for name in ("dataset", "document", "system"):
        address.pop(name, None)
    address[TRACE] = found
    return found


entry.through_app()
try:
    trace_id = asked_trace()
    if trace_id:
        trace_detail(trace_id, chosen(), chosen_order())
    else:
        list_page()
except StoreError as error:
    errors.card(error.what, error.fix)
