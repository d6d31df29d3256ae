"""ef against what HNSW finds and how long that takes: for one text, and as the build measured."""

import altair as alt
import pandas as pd
import streamlit as st

from core.shortlist.manifest import Manifest
from pages.parts.shortlist_words import EF_HELP

HEIGHT = 130  # of each of the two charts over one another
GREY = "#8a93a3"


def curve_of(manifest: Manifest | None) -> pd.DataFrame:
    """ef, recall, p50_ms as the index's build measured them; no rows where it did not."""
    points = manifest.curve if manifest else ()
    return pd.DataFrame([dict(p) for p in points], columns=["ef", "recall", "low", "high",
                                                            "p50_ms", "p95_ms"])  # fmt: skip


def index_curve(manifest: Manifest | None) -> None:
    """What the build measured over training documents, and what was built."""
    st.markdown("**ef, as measured for the index**", help=EF_HELP)
    curve = curve_of(manifest)
    if manifest is None or curve.empty:
        st.caption("The index's build did not record this curve; rebuild it to have one.")
    else:
        frame = curve.rename(columns={"recall": "found", "p50_ms": "ms"})
        ef_charts(frame, manifest.ef, "recall of exact's 50",
                  "Mean share of exact search's labels that HNSW finds, by ef")  # fmt: skip
    if manifest is not None:
        st.caption(
            f"Over training documents. The graph has M {manifest.m} and ef_construction "
            f"{manifest.ef_construction}: both are decided when it is built."
        )
        st.page_link(
            "pages/data.py", label="Rebuild with another M, on Data", icon=":material/build:",
            query_params={"data_dataset": manifest.dataset},
        )  # fmt: skip


def ef_charts(frame: pd.DataFrame, chosen: int | None, title: str, words: str) -> None:
    """Two charts over one another: `found` in [0, 1] and `ms`, by `ef`; the one in use marked."""
    low = min(0.9, float(frame["found"].min()))
    values = frame["ef"].astype(int).tolist()
    axis = alt.Axis(values=values, labelOverlap=True, format="d", grid=False)
    scale = alt.Scale(type="log", nice=False)
    told = [alt.Tooltip("ef:Q"), alt.Tooltip("found:Q", title=title, format=".4f"),
            alt.Tooltip("ms:Q", title="ms a search", format=".2f")]  # fmt: skip
    used = alt.Chart(pd.DataFrame({"ef": [chosen]} if chosen in values else {"ef": []}))
    rule = used.mark_rule(strokeDash=[3, 3], color=GREY).encode(x=alt.X("ef:Q", scale=scale))

    def one(y: alt.Y, x_title: str | None, labels: bool) -> alt.LayerChart:
        x = alt.X("ef:Q", title=x_title, scale=scale, axis=axis if labels else
                  alt.Axis(values=values, labels=False, grid=False, ticks=False))  # fmt: skip
        base = alt.Chart(frame).encode(x=x, y=y, tooltip=told)
        lines = base.mark_line(strokeWidth=2.5) + base.mark_point(size=60, filled=True)
        return (rule + lines).properties(height=HEIGHT, width="container")

    top = alt.Y(
        "found:Q",
        title=title,
        scale=alt.Scale(domain=[low, 1]),
        axis=alt.Axis(tickCount=4, minExtent=38),
    )
    below = alt.Y("ms:Q", title="ms a search", scale=alt.Scale(zero=True),
                  axis=alt.Axis(tickCount=4, minExtent=38))  # fmt: skip
    st.altair_chart(one(top, None, False), alt=words)
    st.altair_chart(one(below, "ef", True), alt=f"{words}: the time")
