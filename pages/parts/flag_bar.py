"""The flag bar: one click says what a person thinks of a shortlist or trace.

Flags are events in the store: each click adds one, undo adds another; nothing is overwritten.
The bar works wherever a trace id is known, also while the trace is still being written.
"""

import uuid
from dataclasses import dataclass

import streamlit as st

from core.traces.inert import neutralise
from db.annotations import FlagView, flag, flags_of, undo
from pages.parts import errors, services
from pages.parts.annotator import annotator, name_field
from pages.parts.times import local_time

MAX_COMMENT = 2000


@dataclass(frozen=True, slots=True)
class Choice:
    """A verdict as a button shows it."""

    name: str
    icon: str
    color: str
    help: str


CHOICES = {
    "good": Choice("Good", ":material/thumb_up:", "green", "The shortlist and answer are right."),
    "missing_gold": Choice(
        "Missing gold", ":material/playlist_add:", "orange",
        "A label that belongs here is not in the shortlist.",
    ),
    "off_topic": Choice(
        "Off topic", ":material/block:", "red", "The shortlist is about something else."
    ),
    "unsure": Choice("Unsure", ":material/help:", "gray", "Someone else should look at it."),
}  # fmt: skip


@st.fragment
def flag_bar(trace_id: str) -> None:
    """Buttons for the verdicts, comment and name, and the flags that stand."""
    with errors.kept():
        with services.store().read() as session:
            standing = flags_of(session, trace_id)
        mine = {f.verdict for f in standing if f.annotator == annotator()}
        with st.container(border=True, key=f"flag_bar_{trace_id}"):
            _buttons(trace_id, mine)
            for view in standing:
                _standing(view)


def _buttons(trace_id: str, mine: set[str]) -> None:
    comment_key = f"flag_comment_{trace_id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Flag**", width="content")
        for verdict, choice in CHOICES.items():
            st.button(
                choice.name,
                key=f"flag_{verdict}_{trace_id}",
                icon=choice.icon,
                help=choice.help,
                type="primary" if verdict in mine else "secondary",
                on_click=_flag,
                args=(trace_id, verdict, uuid.uuid4().hex),
            )
        st.text_input(
            "Comment",
            key=comment_key,
            max_chars=MAX_COMMENT,
            label_visibility="collapsed",
            placeholder="Comment (optional), then a verdict",
            width=300,
        )
        with st.popover("Name", icon=":material/person:"):
            name_field(f"flag_name_{trace_id}")


def _flag(trace_id: str, verdict: str, token: str) -> None:
    comment_key = f"flag_comment_{trace_id}"
    comment = str(st.session_state.get(comment_key, "")).strip()[:MAX_COMMENT]
    with errors.kept(), services.store().write() as session:
        same = [
            view
            for view in flags_of(session, trace_id)
            if view.annotator == annotator() and view.verdict == verdict
        ]
        if same and comment in ("", same[-1].comment):
            return  # a double click, or a click on what stands already
        for view in same:  # the new comment takes the place of the old one
            undo(session, view.event_id, annotator())
        flag(
            session,
            trace_id=trace_id,
            verdict=verdict,
            comment=comment,
            annotator=annotator(),
            client_token=token,
        )
    st.session_state[comment_key] = ""


def _standing(view: FlagView) -> None:
    """One flag that stands: what, who, when, why; and the way back."""
    choice = CHOICES.get(view.verdict, Choice(view.verdict, "", "gray", ""))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(choice.name, icon=choice.icon or None, color=choice.color)
        who = view.annotator or "no name"
        st.text(neutralise(f"{who}, {local_time(view.created_at)}"), width="content")
        if view.comment:
            st.text(neutralise(view.comment), width="content")
        st.button(
            "Undo",
            key=f"undo_flag_{view.event_id}",
            icon=":material/undo:",
            type="tertiary",
            help="Takes the flag back. The event stays in the log.",
            on_click=_undo,
            args=(view.event_id,),
        )


def _undo(event_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        undo(session, event_id, annotator())
