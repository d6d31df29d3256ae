"""Flags on shortlists that no run made: the bar under one, and the list of all that stand."""

import pandas as pd
import streamlit as st
from sqlalchemy.orm import Session

from core.annotation.people import Person, Role
from core.datasets.base import Document
from core.shortlist.base import Shortlist
from core.traces.inert import one_line
from db.shortlist_flags import (
    Flagged,
    ShortlistFlag,
    count_shortlist_flags,
    flag_shortlist,
    flags_of_shortlist,
    shortlist_flags,
    undo_shortlist_flag,
)
from db.trace_views import TraceFilter
from pages.parts import errors, services
from pages.parts.flag_bar import FLAG_NAMES, Standing, Subject, flag_subject
from pages.parts.people import person, why_not
from pages.parts.shortlist_words import METHODS
from pages.parts.times import reader_zone

LISTED = 100


def shortlist_flag_bar(dataset: str, document: Document, shortlist: Shortlist, n: int) -> None:
    """The flag bar of a shortlist on the screen; it needs no run."""
    flagged = Flagged(dataset, document, shortlist, n)

    def add(session: Session, by: Person, verdict: str, comment: str, token: str) -> str:
        return flag_shortlist(session, by, flagged, verdict=verdict, comment=comment,
                              client_token=token)  # fmt: skip

    def own(view: Standing) -> bool:
        return isinstance(view, ShortlistFlag) and view.of(flagged)

    def note(view: Standing) -> str:
        same = not isinstance(view, ShortlistFlag) or view.of(flagged)
        return "" if same else f"on {how_words(view.shown)}"  # type: ignore[attr-defined]

    flag_subject(
        Subject(
            flagged.subject[:16], lambda session: flags_of_shortlist(session, flagged), add,
            undo_shortlist_flag, own, note,
        )
    )  # fmt: skip


def how_words(shown: dict[str, object]) -> str:
    """How a flagged shortlist was retrieved: "dense, k 50, ef 64"."""
    method = METHODS.get(str(shown.get("method")), str(shown.get("method"))).lower()
    ef = f", ef {shown['ef']}" if shown.get("ef") else ""
    return f"{method}, k {shown.get('k')}, n {shown.get('n')}{ef}, index {shown.get('index')}"


def flagged_shortlists(filter: TraceFilter) -> None:
    """The flags on shortlists that stand, where the filters leave any; each opens its page."""
    wanted = {"dataset": filter.dataset, "verdict": filter.flag, "since": filter.since}
    with services.store().read() as session:
        total = count_shortlist_flags(session, **wanted)  # type: ignore[arg-type]
        found = shortlist_flags(session, **wanted, limit=LISTED)  # type: ignore[arg-type]
    if not total:
        return
    with st.expander(f"Flagged shortlists without a run: {total:,}", icon=":material/flag:"):
        _table(found)
        first = f"The newest {LISTED} of {total:,}. " if total > len(found) else ""
        st.caption(f"{first}Filtered by dataset, flag and time. A link opens the shortlist as it "
                   "is today; the flag keeps what was shown then.")  # fmt: skip


def _table(found: list[ShortlistFlag]) -> None:
    zone = reader_zone()

    def clicked() -> None:
        row = st.session_state["flagged_shortlists_open"]["row"]
        st.session_state["flagged_shortlist"] = found[row].event_id

    st.dataframe(
        pd.DataFrame(
            {
                "open": [":material/visibility: Show"] * len(found),
                "flag": [FLAG_NAMES[f.verdict] for f in found],
                "who": [one_line(f.annotator or "no name", 60) for f in found],
                "when": [f.created_at.astimezone(zone).replace(tzinfo=None) for f in found],
                "dataset": [one_line(f.dataset, 60) for f in found],
                "document": [one_line(f.document_id or "own text", 60) for f in found],
                "comment": [one_line(f.comment, 200) for f in found],
                "how": [one_line(how_words(f.shown), 120) for f in found],
                "text": [one_line(str(f.shown.get("text", "")), 200) for f in found],
            }
        ),
        hide_index=True, height="content", key="flagged_shortlists", placeholder="",
        column_config={
            "open": st.column_config.ButtonColumn(
                "", type="tertiary", width=78, key="flagged_shortlists_open", on_click=clicked
            ),
            "flag": "Flag", "who": "By", "dataset": "Dataset", "document": "Document",
            "when": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm"),
            "comment": "Comment", "how": "Retrieved by", "text": "Text",
        },
        alt="Flagged shortlists without a run",
    )  # fmt: skip
    chosen = st.session_state.get("flagged_shortlist")
    view = next((f for f in found if f.event_id == chosen), None)
    if view is not None:
        _one(view)


def _one(view: ShortlistFlag) -> None:
    """What was on the screen when the flag was set."""
    gold = set(view.shown.get("gold", ()))
    rows = view.shown.get("rows", [])
    st.text(one_line(str(view.shown.get("text", "")), 600))
    st.dataframe(
        pd.DataFrame(
            {
                "rank": [row["rank"] for row in rows],
                "gold": ["★" if row["label_id"] in gold else "" for row in rows],
                "label": [one_line(f"{row['label_id']} {row['name']}", 300) for row in rows],
                "cosine": [row["cosine"] for row in rows],
            }
        ),
        hide_index=True, height=300, placeholder="",
        column_config={
            "rank": st.column_config.NumberColumn("Rank", width=46),
            "gold": st.column_config.TextColumn("Gold", width=46),
            "label": st.column_config.TextColumn("Label, as shown when flagged", width=620),
            "cosine": st.column_config.NumberColumn("Cosine", format="%.3f", width=66),
        },
        alt="The shortlist as it was when it was flagged",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if view.document_id:
            query = {"dataset": view.dataset, "document": view.document_id,
                     "k": str(view.shown.get("k")), "n": str(view.shown.get("n")),
                     "method": str(view.shown.get("method"))}  # fmt: skip
            st.page_link("pages/shortlist.py", label="Open in Shortlist", query_params=query,
                         icon=":material/open_in_new:")  # fmt: skip
        no = why_not(Role.ANNOTATOR)
        st.button("Undo", key=f"undo_listed_{view.event_id}", icon=":material/undo:",
                  type="tertiary", on_click=_undo, args=(view.event_id,), disabled=bool(no),
                  help=no or None)  # fmt: skip


def _undo(event_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        undo_shortlist_flag(session, person(), event_id)
