"""One saved trace as Explore shows it after a run, with its neighbours, link and provenance."""

from urllib.parse import quote, urlsplit

import streamlit as st

from core.errors import UnknownNameError
from core.events import Failed
from core.live.questions import ReadTrace
from core.live.view import LiveView
from core.traces.inert import neutralise, one_line
from db.trace_imports import IMPORT
from db.trace_views import StoredTrace, TraceFilter, TraceOrder, TraceState
from db.traces import interrupt_running, load_trace, neighbours
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.details import details
from pages.parts.inside_link import inside_link
from pages.parts.provenance import provenance
from pages.parts.result import result
from pages.parts.talk_add import add_to_talk_popover
from pages.parts.trace_list import state_badge
from pages.parts.trace_read import read_trace
from pages.parts.views import earlier_view, view_of

TRACE = "trace"  # the name in the address
POLL_S = 1.0
FIRST_S = 0.6  # short traces are worked out at once


def open_trace(trace_id: str) -> None:
    st.query_params[TRACE] = trace_id


def close_trace() -> None:
    st.query_params.pop(TRACE, None)


def load(trace_id: str) -> StoredTrace:
    """A trace whose process is gone is marked as interrupted. Raises UnknownNameError,
    StoreError."""
    with services.store().read() as session:
        stored = load_trace(session, trace_id)
    if stored.summary.state is TraceState.RUNNING and end_dead_traces():
        return load(trace_id)
    return stored


def end_dead_traces() -> int:
    """Marks running traces whose process has ended as interrupted; returns how many."""
    with services.store().write() as session:
        return interrupt_running(session)


def newest_view(trace_id: str) -> LiveView:
    """The live view while the app's own worker writes it, else what is saved, else the live one
    again: it may not be in the store yet, or the store could not take it."""
    live = services.live_worker().view(trace_id)
    if live is not None and live.running:
        return live
    try:
        return view_of(load(trace_id))
    except UnknownNameError:
        if live is None:
            raise
        return live


def trace_detail(trace_id: str, filter: TraceFilter, order: TraceOrder) -> None:
    """Draws the trace, or says that there is none and leads back. Raises StoreError."""
    try:
        stored = load(trace_id)
    except UnknownNameError:
        unsaved(trace_id)
        return
    heading(stored, filter, order)
    view = newest_view(trace_id)
    if view.running:
        document(stored)
        st.fragment(_running, run_every=POLL_S)(trace_id, saved=True)
        return
    if stored.to_analyse:
        st.fragment(_worked_out, run_every=POLL_S)(stored)
        return
    if stored.trace is None:
        document(stored)
        result(view)
    else:
        read_trace(stored, view, trace_url(stored.id))
    if stored.summary.origin != IMPORT:
        details(view, earlier_view(view, None))
    with st.expander("Provenance", icon=":material/fingerprint:"):
        provenance(stored)


def unsaved(trace_id: str) -> None:
    """A trace whose models are still being loaded, which the store could not take, or none."""
    st.title("Trace")
    live = services.live_worker().view(trace_id)
    if live is not None:
        st.button("All traces", icon=":material/list:", on_click=close_trace, key="trace_back")
        st.caption("Not saved yet.")
        if live.running:
            st.fragment(_running, run_every=POLL_S)(trace_id, saved=False)
        else:
            result(live)
        return
    errors.card(
        f"There is no trace {one_line(trace_id, 80)!r} in this store.",
        "Its link may be cut off, or come from another PhaseLens with a store of its own.",
    )
    st.button("All traces", icon=":material/list:", on_click=close_trace, key="trace_back")


def heading(stored: StoredTrace, filter: TraceFilter, order: TraceOrder) -> None:
    """Where the reader is, and the ways on: the list, previous, next, the link, Explore."""
    with services.store().read() as session:
        beside = neighbours(session, filter, stored.id, order)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All traces", icon=":material/list:", on_click=close_trace, key="trace_back")
        _step("Previous", beside.previous, ":material/arrow_back:", "P")
        _step("Next", beside.next, ":material/arrow_forward:", "N")
        with st.popover("Link", icon=":material/link:"):
            st.caption("Opens this trace, also after a restart.")
            st.code(trace_url(stored.id), language=None, wrap_lines=True)
        if stored.trace is not None:
            add_to_talk_popover(stored.id)
        st.space("stretch")
        if stored.summary.origin != IMPORT:  # whose settings are not known
            st.page_link(
                "pages/explore.py",
                label="Open in Explore",
                icon=":material/center_focus_strong:",
                query_params={TRACE: stored.id},
            )
        st.page_link(
            "pages/annotate.py", label="Judge", icon=":material/rate_review:",
            query_params={"view": "Judge", "trace": stored.id},
            help="Its labels one by one, what is missing, and its two phases, by keys.",
        )  # fmt: skip
        inside_link(view_of(stored))
    row = stored.summary
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Trace", width="content")
        state_badge(row.state)
        about = f"{row.dataset} / {row.document_id} · {row.system} · trace {row.id}"
        st.text(neutralise(about), width="content")


def _step(name: str, trace_id: str | None, icon: str, key: str) -> None:
    st.button(
        name,
        icon=icon,
        key=f"trace_{name.lower()}",
        shortcut=key,
        disabled=trace_id is None,
        on_click=open_trace,
        args=(trace_id,),
        help=f"The {name.lower()} one in the list, as it is filtered and sorted.",
    )


def trace_url(trace_id: str) -> str:
    """The address of a trace, at the host that the reader used."""
    here = urlsplit(st.context.url or "")
    host = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    return f"{host}/traces?{TRACE}={quote(trace_id, safe='')}"


def document(stored: StoredTrace) -> None:
    text = stored.document.text
    with st.container(border=True):
        st.caption(
            f"Document · {len(text):,} characters"
            + (f" · {stored.document.split}" if stored.document.split else "")
        )
        with st.container(height=180 if len(text) > 700 else "content", border=False):
            st.text(neutralise(text))


def _running(trace_id: str, saved: bool) -> None:
    """Follows the trace; draws the page anew when it ends, or is saved for the first time."""
    with errors.kept():
        view = newest_view(trace_id)
        if not view.running or (not saved and is_saved(trace_id)):
            draw_again()
        result(view)


def _worked_out(stored: StoredTrace) -> None:
    """An imported trace at its first view: its text, until phases, curves and fates are there."""
    failure = f"not_worked_out_{stored.id}"  # told until somebody tries again
    with errors.kept():
        if failure not in st.session_state:
            answer = services.live_worker().ask(ReadTrace(stored.id), patience_s=FIRST_S)
            if isinstance(answer, Failed):
                st.session_state[failure] = (answer.what, answer.fix)
            elif answer is not None:
                draw_again()
        if failure in st.session_state:
            errors.card(*st.session_state[failure])
            st.button(
                "Try again", icon=":material/refresh:", key=f"again_{stored.id}",
                on_click=lambda: st.session_state.pop(failure, None),
            )  # fmt: skip
        else:
            st.caption("Phases, mentions, curves and fates are being worked out …")
    document(stored)
    with st.container(border=True, height=520):
        st.text(neutralise(stored.text))


def is_saved(trace_id: str) -> bool:
    try:
        load(trace_id)
    except UnknownNameError:
        return False
    return True
