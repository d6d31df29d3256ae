"""Scores of each system with intervals, differences from the first, and the curves."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.comparison import Comparison, Measure
from core.traces.inert import markdown_text
from pages.parts.chart_export import export
from pages.parts.compare_data import Scored, curves_of, scores_of
from pages.parts.curves_chart import DEFINITIONS

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3]]
HEIGHT = 260
HELP = (
    "Example F1: F1 of the labels that the answer names, a mean over documents. P@1: how often the "
    "first label is right. R@10: the share of gold labels among the first ten. Well-formed: "
    "answers that keep to the format. All from 0 to 1, higher is better; intervals are 95% "
    "bootstrap over documents."
)
TEST_HELP = (
    "A paired permutation test over documents: how often chance alone, giving each document's "
    "difference either sign, makes a mean difference this large. Corrected by Holm's method for "
    "the number of systems."
)


def scores_section(found: Comparison) -> None:
    """Table, chart of intervals, differences; then curves."""
    st.header("Scores", anchor=False, help=HELP)
    scored = scores_of(found)
    frame = scored.table
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _table(frame)
        _differences(found, scored)
    with right:
        measure = st.segmented_control(
            "Measure", list(Measure), key="cmp_measure", default=Measure.F1, required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        _chart(frame, Measure(measure))
    _curves(found)


def _table(frame: pd.DataFrame) -> None:
    shown = pd.DataFrame({"System": frame["title"]})
    for measure in Measure:
        shown[measure.value] = [
            f"{value:.3f} ({low:.2f}–{high:.2f})"
            for value, low, high in zip(
                frame[measure.value], frame[f"{measure.value} low"], frame[f"{measure.value} high"],
                strict=True,
            )
        ]  # fmt: skip
    # An import may not know them: nothing takes no tokens and no time.
    shown["Tokens"] = frame["tokens"].where(frame["tokens"] > 0).round().astype("Int64")
    shown["Seconds"] = frame["seconds"].where(frame["seconds"] > 0).round(1)
    st.dataframe(shown, hide_index=True, alt="Scores of each system with 95% intervals")


def _differences(found: Comparison, scored: Scored) -> None:
    base = found.sides[0]
    lines = []
    titles = {side.run: side.title for side in found.sides}
    for run, less in scored.less.items():
        one = less.difference
        better, worse, same = scored.wins[run]
        lines.append(
            f"- **{markdown_text(titles[run])}** {one.mean:+.3f} ({one.low:+.3f} to "
            f"{one.high:+.3f}), {p_words(less.corrected)}; documents: better on {better:,}, worse "
            f"on {worse:,}, the same on {same:,}"
        )
    said = f"Example F1 less that of **{markdown_text(base.title)}**:\n\n"
    st.markdown(said + "\n".join(lines), help=TEST_HELP)


def p_words(value: float) -> str:
    """ "p = 0.034", or "p < 0.001"."""
    return f"p = {value:.3f}" if value >= 0.001 else "p < 0.001"


def color(titles: Sequence[str]) -> alt.Color:
    legend = alt.Legend(
        orient="top", title=None, symbolOpacity=1, symbolStrokeWidth=0, labelLimit=260
    )
    return alt.Color("title:N", scale=alt.Scale(domain=list(titles)), legend=legend)


def shape(titles: Sequence[str]) -> alt.Shape:
    scale = alt.Scale(domain=list(titles), range=SHAPES[: len(titles)])
    return alt.Shape("title:N", scale=scale, legend=None)


def dash(titles: Sequence[str]) -> alt.StrokeDash:
    scale = alt.Scale(domain=list(titles), range=DASHES[: len(titles)])
    return alt.StrokeDash("title:N", scale=scale, legend=None)


def _chart(frame: pd.DataFrame, measure: Measure) -> None:
    name = measure.value
    shown = frame.rename(columns={name: "value", f"{name} low": "low", f"{name} high": "high"})
    titles = list(shown["title"])
    base = alt.Chart(shown).encode(
        y=alt.Y("title:N", sort=titles, title=None, axis=alt.Axis(labelLimit=220)),
        color=alt.Color("title:N", scale=alt.Scale(domain=titles), legend=None),
    )
    x = alt.X("low:Q", title=name, scale=alt.Scale(domain=[0, 1]))
    bars = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q")
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x="value:Q", shape=shape(titles),
        tooltip=[
            alt.Tooltip("title:N", title="System"), alt.Tooltip("value:Q", format=".4f"),
            alt.Tooltip("low:Q", title="from", format=".4f"),
            alt.Tooltip("high:Q", title="to", format=".4f"),
        ],
    )  # fmt: skip
    chart = (bars + points).properties(height=max(120, 48 * len(titles)))
    st.altair_chart(chart, alt=f"{name} of each system with its 95% interval")
    export(chart, "scores", key="cmp_scores_save")


def _curves(found: Comparison) -> None:
    frame = curves_of(found)
    if frame.empty:
        return
    st.header("Focus and Near-Miss Confusion", anchor=False)
    titles = [side.title for side in found.sides]
    for column, curve, better in zip(
        st.columns(2, gap="medium"), ("Focus", "Confusion"), ("higher", "lower"), strict=True
    ):
        some = frame[frame["curve"] == curve]
        with column:
            if some.empty:
                continue
            chart = _curve(some, titles, f"{curve}, {better} is better")
            st.altair_chart(chart, alt=f"Mean {curve} of each system along its traces")
            export(chart, curve.lower(), key=f"cmp_{curve}_save")
    documents = int(frame["documents"].max())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Means over {documents:,} documents, 95% intervals.", width="content")
        with st.popover("What Focus and Confusion mean", icon=":material/help:", type="tertiary"):
            st.markdown(DEFINITIONS)


def _curve(frame: pd.DataFrame, titles: Sequence[str], name: str) -> alt.LayerChart:
    base = alt.Chart(frame).encode(
        x=alt.X("t:Q", title="t, share of the trace", scale=alt.Scale(domain=[0, 1])),
        color=color(titles),
    )
    band = base.mark_area(opacity=0.14).encode(
        y=alt.Y("low:Q", title=name, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2.3).encode(
        y="value:Q", strokeDash=dash(titles),
        tooltip=[
            alt.Tooltip("title:N", title="System"), alt.Tooltip("t:Q", format=".2f"),
            alt.Tooltip("value:Q", format=".3f"),
        ],
    )  # fmt: skip
    return (band + line).properties(height=HEIGHT)
