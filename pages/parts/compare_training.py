"""How the compared systems were trained: each term of the loss, step by step."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.comparison import Comparison
from db.runs import load_run
from db.trainings import TrainingView, trainings_of
from pages.parts import services
from pages.parts.chart_export import export

HEIGHT = 180
OTHERS = frozenset({"step", "tokens", "seconds", "gradient"})
HELP = (
    "Losses of every step, smoothed over ten. L_cot is the next token of the trace; L_decide keep "
    "or drop after each label; the terms marked (1) belong to shortlisting, those marked (2) to "
    "reasoning. Lower is better, but terms of different systems need not mean the same."
)


def training_section(found: Comparison) -> None:
    """Draws an expander where any of the systems was trained here."""
    with services.store().read() as session:
        systems = [load_run(session, side.run).summary.system for side in found.sides]
        trained = trainings_of(session, systems)
    if not trained:
        return
    with st.expander("Training", icon=":material/school:"):
        st.caption(
            " · ".join(
                f"{one.system}, {one.stage}: {one.steps:,} steps, {one.tokens:,} tokens, "
                f"{one.seconds / 60:.0f} min"
                for one in trained
            ),
            help=HELP,
        )
        chart = training_chart(trained)
        st.altair_chart(chart, alt="Loss terms of each training by step")
        export(chart, "training", key="cmp_training_save")


def training_frame(trained: Sequence[TrainingView]) -> pd.DataFrame:
    """Long form: training, step, term, loss."""
    rows = [
        (f"{one.system}, {one.stage}", row["step"], term, value)
        for one in trained
        for row in one.curves
        for term, value in row.items()
        if term not in OTHERS
    ]
    frame = pd.DataFrame(rows, columns=["training", "step", "term", "loss"])
    smooth = frame.groupby(["training", "term"])["loss"].transform(
        lambda losses: losses.rolling(10, min_periods=1).mean()
    )
    return frame.assign(loss=smooth)


def training_chart(trained: Sequence[TrainingView]) -> alt.FacetChart:
    """A small chart a term, a line a training."""
    frame = training_frame(trained)
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "training:N", legend=alt.Legend(orient="top", title=None, labelLimit=280)
            ),
            tooltip=["training:N", "term:N", "step:Q", alt.Tooltip("loss:Q", format=".4f")],
        )
        .properties(width=250, height=HEIGHT)
        .facet(alt.Facet("term:N", title=None), columns=4)
        .resolve_scale(y="independent")
    )
