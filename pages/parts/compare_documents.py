"""The documents of a comparison: which are listed, and the one that is open."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.comparison.runs import Comparison
from core.traces.inert import inert_html, markdown_text, one_line
from db.run_documents import document_starts
from db.traces import load_trace
from pages.parts import errors, services
from pages.parts.compare_actions import trace_actions
from pages.parts.compare_choice import DIFFER, DOCUMENT, LINKED
from pages.parts.compare_columns import columns_html, labels_frame, rows_of

TABLE, AHEAD = "cmp_table", "cmp_ahead"
HEIGHT = 330


def documents_section(found: Comparison, *, sliced: bool = False) -> None:
    """The table, and below it the document that is open."""
    st.header("Documents", anchor=False)
    differing = found.differing()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        only = st.toggle(
            f"Only where they differ ({len(differing):,} of {len(found.documents):,})",
            key=DIFFER, value=True, persist_state="session",
            help="Documents for which the systems do not all select the same labels.",
        )  # fmt: skip
        ahead = _ahead(found)
    among = differing if only else found.documents
    shown = among if ahead is None else [d for d in among if d in ahead]
    if shown:
        ids = _table(found, shown)
    else:
        st.caption(
            "All systems select the same labels everywhere." if not among else "There is none."
        )
        ids = list(found.documents)
    document, by_link = st.session_state.get(DOCUMENT), st.session_state.pop(LINKED, None)
    if document not in found.documents:
        document = st.session_state[DOCUMENT] = ids[0]
        if by_link:
            errors.card(
                f"Document {one_line(by_link, 60)} is not among those that all of these runs have "
                f"answered{' and that are in the slice' * sliced}; showing {one_line(ids[0], 60)}.",
                "Choose the runs or the slice that it is in.",
            )
    _open(found, str(document))


def _ahead(found: Comparison) -> set[str] | None:
    """Draws the choice of who is to be ahead; the documents on which it is, None for all."""
    titles = [side.title for side in found.sides]
    pairs = [pair for at in range(1, len(titles)) for pair in ((at, 0), (0, at))]
    names = {f"{titles[one]} ahead of {titles[other]}": (one, other) for one, other in pairs}
    if st.session_state.get(AHEAD) not in names:
        st.session_state[AHEAD] = None
    chosen = st.selectbox(
        "Who is ahead", list(names), index=None, key=AHEAD, persist_state="session", width=420,
        placeholder="Whoever is ahead", label_visibility="collapsed",
        help="Documents on which one system's F1 is higher than the other's.",
    )  # fmt: skip
    if chosen is None:
        return None
    scores = found.scores()
    one, other = names[chosen]
    return {d for at, d in enumerate(found.documents) if scores[one][at] > scores[other][at]}


def _table(found: Comparison, shown: Sequence[str]) -> list[str]:
    """Those with the largest spread of F1 first; gives their ids in the order of the table."""
    place = {document: at for at, document in enumerate(found.documents)}
    scores = found.scores()[:, [place[d] for d in shown]]
    order = np.argsort(-(scores.max(axis=0) - scores.min(axis=0)), kind="stable")
    ids = [shown[at] for at in order]
    with services.store().read() as session:
        starts = document_starts(session, found.sides[0].run, ids)
    frame = pd.DataFrame(
        {
            "Document": [one_line(d, 60) for d in ids],
            "Text": [one_line(starts.get(d, ""), 120) for d in ids],
            "Gold": [len(set(found.sides[0].records[d].gold)) for d in ids],
            **{f"F1, {side.title}": scores[at, order] for at, side in enumerate(found.sides)},
        }
    )

    def picked() -> None:
        cells = st.session_state[TABLE]["selection"]["cells"]
        if cells:
            st.session_state[DOCUMENT] = ids[int(cells[0][0])]

    config = {
        name: st.column_config.NumberColumn(format="%.2f")
        for name in frame
        if str(name).startswith("F1")
    }
    st.caption("Click a row to open its traces. The largest differences come first.")
    st.dataframe(
        frame, hide_index=True, height=min(HEIGHT, 38 + 35 * len(frame)), key=TABLE,
        column_config=config, on_select=picked, selection_mode="single-cell", placeholder="",
        alt="Documents with the F1 of each system",
    )  # fmt: skip
    return ids


def _open(found: Comparison, document: str) -> None:
    with services.store().read() as session:
        traces = [load_trace(session, side.records[document].trace_id) for side in found.sides]
    titles = [side.title for side in found.sides]
    st.markdown(f"**{markdown_text(one_line(document, 120))}**")
    text = inert_html(one_line(traces[0].document.text, 1200))
    st.html(f'<div style="opacity: 0.8; font-size: 0.92rem">{text}</div>')
    gold = [(g.label_id, g.name or g.label_id) for g in traces[0].gold]
    rows = rows_of(traces, gold)
    if rows:
        st.dataframe(
            labels_frame(titles, rows), hide_index=True,
            alt="What each system made of each label",
        )  # fmt: skip
    st.html(columns_html(titles, traces, rows))
    trace_actions([(title, trace.id) for title, trace in zip(titles, traces, strict=True)])
