"""Reasoning Focus and Near-Miss Confusion along a trace."""

import altair as alt
import pandas as pd
import streamlit as st

from core.traces.base import BoundarySource, Curves
from pages.parts.chart_export import export

STEP = "step"
HEIGHT = 300
FOCUS = "Focus"
CONFUSION = "Confusion"
# Of arXiv 2606.06840's teacher, at t = 0 and 1: constants of its plotting scripts.
PAPER = {"paper's teacher, Focus": (0.46, 0.95), "paper's teacher, Confusion": (0.63, 0.15)}

DEFINITIONS = """
Both compare what was written so far with something else, by the cosine of their sentence
embeddings (from -1 to 1). *t* is the share of the trace written so far, from 0 to 1.

- **Focus** at *t*: how close the trace up to *t* is to the **document**. Higher is better.
- **Confusion** at *t*: how close the trace up to *t* is to the **near misses**, wrong labels that
  lie close to right ones. Lower is better. A trace that tells right labels from near misses
  should fall here while it reasons.
- **t\\*** is where shortlisting ends and reasoning begins; drawn only where the trace has both.

$$\\text{Focus}(t) = \\cos(e(r_{0:t}), e(x)) \\qquad
\\text{Confusion}(t) = \\cos(e(r_{0:t}), e(N(x)))$$

with the trace $r$, the document $x$, its near misses $N(x)$ and the sentence embedding $e$
(arXiv 2606.06840). The encoder reads 256 tokens at a time, so every sentence is embedded by itself
and a prefix is the mean of its sentences, weighted by their tokens.
"""


def curves_frame(curves: Curves) -> pd.DataFrame:
    """Long form: t, cosine, and which curve; points without a value are left out."""
    points = [(p.t, p.focus, FOCUS) for p in curves.points]
    points += [(p.t, p.confusion, CONFUSION) for p in curves.points if p.confusion is not None]
    return pd.DataFrame(points, columns=["t", "cosine", "curve"])


def curves_plot(
    curves: Curves,
    boundary: float | None,
    source: BoundarySource | None,
    at: float | None = None,
    *,
    paper: bool = False,
) -> alt.LayerChart:
    """The chart: Focus solid with circles, Confusion dashed with squares, t* a rule; `at`: the end
    of the chosen step, a second one. `paper`: the paper's teacher too, thin."""
    frame = curves_frame(curves)
    lowest = min(0.0, float(frame["cosine"].min())) if len(frame) else 0.0
    names = [FOCUS, CONFUSION]
    legend = alt.Legend(orient="top", title=None, symbolSize=110, symbolStrokeWidth=0)
    base = alt.Chart(frame).encode(
        x=alt.X("t:Q", title="t, share of the trace", scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("cosine:Q", title="cosine", scale=alt.Scale(domain=[lowest, 1])),
    )
    scale = alt.Scale(domain=names)
    lines = base.mark_line(strokeWidth=2.5).encode(
        color=alt.Color("curve:N", scale=scale, legend=legend),
        strokeDash=alt.StrokeDash(
            "curve:N", scale=alt.Scale(domain=names, range=[[1, 0], [6, 4]]), legend=None
        ),
    )
    picked = alt.selection_point(name=STEP, fields=["t"], toggle=False, empty=False)
    points = (
        base.mark_point(filled=True, opacity=1)
        .encode(
            size=alt.condition(picked, alt.value(170), alt.value(50)),
            color=alt.Color("curve:N", scale=scale, legend=legend),
            shape=alt.Shape(
                "curve:N", scale=alt.Scale(domain=names, range=["circle", "square"]), legend=legend
            ),
            tooltip=[
                alt.Tooltip("curve:N", title="Curve"),
                alt.Tooltip("t:Q", format=".2f"),
                alt.Tooltip("cosine:Q", title="Cosine", format=".3f"),
            ],
        )
        .add_params(picked)
    )
    layers: list[alt.Chart] = [lines, points]
    if paper:
        layers += _paper_lines()
    if at is not None:
        here = pd.DataFrame({"t": [at], "label": [f"the chosen step ends at t = {at:.2f}"]})
        rule = alt.Chart(here).encode(x="t:Q", tooltip=[alt.Tooltip("label:N", title="Step")])
        layers.append(rule.mark_rule(strokeWidth=2, color="#8250df"))
    if boundary is not None:
        by = f" ({source})" if source else ""
        mark = pd.DataFrame({"t": [boundary], "label": [f"t* = {boundary:.2f}{by}"]})
        rule = alt.Chart(mark).encode(x="t:Q", tooltip=[alt.Tooltip("label:N", title="Boundary")])
        layers.append(rule.mark_rule(strokeDash=[2, 3], strokeWidth=2, color="#8a94a6"))
        layers.append(
            rule.mark_text(
                align="left" if boundary < 0.75 else "right",
                dx=6 if boundary < 0.75 else -6,
                dy=-4 if paper else 4,  # the paper's teacher has its name at the top
                baseline="bottom" if paper else "top",
                color="#8a94a6",
                fontSize=12,
            ).encode(y=alt.value(HEIGHT if paper else 0), text="label:N")
        )
    return alt.layer(*layers).properties(height=HEIGHT)


def _paper_lines() -> list[alt.Chart]:
    """Straight lines between the two ends that the paper reports of its teacher."""
    ends = [(t, cosine, name) for name, pair in PAPER.items() for t, cosine in enumerate(pair)]
    frame = pd.DataFrame(ends, columns=["t", "cosine", "curve"])
    base = alt.Chart(frame).encode(
        x="t:Q", y="cosine:Q", detail="curve:N",
        tooltip=[alt.Tooltip("curve:N", title="Reported"), "cosine:Q"],
    )  # fmt: skip
    names = base.transform_filter("datum.t == 1").mark_text(
        align="right", dy=-7, dx=-4, fontSize=11, color="#8a94a6"
    )
    return [
        base.mark_line(strokeWidth=1.5, strokeDash=[2, 3], color="#8a94a6"),
        names.encode(text="curve:N"),
    ]


def picked_step(key: str) -> float | None:
    """t of the point clicked in the chart of that key, or None."""
    chart = st.session_state.get(key)
    chosen = chart["selection"].get(STEP) if chart else None
    return float(chosen[0]["t"]) if chosen else None


def curves_chart(
    curves: Curves,
    boundary: float | None,
    source: BoundarySource | None,
    *,
    key: str,
    at: float | None = None,
    paper: bool = False,
) -> None:
    """Draws the curves, says what the near misses were, and offers the definitions."""
    chart = curves_plot(curves, boundary, source, at, paper=paper)
    st.altair_chart(
        chart,
        key=key,
        on_select="rerun",
        selection_mode=STEP,
        alt="Reasoning Focus and Near-Miss Confusion over the trace",
    )
    if curves.near_misses_from == "gold":
        note = "Near misses: the wrong labels closest to the gold ones."
    else:
        note = (
            "Your own text has no gold labels, so the near misses are the labels that the model "
            "was shown and did not choose."
        )
    if boundary is None:
        note += " No t*: the trace has no phases."
    note += " Click a point to mark what was written just before it."
    st.caption(note)
    with st.container(horizontal=True, gap="small"):
        with st.popover("What Focus and Confusion mean", icon=":material/help:", type="tertiary"):
            st.markdown(DEFINITIONS)
        export(chart, "focus-confusion", key=f"{key}_save")
