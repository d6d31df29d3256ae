"""Scores of each system with intervals, differences from the first, and the curves."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.comparison.measures import ENOUGH, Measure
from core.comparison.runs import Comparison
from core.metrics.paired import p_number
from core.traces.inert import markdown_text
from pages.parts.chart_export import export
from pages.parts.compare_data import (
    HOW_TO_WORK_OUT,
    curves_of,
    left_to_work_out,
    less_of,
    scores_of,
    settings_apart,
    teacher_beside,
)
from pages.parts.curves_chart import DEFINITIONS

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3], [10, 2]]  # six and a teacher
HEIGHT = 320  # with the legend and the names below
HELP = (
    "All are of the labels that the answer names, means over documents. Precision: the share of "
    "them that is gold. Recall: the share of gold labels among them. Example F1: both in one, 2 PR "
    "/ (P + R), document by document. Of an empty answer they are 0. Well-formed: traces that keep "
    "to the format. All from 0 to 1, higher is better; intervals are 95% bootstrap over documents. "
    "Micro F1 counts every label of every document alike, macro F1 every label that is gold or "
    "answered anywhere, however often it comes."
)
SECONDS_HELP = (
    "From the beginning of a trace to its end, a mean. A batch writes traces side by side, and "
    "each waits for the others: alone, or live, one takes a fraction of that. Only runs of one "
    "mode and one machine compare."
)
TEST_HELP = (
    "A paired permutation test over documents: how often chance alone, giving each document's "
    "difference either sign, makes a mean difference this large. p is corrected by Holm's method "
    "for the number of systems; each interval is of its own difference alone."
)


def scores_section(found: Comparison, dataset: str, slice_: str) -> None:
    """What is compared; table, chart of intervals, differences; then curves."""
    _compared(found, slice_)
    st.header("Scores", anchor=False, help=HELP)
    frame = scores_of(found)
    _table(frame)
    left, right = st.columns(2, gap="medium")
    with right:
        measure = Measure(
            st.segmented_control(
                "Measure", list(Measure), key="cmp_measure", default=Measure.F1, required=True,
                label_visibility="collapsed",
            )
        )  # fmt: skip
        _chart(frame, measure)
    with left:
        _differences(found, measure)
    _curves(found, dataset)


def _compared(found: Comparison, slice_: str) -> None:
    """Over what, and what makes the comparison less than fair."""
    count = len(found.documents)
    st.caption(
        f"{count:,} document{'s' * (count != 1)} that all {len(found.sides)} runs have answered "
        f"and that {'have' if count != 1 else 'has'} gold labels{', of the slice' * bool(slice_)}."
    )
    notes = []
    if found.other_gold:
        notes.append(
            f"{found.other_gold:,} more were left out: their gold labels are not the same in all "
            "runs, so the dataset has changed between them."
        )
    if waiting := left_to_work_out(tuple(side.run for side in found.sides)):
        notes.append(f"{waiting:,} imported traces are not worked out yet: {HOW_TO_WORK_OUT}")
    if imported := [markdown_text(side.title) for side in found.sides if side.imported]:
        notes.append(
            f"Imported: {', '.join(imported)}. How such traces were made, and what their writer "
            "was shown, is not known; well-formed are those in which an answer was found."
        )
    if apart := settings_apart(found):
        told = "; ".join(f"{n}: {markdown_text(', '.join(values))}" for n, values in apart.items())
        notes.append(
            f"The runs differ in more than their systems, in the order chosen: {told}. Their "
            "scores may differ by that."
        )
    if count < ENOUGH:
        notes.append(f"Fewer than {ENOUGH} documents are too few for intervals.")
    for note in notes:
        st.caption(f":material/info: {note}")


def _table(frame: pd.DataFrame) -> None:
    shown = pd.DataFrame({"System": frame["title"]})
    for measure in Measure:
        shown[measure.value] = [
            f"{value:.3f}" + ("" if pd.isna(low) else f" ({low:.2f}–{high:.2f})")
            for value, low, high in zip(
                frame[measure.value], frame[f"{measure.value} low"], frame[f"{measure.value} high"],
                strict=True,
            )
        ]  # fmt: skip
    for name in ("micro", "macro"):
        shown[f"{name.capitalize()} F1"] = [f"{value:.3f}" for value in frame[name]]
    # An import may not know them: nothing takes no tokens and no time.
    shown["Tokens"] = frame["tokens"].where(frame["tokens"] > 0).round().astype("Int64")
    shown["Seconds a trace"] = frame["seconds"].where(frame["seconds"] > 0).round(1)
    st.dataframe(
        shown, hide_index=True, alt="Scores of each system with 95% intervals",
        column_config={"Seconds a trace": st.column_config.NumberColumn(help=SECONDS_HELP)},
    )  # fmt: skip


def _differences(found: Comparison, measure: Measure) -> None:
    base, others = found.sides[0], len(found.sides) - 1
    lines = []
    over = f" (corrected over {others} systems)" if others > 1 else ""
    titles = {side.run: side.title for side in found.sides}
    for run, less in less_of(found, measure).items():
        one = less.difference
        interval = f" ({one.low:+.3f} to {one.high:+.3f})" if one.documents >= ENOUGH else ""
        lines.append(
            f"- **{markdown_text(titles[run])}** {one.mean:+.3f}{interval}, "
            f"{p_words(less.corrected)}{over}; documents: better on {less.better:,}, worse on "
            f"{less.worse:,}, the same on {less.same:,}"
        )
    said = f"{measure.value} less that of **{markdown_text(base.title)}**:\n\n"
    st.markdown(said + "\n".join(lines), help=TEST_HELP)


def p_words(value: float) -> str:
    """ "p = 0.034", or "p < 0.001"."""
    number = p_number(value)
    return f"p {number}" if number.startswith("<") else f"p = {number}"


def color(titles: Sequence[str]) -> alt.Color:
    return alt.Color("title:N", scale=alt.Scale(domain=list(titles)), legend=legend_of("circle"))


def shape(titles: Sequence[str], *, legend: bool = True) -> alt.Shape:
    scale = alt.Scale(domain=list(titles), range=SHAPES[: len(titles)])
    return alt.Shape("title:N", scale=scale, legend=legend_of("circle") if legend else None)


def dash(titles: Sequence[str]) -> alt.StrokeDash:
    scale = alt.Scale(domain=list(titles), range=DASHES[: len(titles)])
    return alt.StrokeDash("title:N", scale=scale, legend=legend_of("stroke"))


def legend_of(symbol: str) -> alt.Legend:
    """Equal ones for colour, and shape or dash, so that they are drawn as one that tells both."""
    line = symbol == "stroke"
    return alt.Legend(
        orient="top", title=None, symbolOpacity=1, symbolType=symbol, labelLimit=190, columns=2,
        symbolSize=400 if line else 110, symbolStrokeWidth=2.5 if line else 0,
    )  # fmt: skip


def _chart(frame: pd.DataFrame, measure: Measure) -> None:
    name = measure.value
    shown = frame.rename(columns={name: "value", f"{name} low": "low", f"{name} high": "high"})
    titles = list(shown["title"])
    base = alt.Chart(shown).encode(
        y=alt.Y("title:N", sort=titles, title=None, axis=alt.Axis(labelLimit=220)),
        color=alt.Color("title:N", scale=alt.Scale(domain=titles), legend=None),
    )
    x = alt.X("value:Q", title=name, scale=alt.Scale(domain=[0, 1]))
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", title=name), x2="high:Q")
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=x, shape=shape(titles, legend=False),
        tooltip=[
            alt.Tooltip("title:N", title="System"), alt.Tooltip("value:Q", format=".4f"),
            alt.Tooltip("low:Q", title="from", format=".4f"),
            alt.Tooltip("high:Q", title="to", format=".4f"),
        ],
    )  # fmt: skip
    chart = with_intervals(points, bars, shown).properties(height=max(120, 48 * len(titles)))
    st.altair_chart(chart, alt=f"{name} of each system with its 95% interval")
    export(chart, "scores", key="cmp_scores_save", frame=frame)


def with_intervals(points: alt.Chart, bars: alt.Chart, frame: pd.DataFrame) -> alt.LayerChart:
    """Points over their intervals, where there are any: marks that draw nothing would be pictures
    without a name to a screen reader."""
    return alt.layer(bars, points) if frame["low"].notna().any() else alt.layer(points)


def _curves(found: Comparison, dataset: str) -> None:
    teacher = teacher_beside(found, dataset)
    frame = curves_of(found, teacher)
    if frame.empty:
        return
    st.header("Focus and Near-Miss Confusion", anchor=False)
    with_curves = set(frame["title"])
    titles = [side.title for side in found.sides if side.title in with_curves]
    titles += [teacher[1]] if teacher else []
    for column, curve, better in zip(
        st.columns(2, gap="medium"), ("Focus", "Confusion"), ("higher", "lower"), strict=True
    ):
        some = frame[frame["curve"] == curve]
        with column:
            if some.empty:
                continue
            chart = _curve(some, titles, f"{curve}, {better} is better")
            st.altair_chart(chart, alt=f"Mean {curve} of each system along its traces")
            export(chart, curve.lower(), key=f"cmp_{curve}_save", frame=some)
    counts = frame.groupby("curve")["documents"].max()
    said = f"{counts.max():,}"
    if counts.nunique() > 1:
        said = " and ".join(f"{count:,} ({curve})" for curve, count in counts.items())
    without = [side.title for side in found.sides if side.title not in with_curves]
    lacking = f" Without curves: {', '.join(map(markdown_text, without))}." if without else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        beside = f" {markdown_text(teacher[1])}, their teacher, beside them." if teacher else ""
        st.caption(f"Means over {said} documents, 95% intervals.{lacking}{beside}", width="content")
        with st.popover("What Focus and Confusion mean", icon=":material/help:", type="tertiary"):
            st.markdown(DEFINITIONS)


def _curve(frame: pd.DataFrame, titles: Sequence[str], name: str) -> alt.LayerChart:
    legend = alt.Color("title:N", scale=alt.Scale(domain=list(titles)), legend=legend_of("stroke"))
    base = alt.Chart(frame).encode(
        x=alt.X("t:Q", title="t, share of the trace", scale=alt.Scale(domain=[0, 1])),
        color=legend,
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
