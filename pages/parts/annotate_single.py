"""One trace, judged outside any queue: its shortlist label by label, and its two phases."""

import streamlit as st
from sqlalchemy.orm import Session

from core.annotation.judgement import Judgement
from core.annotation.people import Person
from core.annotation.verdicts import TaskKind
from core.errors import UnknownNameError
from core.task_view import task_view
from core.traces.inert import one_line
from db.judgements import (
    Submission,
    judge_trace,
    judgements_of,
    newest,
    own_judgement,
    undo_judgement,
)
from db.trace_views import StoredTrace
from db.traces import load_trace
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.annotate_queues import SINGLE
from pages.parts.judge_desk import Desk, Open, desk
from pages.parts.people import person

_KINDS = {TaskKind.SHORTLIST: "Its shortlist", TaskKind.TRACE: "Its phases"}


def single_area(trace_id: str) -> None:
    """Draws the trace and what stands on it; reruns by itself after each key."""
    st.fragment(_area)(trace_id)


def leave() -> None:
    """Back to the queues; for a callback."""
    st.session_state[SINGLE] = ""
    st.query_params.pop("trace", None)


def _area(trace_id: str) -> None:
    if st.session_state.get(SINGLE) != trace_id:  # left, which only the whole page can draw
        draw_again()
    with errors.kept():
        me = person()
        try:
            with services.store().read() as session:
                stored = load_trace(session, trace_id)
        except UnknownNameError as error:
            errors.card(error.what, error.fix)
            st.button("To the queues", icon=":material/arrow_back:", on_click=leave)
            return
        kind = _head(stored)
        subject = f"trace:{trace_id}"
        with services.store().read() as session:
            after = newest(session, me, subject)
            own = own_judgement(session, me, subject)
            others = [one for one in judgements_of(session, subject) if one.person != me.id]
        here = Desk(
            key=f"single_{kind}", filed=lambda one: f"trace:{one}", submit=_submit,
            skip=lambda _: leave(), undo=lambda _: _undo(subject),
        )  # fmt: skip
        view = task_view(kind, [stored], blind=False, swapped=False)
        otherwise = own.judgement if own else Judgement()
        desk(here, Open(kind, trace_id, view, stored.summary.dataset, after, otherwise))
        if own is not None:
            st.badge(f"You said: {own.judgement.in_words()}", icon=":material/check:")
        for one in others:
            name = one_line(one.annotator, 60) or "no name"
            st.badge(f"{name}: {one.judgement.in_words()}", color="gray")


def _head(stored: StoredTrace) -> TaskKind:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        kind = st.segmented_control(
            "What to judge", list(_KINDS), key="single_kind", required=True,
            format_func=_KINDS.__getitem__, default=TaskKind.SHORTLIST,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        st.page_link(
            "pages/traces.py", label="Back to the trace", icon=":material/arrow_back:",
            query_params={"trace": stored.id},
        )  # fmt: skip
        st.button(
            "To the queues", icon=":material/list:", type="tertiary", key="single_leave",
            on_click=leave,
        )  # fmt: skip
    return TaskKind(kind)


def _submit(session: Session, by: Person, trace: str, sent: Submission) -> None:
    judge_trace(session, by, trace, sent)
    st.toast("Kept.", icon=":material/check:")


def _undo(subject: str) -> None:
    me = person()
    with errors.kept(), services.store().write() as session:
        own = own_judgement(session, me, subject)
        if own is None:
            st.toast("You have said nothing of this trace yet.")
        else:
            undo_judgement(session, me, own.id)
