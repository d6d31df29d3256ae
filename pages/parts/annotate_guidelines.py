"""Guidelines: what annotators read beside each task, version by version; a lead writes new ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core.annotation.guidelines import Guidelines, changes
from core.annotation.people import Role
from core.annotation.verdicts import TaskKind
from core.traces.inert import markdown_text, neutralise, one_line
from db.guidelines import Version, guidelines, versions, write_guidelines
from pages.parts import errors, services
from pages.parts.people import may, person

DRAFT, NEWEST = "guidelines_draft", "guidelines_show_newest"
TEXT, REASONS = "guidelines_text", "guidelines_reasons"
COLUMNS = {
    "id": st.column_config.TextColumn(
        "ID", required=True, help="Kept with each judgement: never give one another meaning."
    ),
    "name": st.column_config.TextColumn("Name", required=True),
    "meaning": st.column_config.TextColumn("Meaning", width="large"),
    "of": st.column_config.SelectboxColumn("Task", required=True, options=list(TaskKind)),
}


@dataclass
class Draft:
    """A version that is being written; it outlives a look at another view. `base`: the version it
    changes; `drawn`: the reasons that the table began with, which must not change under it."""

    base: int
    text: str
    reasons: list[Mapping[str, Any]]
    drawn: list[Mapping[str, Any]]


def guidelines_view() -> None:
    """The guidelines of a version, the newest at first."""
    with services.store().read() as session:
        known = versions(session)
        newest = guidelines(session)
    shown = newest
    if st.session_state.pop(NEWEST, False):
        st.session_state["guidelines_version"] = known[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        asked = st.selectbox(
            "Version", known, format_func=_named, key="guidelines_version",
            label_visibility="collapsed", width=360, persist_state="session",
        )  # fmt: skip
        if asked is not None and asked.number != newest.version:
            with services.store().read() as session:
                shown = guidelines(session, asked.number)
            st.badge(f"older: annotators see version {newest.version}", color="orange")
    read, reasons = st.columns([3, 2], gap="large")
    with read:
        st.markdown(neutralise(shown.text))
    with reasons:
        st.subheader("Reasons", anchor=False, help="A verdict may name some of them.")
        reason_list(shown)
    if shown.version > 1:
        with services.store().read() as session:
            before = guidelines(session, shown.version - 1)
        with st.expander(f"Changes since version {before.version}", icon=":material/difference:"):
            st.code(changes(before, shown) or "Nothing.", language="diff", wrap_lines=True)
    if may(Role.LEAD):
        _write(newest, known[0])


def beside_task(kind: TaskKind) -> None:
    """The newest, in little room, with the reasons of one kind of task."""
    with services.store().read() as session:
        rules = guidelines(session)
    st.caption(f"Version {rules.version}")
    st.markdown(neutralise(rules.text))
    reason_list(rules, kind)


def reason_list(rules: Guidelines, only: TaskKind | None = None) -> None:
    for kind in TaskKind if only is None else (only,):
        reasons = rules.reasons_of(kind)
        if reasons:
            st.caption(f"For a {kind}" if only is None else "Reasons")
            st.table(
                [{"reason": one.name, "meaning": one.meaning} for one in reasons],
                border="horizontal", hide_header=True, hide_index=True,
            )  # fmt: skip


def _named(version: Version) -> str:
    by = one_line(version.created_by, 60)
    day = f", {version.created_at:%Y-%m-%d}" if version.created_at else ""
    return f"Version {version.number} · {by}{day}"


def _write(newest: Guidelines, last: Version) -> None:
    draft: Draft | None = st.session_state.get(DRAFT)
    if draft is None:
        st.button("Write a new version", icon=":material/edit:", on_click=_begin, args=(newest,))
        return
    st.divider()
    st.subheader("A new version", anchor=False)
    if newest.version > draft.base:
        _overtaken(draft, newest, last)
    # A widget that was not drawn for a while begins again with what the draft has kept.
    if TEXT not in st.session_state:
        st.session_state[TEXT] = draft.text
    if REASONS not in st.session_state:
        draft.drawn = draft.reasons
    left, right = st.columns(2, gap="large")
    draft.text = left.text_area("Text, in Markdown", height=420, key=TEXT, on_change=_keep_text)
    with right:
        st.caption("As annotators will read it")
        with st.container(height=420):
            st.markdown(neutralise(draft.text))
    st.caption("Reasons that a verdict may name")
    st.data_editor(
        pd.DataFrame(draft.drawn, columns=list(COLUMNS)), num_rows="dynamic", key=REASONS,
        column_config=COLUMNS, height="content", on_change=_keep_reasons,
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"Save as version {newest.version + 1}"
        st.button(
            words, type="primary", icon=":material/save:", on_click=_save, args=(newest.version,)
        )
        st.button("Discard", icon=":material/delete:", on_click=_leave)
        st.caption("Kept while this page is open; a reload loses it.")


# Callbacks, as a click that follows may end the run before the script comes to what was clicked.


def _begin(newest: Guidelines) -> None:
    rows: list[Mapping[str, Any]] = list(newest.reasons_json())
    st.session_state[DRAFT] = Draft(newest.version, newest.text, rows, rows)


def _keep_text() -> None:
    st.session_state[DRAFT].text = st.session_state[TEXT]


def _keep_reasons() -> None:
    draft, edits = st.session_state[DRAFT], st.session_state[REASONS]
    rows = [
        {**row, **edits["edited_rows"].get(at, {})}
        for at, row in enumerate(draft.drawn)
        if at not in edits["deleted_rows"]
    ]
    draft.reasons = [
        {name: row.get(name) or "" for name in COLUMNS} for row in (*rows, *edits["added_rows"])
    ]


def _save(after: int) -> None:
    _keep_text()  # what was written last may come together with the click
    _keep_reasons()
    draft: Draft = st.session_state[DRAFT]
    with errors.kept():
        with services.store().write() as session:
            write_guidelines(session, person(), after=after, text=draft.text, reasons=draft.reasons)
        _leave()


def _overtaken(draft: Draft, newest: Guidelines, last: Version) -> None:
    """Somebody else has written a version since the draft was begun."""
    with services.store().read() as session:
        base = guidelines(session, draft.base)
    by = markdown_text(one_line(last.created_by, 60))
    st.warning(
        f"Version {newest.version} was written by {by} since you began "
        f"with version {draft.base}. Yours would replace it: take over what you want to keep.",
        icon=":material/call_merge:",
    )
    st.code(changes(base, newest) or "Nothing.", language="diff", wrap_lines=True)


def _leave() -> None:
    for key in (DRAFT, TEXT, REASONS):
        st.session_state.pop(key, None)
    st.session_state[NEWEST] = True
