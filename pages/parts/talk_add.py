"""Saved traces put into a talk: by words, by a link or an id, or from the Trace page."""

import re
from typing import NamedTuple
from urllib.parse import unquote

import streamlit as st

from core.annotation.people import Role
from core.errors import InputError
from core.traces.inert import inert_html, one_line
from db.talks import MAX_NAME, TalkSlide, add_talk, add_to_talk, slide_traces, talks
from db.trace_views import TraceFilter, TraceState
from db.traces import load_trace, page_of
from pages.parts import errors, services
from pages.parts.people import may, person
from pages.parts.talk_work_out import work_out
from pages.parts.times import local_time

FOUND = 6  # traces offered at once
FIRST_S = 0.6  # short imported traces are worked out at once
_LINK = re.compile(r"[?&]trace=([^&#\s]+)")
_SAID = "talk_added"


class Found(NamedTuple):
    """A saved trace that may be added; `start`: of its document."""

    id: str
    start: str
    about: str


def add_form(name: str) -> None:
    """A search among saved traces, each with a button that adds it. Raises StoreError."""
    st.header("Add an example")
    typed = st.text_input(
        "Search saved traces, or paste a link or an id", key="talk_find",
        placeholder="Words of a document or a trace, a link, or an id",
        icon=":material/search:",
    )  # fmt: skip
    found = found_traces(typed or "")
    if not found:
        if typed:
            st.caption("No saved trace has that. Words match from their start.")
        else:
            st.caption("Nothing is saved yet.")
            st.page_link(
                "pages/explore.py", label="Run a first example in Explore",
                icon=":material/center_focus_strong:",
            )  # fmt: skip
        return
    if not typed:
        st.caption("The newest saved traces:")
    for row in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Add", icon=":material/add:", key=f"talk_add_{row.id}",
                on_click=_add, args=(name, row.id),
            )  # fmt: skip
            st.html(_said(row), width="stretch")


def found_traces(typed: str) -> list[Found]:
    """Those that a link or an id names, else those with the words, newest first."""
    link = _LINK.search(typed)
    named = unquote(link[1]) if link else typed.strip()
    with services.store().read() as session:
        if one := slide_traces(session, [named]).get(named):
            about = f"{one.dataset} / {one.document_id} · {one.system}"
            return [Found(one.id, one.document_start, f"{about} · {local_time(one.made_at)}")]
        if link:
            return []
        rows = page_of(session, TraceFilter(text=typed or None), 0, 2 * FOUND)
    found = []
    for row in rows:
        parts = [f"{row.dataset} / {row.document_id}", row.system, local_time(row.created_at)]
        parts += [] if row.example_f1 is None else [f"F1 {row.example_f1:.2f}"]
        parts += [] if row.state is TraceState.DONE else [str(row.state)]
        if row.state is not TraceState.RUNNING:
            found.append(Found(row.id, row.document_start, " · ".join(parts)))
    return found[:FOUND]


def _said(found: Found) -> str:
    return (
        f'<div style="overflow-wrap: anywhere">{inert_html(one_line(found.start, 110))}<br>'
        f'<span style="opacity: 0.75">{inert_html(one_line(found.about, 200))}</span></div>'
    )


def _add(name: str, trace_id: str) -> None:
    with errors.kept():
        _put(name, trace_id)


def _put(name: str, trace_id: str) -> None:
    """Adds it, where it has something to show. Raises InputError, StoreError, NotAllowedError."""
    with services.store().read() as session:
        stored = load_trace(session, trace_id)
    if stored.trace is None:
        raise InputError(
            f"Trace {trace_id} has nothing to show: it is {stored.summary.state}.",
            "Choose one that has ended.",
        )
    work_out([trace_id], FIRST_S)
    with services.store().write() as session:
        add_to_talk(session, person(), name, TalkSlide(trace_id))


def add_to_talk_popover(trace_id: str) -> None:
    """On the Trace page: puts the trace at the end of a talk, there or new. Raises StoreError."""
    if not may(Role.ANNOTATOR):
        return
    with services.store().read() as session:
        names = [talk.name for talk in talks(session)]
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        st.toast(f"Added to the talk {plain(said)}.", icon=":material/slideshow:")
    with st.popover("Talk", icon=":material/slideshow:"):
        key = f"talk_of_{trace_id}"
        st.selectbox(
            "Put this trace into the talk", names, key=key, index=0 if names else None,
            accept_new_options=True,
            placeholder="Name a new talk", format_func=lambda one: one_line(one, 80),
            help="Choose one, or type the name of a new one.",
        )  # fmt: skip
        st.button(
            "Add it", icon=":material/add:", key=f"talk_put_{trace_id}", type="primary",
            on_click=_put_from_page, args=(trace_id, key, names),
        )  # fmt: skip
        st.page_link("pages/talk.py", label="Open Talk", icon=":material/slideshow:")


def _put_from_page(trace_id: str, key: str, names: list[str]) -> None:
    name = st.session_state.get(key)
    with errors.kept():
        if not name:
            raise InputError("The talk has no name.", f"Type one, of 1 to {MAX_NAME} characters.")
        if name not in names:
            with services.store().write() as session:
                name = add_talk(session, person(), name).name
        _put(name, trace_id)
        st.session_state[_SAID] = name


def plain(text: str) -> str:
    """Somebody's words where Markdown is read."""
    return re.sub(r"([\\*_\[\]`$:~#<>])", r"\\\1", one_line(text, 80))
