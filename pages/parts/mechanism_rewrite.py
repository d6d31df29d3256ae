"""What the patched run writes, and how its Focus and Confusion differ."""

import pandas as pd
import streamlit as st

from core.live.inside_questions import Rewrite, Rewritten
from core.mechanism.request import Direction
from core.traces.base import FinishReason, Trace
from db.trace_views import StoredTrace
from pages.parts.chart_export import export
from pages.parts.curves_chart import DEFINITIONS
from pages.parts.mechanism_ask import asked
from pages.parts.mechanism_charts import written_chart, written_frame
from pages.parts.mechanism_choice import REWRITE
from pages.parts.shortlist_table import table_height
from pages.parts.trace_view import trace_view

SAVED, PATCHED = "saved trace", "patched"


def rewrite_section(stored: StoredTrace) -> None:
    """Draws the rewritten text once it was asked for."""
    question = st.session_state.get(REWRITE)
    if question is None or question.trace_id != stored.id:
        return
    st.markdown("**Focus and Confusion with patched heads**", help=DEFINITIONS)
    found = asked(question, Rewritten, key="mech_rewriting")
    if found is not None:
        _result(found, question, stored)


def texts_of(found: Rewritten, direction: Direction) -> dict[str, Trace]:
    """The texts by name, in the order drawn."""
    texts = {SAVED: found.saved}
    if found.before is not None:
        alone = "corrupted" if direction is Direction.DENOISING else "clean, greedy"
        texts[f"{alone}, not patched"] = found.before
    return texts | {PATCHED: found.patched}


def _result(found: Rewritten, question: Rewrite, stored: StoredTrace) -> None:
    texts = texts_of(found, question.request.direction)
    if found.patched.finish_reason is FinishReason.CANCELLED:
        st.warning("Cancelled. What was written up to then is kept.", icon=":material/stop_circle:")
    curved = {name: (t.curves, t.tokens) for name, t in texts.items() if t.curves}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if any(curves.points for curves, _ in curved.values()):
            chart = written_chart(written_frame(curved), list(texts))
            st.altair_chart(
                chart, key=f"mech_written_{stored.id}",
                alt="Focus and Confusion over the tokens written, a line a text",
            )  # fmt: skip
            export(chart, "focus-confusion-patched", key="mech_written_save")
        else:
            st.caption("No words were written, so there is nothing to compare.")
    with right:
        _means(texts)
    for column, (name, trace) in zip(st.columns(len(texts), gap="medium"), texts.items(),
                                     strict=True):  # fmt: skip
        with column:
            st.markdown(f"**{name.capitalize()}**, {trace.tokens:,} tokens")
            with st.container(height=260, border=True):
                trace_view(trace, trace.text, trace.phases, running=False)


def _means(texts: dict[str, Trace]) -> None:
    frame = pd.DataFrame(
        {
            "text": list(texts),
            "focus": [t.curves.mean_focus if t.curves else None for t in texts.values()],
            "confusion": [t.curves.mean_confusion if t.curves else None for t in texts.values()],
            "tokens": [t.tokens for t in texts.values()],
        }
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame, hide_index=True, height=table_height(len(frame)), key="mech_means",
        column_config={
            "text": st.column_config.TextColumn("Text", width=150),
            "focus": number("Focus", format="%.3f", width=70, help="Mean; higher is better."),
            "confusion": number("Confusion", format="%.3f", width=84,
                                help="Mean; lower is better."),
            "tokens": number("Tokens", width=60),
        },
        alt="Mean Focus and Confusion of each text",
    )  # fmt: skip
    st.caption("Means over the points of each curve. One text: a difference here is no evidence by "
               "itself.")  # fmt: skip
