"""Saved traces as a table, or, for a text search, as hits with the found words marked."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from core.annotation.verdicts import ShortlistVerdict
from core.traces.inert import inert_html, one_line
from db.search import MARK_END, MARK_START
from db.trace_imports import IMPORT
from db.trace_views import TraceState, TraceSummary
from pages.parts.flag_bar import FLAG_NAMES
from pages.parts.times import duration, local_time, reader_zone

SIZES = (25, 50, 100)
STATE_ICONS = {
    TraceState.RUNNING: ":material/hourglass_top:",
    TraceState.DONE: ":material/check:",
    TraceState.CANCELLED: ":material/stop_circle:",
    TraceState.FAILED: ":material/error:",
    TraceState.INTERRUPTED: ":material/power_off:",
}
STATE_COLORS = {
    TraceState.RUNNING: "blue",
    TraceState.DONE: "green",
    TraceState.CANCELLED: "orange",
    TraceState.FAILED: "red",
    TraceState.INTERRUPTED: "orange",
}
_STATE_SIGNS = {
    TraceState.RUNNING: "… running",
    TraceState.DONE: "✓ done",
    TraceState.CANCELLED: "■ cancelled",
    TraceState.FAILED: "✗ failed",
    TraceState.INTERRUPTED: "✗ interrupted",
}
_AS_IMPORTED = "○ as imported"
_MARK = (
    '<mark style="background: rgba(255, 200, 0, 0.40); color: inherit; font-weight: 600; '
    'border-radius: 2px; padding: 0 1px">'
)


def pager(total: int, *, page_key: str, size_key: str) -> tuple[int, int]:
    """Draws page numbers, page size and the count; returns (offset, limit)."""
    with st.container(horizontal=True, vertical_alignment="center"):
        size = int(st.session_state.get(size_key) or SIZES[0])
        pages = max(1, math.ceil(total / size))
        if not 1 <= st.session_state.get(page_key, 1) <= pages:
            st.session_state[page_key] = 1
        page = st.pagination(pages, key=page_key, persist_state="session")
        start = (page - 1) * size
        shown = f"{start + 1:,} to {min(start + size, total):,} of {total:,}" if total else "None"
        st.caption(shown, width="content")
        st.space("stretch")
        st.segmented_control(
            "Rows a page", SIZES, default=SIZES[0], required=True, key=size_key,
            persist_state="session", label_visibility="collapsed",
            format_func=lambda n: f"{n} rows",
        )  # fmt: skip
    return start, size


def trace_table(rows: Sequence[TraceSummary], open_trace: Callable[[str], None]) -> None:
    """One row a trace; its button opens it."""
    ids = [row.id for row in rows]
    st.dataframe(
        table_frame(rows),
        hide_index=True,
        height="content",
        key="traces_table",
        placeholder="",
        column_config=_columns(ids, open_trace),
        alt="Saved traces",
    )


def table_frame(rows: Sequence[TraceSummary]) -> pd.DataFrame:
    """What the table shows; every text on one line and harmless."""
    zone = reader_zone()
    return pd.DataFrame(
        {
            "open": [":material/open_in_new: Open"] * len(rows),
            "created": [row.created_at.astimezone(zone).replace(tzinfo=None) for row in rows],
            "document": [one_line(row.document_id, 60) for row in rows],
            "text": [one_line(row.document_start, 200) for row in rows],
            "system": [one_line(row.system, 60) for row in rows],
            "state": [_AS_IMPORTED if unread(row) else _STATE_SIGNS[row.state] for row in rows],
            "selected": pd.array([row.selected for row in rows], dtype="Int64"),
            "gold": [row.gold for row in rows],
            "f1": pd.array([row.example_f1 for row in rows], dtype="Float64"),
            "recall": pd.array([row.recall_at_k for row in rows], dtype="Float64"),
            "bucket": [str(row.bucket or "") for row in rows],
            "phases": [_phases(row) for row in rows],
            "tokens": [row.tokens for row in rows],
            "seconds": pd.array([row.seconds for row in rows], dtype="Float64"),
            "flags": [flags_text(row.flags) for row in rows],
            "dataset": [one_line(row.dataset, 60) for row in rows],
            "split": [row.split or "" for row in rows],
            "origin": [row.origin for row in rows],
            "run": [row.run_id or "" for row in rows],
        }
    )


def _columns(ids: list[str], open_trace: Callable[[str], None]) -> dict[str, object]:
    def clicked() -> None:
        open_trace(ids[st.session_state["traces_open"]["row"]])

    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    return {
        "open": st.column_config.ButtonColumn(
            "", type="tertiary", width=78, pinned=True, key="traces_open", on_click=clicked
        ),
        "created": st.column_config.DatetimeColumn("Started", format="YYYY-MM-DD HH:mm",
                                                   width=128),
        "document": text("Document", width=84),
        "text": text("Text", width=300),
        "system": text("System", width=100),
        "state": text("State", width=104,
                      help="As imported: phases, answer and scores are still to be worked out."),
        "selected": number("Selected", width=70, help="Labels that the answer names."),
        "gold": number("Gold", width=50, help="Gold labels of the document."),
        "f1": number("F1", format="%.2f", width=50,
                     help="Of the labels that the answer names; 0 to 1, higher is better."),
        "recall": number("Recall@k", format="%.2f", width=74,
                         help="Share of the gold labels that were retrieved."),
        "bucket": text("Format", width=108, help="How well the output kept to the format."),
        "phases": text("Phases", width=82, help="t* is where reasoning begins, from 0 to 1."),
        "tokens": number("Tokens", width=62),
        "seconds": number("Seconds", format="%.1f", width=70),
        "flags": text("Flags", width=120),
        "dataset": text("Dataset", width=70),
        "split": text("Split", width=90),
        "origin": text("Origin", width=60,
                       help="live: from Explore. batch: from a run. import: from a file."),
        "run": text("Run", width=140),
    }  # fmt: skip


def unread(row: TraceSummary) -> bool:
    """Whether this is an imported trace that is still to be worked out."""
    return row.origin == IMPORT and row.has_phases is None


def _phases(row: TraceSummary) -> str:
    if row.has_phases is None:
        return ""
    if not row.has_phases:
        return "none"
    by = "" if row.boundary_source in (None, "grammar") else f" ({row.boundary_source})"
    return f"t* {row.boundary:.2f}{by}" if row.boundary is not None else "yes"


def flags_text(flags: Sequence[str]) -> str:
    """The verdicts that stand, with how often: "Good, Unsure x2"."""
    counts = Counter(flags)
    return ", ".join(
        FLAG_NAMES[ShortlistVerdict(v)] + (f" ×{n}" if n > 1 else "") for v, n in counts.items()
    )


def hits(rows: Sequence[TraceSummary], open_trace: Callable[[str], None]) -> None:
    """One card a trace found by its text, with the place where the words stand."""
    for row in rows:
        with st.container(border=True, key=f"hit_{row.id}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    "Open",
                    key=f"open_{row.id}",
                    icon=":material/open_in_new:",
                    type="tertiary",
                    on_click=open_trace,
                    args=(row.id,),
                )
                state_badge(row.state)
                st.html(_about(row), width="content")
            st.html(snippet_html(row.snippet or row.document_start))


def state_badge(state: TraceState) -> None:
    st.badge(str(state), icon=STATE_ICONS[state], color=STATE_COLORS[state])


def _about(row: TraceSummary) -> str:
    parts = [f"{row.dataset} / {row.document_id}", row.system, local_time(row.created_at)]
    if row.bucket:
        parts.append(f"format: {row.bucket}")
    if row.example_f1 is not None:
        parts.append(f"F1 {row.example_f1:.2f}")
    if row.seconds is not None:
        parts.append(duration(row.seconds))
    if row.flags:
        parts.append(flags_text(row.flags))
    return (
        f"<strong>{inert_html(one_line(row.document_start, 90))}</strong> "
        f'<span style="opacity: 0.75">{inert_html(" · ".join(parts))}</span>'
    )


def snippet_html(snippet: str) -> str:
    """A stretch of somebody's text, escaped, with the words found marked."""
    marked = inert_html(snippet).replace(MARK_START, _MARK).replace(MARK_END, "</mark>")
    return f'<div style="overflow-wrap: anywhere; unicode-bidi: isolate">{marked}</div>'
