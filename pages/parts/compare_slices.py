"""Where systems differ: by kinds of documents, by what became of gold labels, and document against
document."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.comparison.measures import ENOUGH
from core.comparison.runs import Comparison
from core.rerank.base import Fate
from core.traces.inert import markdown_text
from pages.parts.chart_export import export
from pages.parts.compare_data import parts_of
from pages.parts.compare_scores import HEIGHT, color, shape, with_intervals
from pages.parts.fates_view import MEANINGS
from pages.parts.in_rows import in_rows

SLICES_HELP = (
    "Mean example F1 of parts of the documents, with 95% intervals where a part has at least "
    f"{ENOUGH} documents. Shown to the model: how many of a document's gold labels were among the "
    "labels that the first system was shown; a label that was not shown cannot be answered. Where "
    "any system lost a gold label: the first stage at which one of them lost one of the document, "
    "retrieval (not shown), shortlisting, reasoning or the parsing of the answer. Rarest "
    "gold label: how many training documents have it."
)
FATES_HELP = (
    "Of all gold labels of these documents, the share that met each fate, with 95% intervals over "
    "documents:\n\n" + "\n".join(f"- **{fate.value}**: {MEANINGS[fate]}" for fate in Fate)
)
_IN_LINES = "split(datum.label, '|')"  # so that names do not run into each other
SCATTER_HELP = (
    "Each mark is one or more documents: across, the first system's F1; up, the other's. Above the "
    "line the other system is better. Larger marks are more documents."
)


def slices_section(found: Comparison, dataset: str) -> None:
    """Slices and fates as small charts; then one system against another."""
    titles = [side.title for side in found.sides]
    st.header("Parts of the documents", anchor=False, help=SLICES_HELP)
    parts = parts_of(found, dataset)
    kinds = list(dict.fromkeys(parts.slices["kind"]))
    for column, kind in in_rows(kinds):
        with column:
            some = parts.slices[parts.slices["kind"] == kind]
            chart = _grouped(some, "part", titles, "Example F1")
            st.markdown(f"**{markdown_text(kind)}**")
            st.altair_chart(chart, alt=f"Example F1 by {kind.lower()}")
            export(chart, kind.lower().replace(" ", "-"), key=f"cmp_{kind}_save", frame=some)
    if parts.without:
        st.caption(
            f":material/info: {markdown_text(parts.without)} So there is no part by how rare a "
            "label is."
        )
    if not parts.fates.empty:
        st.header("What became of gold labels", anchor=False, help=FATES_HELP)
        chart = _grouped(parts.fates, "fate", titles, "share of gold labels")
        st.altair_chart(chart, alt="The share of gold labels that met each fate, by system")
        export(chart, "fates", key="cmp_fates_save", frame=parts.fates)
    st.header("Document against document", anchor=False, help=SCATTER_HELP)
    for column, other in in_rows(range(1, len(found.sides))):
        with column:
            chart = _scatter(found, other)
            st.altair_chart(chart, alt=f"F1 of {titles[other]} against {titles[0]}")
            export(chart, f"wins-{other}", key=f"cmp_wins_{other}_save")


def _grouped(frame: pd.DataFrame, part: str, titles: Sequence[str], of: str) -> alt.LayerChart:
    """Marks side by side in each part, with their intervals; parts say how many documents they
    have, of which fates have all."""
    counts = frame.groupby(part, sort=False)["documents"].first()
    names = {p: f"{p}|({counts[p]:,})" for p in counts.index}
    if part == "fate":
        names = {p: "|".join(str(p).rsplit(" ", 1)) for p in counts.index}
    shown = frame.assign(shown=frame[part].map(names))
    base = alt.Chart(shown).encode(
        x=alt.X(
            "shown:N", sort=list(names.values()),
            axis=alt.Axis(labelAngle=0, title=None, labelLimit=150, labelExpr=_IN_LINES),
        ),
        xOffset=alt.XOffset("title:N", sort=list(titles)),
        color=color(titles),
    )  # fmt: skip
    top = 1.0 if part == "part" else min(1.0, float(frame[["value", "high"]].max().max()) * 1.1)
    y = alt.Y("value:Q", title=of, scale=alt.Scale(domain=[0, top]))
    bars = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=of), y2="high:Q")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y=y, shape=shape(titles),
        tooltip=[
            alt.Tooltip("title:N", title="System"), alt.Tooltip(f"{part}:N"),
            alt.Tooltip("value:Q", format=".3f"), alt.Tooltip("low:Q", title="from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("documents:Q", format=","),
        ],
    )  # fmt: skip
    return with_intervals(points, bars, frame).properties(height=HEIGHT)


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
    return (line + points).properties(height=HEIGHT)
