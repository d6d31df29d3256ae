"""Runs scored against the dataset's gold and against revised gold, and recall if what annotators
found missing had been retrieved."""

import altair as alt
import pandas as pd
import streamlit as st

from core.annotation.effects import MEASURES
from core.traces.inert import one_line
from db.gold_effects import RunEffect, effects
from pages.parts import services
from pages.parts.chart_export import export

Word = tuple[int, int, int]  # of db.gold_effects.newest_word
MOST = 12  # runs
OWN, REVISED, FIXED = "Own gold", "Revised", "If fixed"
HELP = (
    "The same answers against other gold: what annotators and leads have changed. Only judged "
    "documents count. Differences are paired by document, with 95% bootstrap intervals."
)
FIXED_HELP = (
    "Recall at k of the shortlist, and what it would be if the shortlist had also held the labels "
    'that annotators added as missing. A verdict or flag "missing gold" that names no label '
    "means the gold labels that were not on the screen."
)


@st.cache_data(max_entries=16, show_spinner="Scoring runs ...")
def scored(database: str, queue_id: str | None, word: Word) -> list[RunEffect]:
    """Of the newest runs that have answered judged documents, as of the newest word."""
    with services.store().read() as session:
        return effects(session, queue_id, most=MOST)


def scores_section(queue_id: str | None, word: Word) -> None:
    """Draws the table and chart of scores, then recall if misses were fixed."""
    st.header("Runs against revised gold", anchor=False, help=HELP)
    found = scored(services.settings().database, queue_id, word)
    if not found:
        st.markdown("**No run has answered a document that was judged or flagged.**")
        return
    if len(found) == MOST:
        st.caption(f"The newest {MOST} runs; `phaselens annotations metrics` has all.")
    if any(one.effect.documents for one in found):
        _before_and_after(found)
    if any(one.effect.recall for one in found):
        _if_fixed(found)


def _title(one: RunEffect) -> str:
    return one_line(f"{one.system} · {one.dataset} {one.split or 'all'} · {one.run[:6]}", 80)


def _before_and_after(found: list[RunEffect]) -> None:
    measure = str(
        st.segmented_control(
            "Measure", list(MEASURES), default="Example F1", required=True, key="use_measure",
            label_visibility="collapsed",
        )
    )  # fmt: skip
    rows = [
        {
            "Run": _title(one), "Documents": one.effect.documents, "Changed": one.effect.changed,
            OWN: change.own, REVISED: change.revised, "Difference": change.less.mean,
            "from": change.less.low, "to": change.less.high,
        }
        for one in found if one.effect.documents
        for change in (one.effect.measures[measure],)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    left, right = st.columns([7, 5], gap="medium")
    left.dataframe(
        frame, hide_index=True, alt=f"{measure} of each run before and after",
        column_config=_numbers(OWN, REVISED, "Difference", "from", "to"),
    )  # fmt: skip
    with right:
        _dumbbells(frame, (OWN, REVISED), measure, "use_scores")


def _if_fixed(found: list[RunEffect]) -> None:
    st.header("If the misses were fixed", anchor=False, help=FIXED_HELP)
    cuts = sorted({recall.k for one in found for recall in one.effect.recall})
    k = int(
        st.segmented_control(
            "k", cuts, default=cuts[0], required=True, key="use_k",
            format_func=lambda cut: f"recall@{cut}", label_visibility="collapsed",
        )
    )  # fmt: skip
    rows = [
        {
            "Run": _title(one), "Documents": recall.documents, OWN: recall.own,
            REVISED: recall.revised, FIXED: recall.fixed, "Gain": recall.gain.mean,
            "from": recall.gain.low, "to": recall.gain.high,
        }
        for one in found for recall in one.effect.recall if recall.k == k
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    left, right = st.columns([7, 5], gap="medium")
    left.dataframe(
        frame, hide_index=True, alt=f"Recall at {k} of each run, and if misses were fixed",
        column_config=_numbers(OWN, REVISED, FIXED, "Gain", "from", "to"),
    )  # fmt: skip
    with right:
        _dumbbells(frame, (OWN, REVISED, FIXED), f"Recall@{k}", "use_recall")


def _numbers(*names: str) -> dict[str, object]:
    return {name: st.column_config.NumberColumn(name, format="%.3f") for name in names}


def _dumbbells(frame: pd.DataFrame, sides: tuple[str, ...], name: str, key: str) -> None:
    """A line a run from its lowest to its highest number, with a point for each."""
    long = frame.melt(["Run"], list(sides), var_name="against", value_name="value")
    titles = list(frame["Run"])
    base = alt.Chart(long).encode(
        y=alt.Y("Run:N", sort=titles, title=None, axis=alt.Axis(labelLimit=240))
    )
    line = base.mark_rule(strokeWidth=2, color="#94a3b8").encode(
        x=alt.X("min(value):Q", title=name, scale=alt.Scale(domain=[0, 1])), x2="max(value):Q"
    )
    legend = alt.Legend(orient="top", title=None, labelLimit=240)
    scale = alt.Scale(domain=list(sides))
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x="value:Q",
        color=alt.Color("against:N", scale=scale, legend=legend),
        shape=alt.Shape("against:N", scale=scale, legend=legend),
        tooltip=["Run", "against", alt.Tooltip("value:Q", format=".4f")],
    )
    chart = (line + points).properties(height=110 + 40 * len(titles))
    st.altair_chart(chart, alt=f"{name} of each run against {' and '.join(sides)}")
    export(chart, key.replace("use_", ""), key=f"{key}_save")
