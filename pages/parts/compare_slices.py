"""Where systems differ: by kinds of documents, and document against document."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.comparison import Comparison
from pages.parts.chart_export import export
from pages.parts.compare_data import slices_of
from pages.parts.compare_scores import HEIGHT, color, shape

SLICES_HELP = (
    "Mean example F1 of parts of the documents, with 95% intervals. Shown to the model: how many "
    "of a document's gold labels were among the labels that the first system was shown; a label "
    "that was not shown cannot be answered. Rarest gold label: how many training documents have it."
)
SCATTER_HELP = (
    "Each mark is one or more documents: across, the first system's F1; up, the other's. Above the "
    "line the other system is better. Larger marks are more documents."
)


def slices_section(found: Comparison, dataset: str) -> None:
    """Slices as small charts in a row; then one system against another."""
    titles = [side.title for side in found.sides]
    st.header("Parts of the documents", anchor=False, help=SLICES_HELP)
    frame = slices_of(found, dataset)
    kinds = list(dict.fromkeys(frame["kind"]))
    for column, kind in zip(st.columns(len(kinds), gap="medium"), kinds, strict=True):
        with column:
            chart = _slices(frame[frame["kind"] == kind], titles)
            st.markdown(f"**{kind}**")
            st.altair_chart(chart, alt=f"Example F1 by {kind.lower()}")
            export(chart, kind.lower().replace(" ", "-"), key=f"cmp_{kind}_save")
    st.header("Document against document", anchor=False, help=SCATTER_HELP)
    others = list(range(1, len(found.sides)))
    for column, other in zip(st.columns(max(len(others), 2), gap="medium"), others, strict=False):
        with column:
            chart = _scatter(found, other)
            st.altair_chart(chart, alt=f"F1 of {titles[other]} against {titles[0]}")
            export(chart, f"wins-{other}", key=f"cmp_wins_{other}_save")


def _slices(frame: pd.DataFrame, titles: Sequence[str]) -> alt.LayerChart:
    counts = frame.groupby("part", sort=False)["documents"].first()
    names = {part: f"{part} ({counts[part]:,})" for part in counts.index}
    shown = frame.assign(shown=frame["part"].map(names))
    order = list(names.values())
    base = alt.Chart(shown).encode(
        x=alt.X("shown:N", sort=order, axis=alt.Axis(labelAngle=0, title=None)),
        xOffset=alt.XOffset("title:N", sort=list(titles)),
        color=color(titles),
    )
    bars = base.mark_rule(strokeWidth=2).encode(
        y=alt.Y("low:Q", title="Example F1", scale=alt.Scale(domain=[0, 1])), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y="value:Q", shape=shape(titles),
        tooltip=[
            alt.Tooltip("title:N", title="System"), alt.Tooltip("part:N"),
            alt.Tooltip("value:Q", format=".3f"), alt.Tooltip("documents:Q", format=","),
        ],
    )  # fmt: skip
    return (bars + points).properties(height=HEIGHT)


def _scatter(found: Comparison, other: int) -> alt.LayerChart:
    scores = found.scores()
    one, two = found.sides[0].title, found.sides[other].title
    frame = pd.DataFrame({"x": scores[0].round(3), "y": scores[other].round(3)})
    counted = frame.value_counts().rename("documents").reset_index()
    line = (
        alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]}))
        .mark_line(strokeDash=[4, 4], color="#8a94a6")
        .encode(x="x:Q", y="y:Q")
    )
    unit = alt.Scale(domain=[-0.03, 1.03], nice=False)
    points = (
        alt.Chart(counted)
        .mark_circle(opacity=0.65)
        .encode(
            x=alt.X("x:Q", title=f"F1 of {one}", scale=unit),
            y=alt.Y("y:Q", title=f"F1 of {two}", scale=unit),
            size=alt.Size("documents:Q", legend=None, scale=alt.Scale(range=[40, 500])),
            tooltip=[
                alt.Tooltip("x:Q", title=one, format=".3f"),
                alt.Tooltip("y:Q", title=two, format=".3f"),
                alt.Tooltip("documents:Q", format=","),
            ],
        )
    )
    return (line + points).properties(height=HEIGHT + 40)
