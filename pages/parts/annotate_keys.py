"""Keys of the Annotate page, and other ones for those who want them."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.annotation.keys import TAKEN, checked_keys, keys_of
from core.annotation.verdicts import TaskKind
from db.own_keys import forget_keys, own_keys, save_keys
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.judge import help_of
from pages.parts.people import person


@dataclass
class Draft:
    """Keys of one kind of task as they are wanted, and as the table began with them."""

    drawn: Mapping[str, str]
    wanted: Mapping[str, str]


def keys_view() -> None:
    """What each key does, of one kind of task; a changed key is kept for this person."""
    me = person()
    with services.store().read() as session:
        own = own_keys(session, me)
    kind = st.segmented_control(
        "Task", list(TaskKind), format_func=lambda one: str(one).capitalize(), key="keys_kind",
        required=True, persist_state="session", label_visibility="collapsed",
        default=TaskKind.SHORTLIST,
    )  # fmt: skip
    st.caption(
        f"Double-click a key to change it, for yourself: one letter or digit. "
        f"{' and '.join(sorted(TAKEN))} are taken by the app (clear the cache, run again)."
    )
    keys = keys_of(kind, own)
    widget = f"keys_{kind}_{hash(tuple(keys.items()))}"
    draft: Draft = st.session_state.setdefault(f"{widget}_draft", Draft(dict(keys), dict(keys)))
    if widget not in st.session_state:  # drawn anew: it begins with what was wanted last
        draft.drawn = draft.wanted
    changed = st.data_editor(
        [{"key": draft.drawn[name], "what it does": what} for name, what in help_of(kind, keys)],
        key=widget, disabled=["what it does"], width=640, height="content",
        column_config={
            "key": st.column_config.TextColumn("Key", width=70, max_chars=1),
            "what it does": st.column_config.TextColumn("What it does"),
        },
    )  # fmt: skip
    wanted = {name: str(row["key"] or "") for name, row in zip(keys, changed, strict=True)}
    draft.wanted = wanted
    with st.container(horizontal=True):
        if press.button("Use these keys", key="keys_use", type="primary", disabled=wanted == keys):
            with errors.kept():
                with services.store().write() as session:
                    save_keys(session, me, checked_keys(kind, wanted))
                draw_again()
        usual = press.button(
            "Back to the usual keys", key="keys_usual", icon=":material/undo:", disabled=not own,
            help="Of all kinds of tasks.",
        )  # fmt: skip
    if usual:
        with errors.kept():
            with services.store().write() as session:
                forget_keys(session, me)
            draw_again()
