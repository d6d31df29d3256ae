"""The flag bar: one click says what a person thinks of a shortlist or trace.

Flags are events in the store: each click adds one, undo adds another; nothing is overwritten.
The bar works wherever a trace id is known, also while the trace is still being written, and for a
shortlist that no run made (shortlist_flags).
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import streamlit as st
from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from core.annotation.verdicts import SHORTLIST_CHOICES, ShortlistVerdict
from core.traces.inert import neutralise
from db.annotations import flag, flags_of, undo
from pages.parts import errors, services
from pages.parts.people import person, why_not
from pages.parts.times import local_time
from pages.parts.who import who_popover

MAX_COMMENT = 2000


# Icon and colour of each verdict; its name and meaning are those of core/annotation/verdicts.py.
FLAG_NAMES = {ShortlistVerdict(choice.verdict): choice.name for choice in SHORTLIST_CHOICES}
_LOOKS: dict[ShortlistVerdict, tuple[str, Any]] = {
    ShortlistVerdict.GOOD: (":material/thumb_up:", "green"),
    ShortlistVerdict.MISSING_GOLD: (":material/playlist_add:", "orange"),
    ShortlistVerdict.OFF_TOPIC: (":material/block:", "red"),
    ShortlistVerdict.NEAR_MISSES: (":material/groups:", "orange"),
    ShortlistVerdict.DUPLICATES: (":material/content_copy:", "orange"),
    ShortlistVerdict.WRONG_GOLD: (":material/running_with_errors:", "violet"),
    ShortlistVerdict.UNSURE: (":material/help:", "gray"),
}


class Standing(Protocol):
    """A flag that stands, on a trace or a shortlist."""

    @property
    def event_id(self) -> str: ...
    @property
    def verdict(self) -> ShortlistVerdict: ...
    @property
    def comment(self) -> str: ...
    @property
    def annotator(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What is flagged: `standing` gives the flags to show, `own` whether one is of exactly this,
    `add` sets one (by whom, verdict, comment, click's token), `undo` takes one back (by whom, event
    id). `note` says what else a flag is of."""

    key: str
    standing: Callable[[Session], Sequence[Standing]]
    add: Callable[[Session, Person, str, str, str], str]
    undo: Callable[[Session, Person, str], str]
    own: Callable[[Standing], bool] = lambda view: True
    note: Callable[[Standing], str] = lambda view: ""


def flag_bar(trace_id: str) -> None:
    """The bar of a trace."""

    def add(session: Session, by: Person, verdict: str, comment: str, token: str) -> str:
        return flag(session, by, trace_id=trace_id, verdict=verdict, comment=comment,
                    client_token=token)  # fmt: skip

    flag_subject(Subject(trace_id, lambda session: flags_of(session, trace_id), add, undo))


@st.fragment
def flag_subject(subject: Subject) -> None:
    """Buttons for the verdicts, comment and name, and the flags that stand."""
    with errors.kept():
        with services.store().read() as session:
            standing = subject.standing(session)
        name, no = person().name, why_not(Role.ANNOTATOR)
        mine = {f.verdict for f in standing if subject.own(f) and f.annotator == name}
        with st.container(border=True, key=f"flag_bar_{subject.key}"):
            _buttons(subject, mine, no)
            for view in standing:
                _standing(subject, view, no)


def _buttons(subject: Subject, mine: set[ShortlistVerdict], no: str) -> None:
    """`no`: why this person may not flag, "" for one who may."""
    key = subject.key
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Flag**", width="content")
        for choice in SHORTLIST_CHOICES:
            verdict = ShortlistVerdict(choice.verdict)
            st.button(
                choice.name,
                key=f"flag_{verdict}_{key}",
                icon=_LOOKS[verdict][0],
                help=no or choice.meaning,
                type="primary" if verdict in mine else "secondary",
                disabled=bool(no),
                on_click=_flag,
                args=(subject, verdict, uuid.uuid4().hex),
            )
        if no:
            st.caption(no, width="content")
        else:
            st.text_input(
                "Comment",
                key=f"flag_comment_{key}",
                max_chars=MAX_COMMENT,
                label_visibility="collapsed",
                placeholder="Comment (optional), then a verdict",
                width=300,
            )
        who_popover(f"flag_name_{key}")


def _flag(subject: Subject, verdict: str, token: str) -> None:
    comment_key = f"flag_comment_{subject.key}"
    comment = str(st.session_state.get(comment_key, "")).strip()[:MAX_COMMENT]
    with errors.kept(), services.store().write() as session:
        me = person()
        same = [
            view
            for view in subject.standing(session)
            if subject.own(view) and view.annotator == me.name and view.verdict == verdict
        ]
        if same and comment in ("", same[-1].comment):
            return  # a double click, or a click on what stands already
        for view in same:  # the new comment takes the place of the old one
            subject.undo(session, me, view.event_id)
        subject.add(session, me, verdict, comment, token)
    st.session_state[comment_key] = ""


def _standing(subject: Subject, view: Standing, no: str) -> None:
    """One flag that stands: what, who, when, why; and the way back."""
    icon, colour = _LOOKS[view.verdict]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(FLAG_NAMES[view.verdict], icon=icon, color=colour)
        who = view.annotator or "no name"
        st.text(neutralise(f"{who}, {local_time(view.created_at)}"), width="content")
        if note := subject.note(view):
            st.caption(note, width="content")
        if view.comment:
            st.text(neutralise(view.comment), width="content")
        st.button(
            "Undo",
            key=f"undo_flag_{view.event_id}",
            icon=":material/undo:",
            type="tertiary",
            help=no or "Takes the flag back. The event stays in the log.",
            disabled=bool(no),
            on_click=_undo,
            args=(subject, view.event_id),
        )


def _undo(subject: Subject, event_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        subject.undo(session, person(), event_id)
