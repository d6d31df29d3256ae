"""How the compared systems were trained: each term of the loss, step by step."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.comparison.runs import Comparison
from db.runs import load_run
from db.trainings import TrainingView, trainings_of
from pages.parts import services
from pages.parts.chart_export import export
from pages.parts.compare_scores import DASHES

HEIGHT = 180
GROUPS = {
    "": "The trace: next tokens and verdicts",
    "1": "Phase 1, shortlisting: attention, writes, and both together",
    "2": "Phase 2, reasoning: attention, writes, and both together",
}
OTHERS = frozenset({"step", "tokens", "seconds", "gradient"})
HELP = (
    "Losses of every step, smoothed over ten. L_cot is the next token of the trace; L_decide keep "
    "or drop after each label; L_margin the right verdict against the wrong one; L_logits how far "
    "the student's tokens are from the teacher's; the terms of the two phases what its heads "
    "attend to, what they write, and both together, beside the teacher's heads or towards the "
    "right labels (docs/distillation-losses.md). Each is a mean over a step's traces, those "
    "without phases counted as 0, so that it falls with their share. Lower is better, but terms "
    "of different systems need not mean the same, and a term may be drawn that the system was not "
    "trained with: its arm without a phase is measured by it all the same."
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
        frame = training_frame(trained)
        for group, what in GROUPS.items():
            some = frame[frame["group"] == group]
            if some.empty:
                continue
            st.markdown(f"**{what}**")
            chart = training_chart(some, sorted(set(frame["training"])))
            st.altair_chart(chart, alt=f"{what}: loss terms of each training by step")
            export(chart, f"training-{group}", key=f"cmp_training_{group}_save")


def training_frame(trained: Sequence[TrainingView]) -> pd.DataFrame:
    """Long form: training, step, term, loss, group (a key of GROUPS)."""
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
    return frame.assign(loss=smooth, group=frame["term"].map(group_of))


def group_of(term: str) -> str:
    """The phase that a term of the loss belongs to, a key of GROUPS."""
    return "1" if term.endswith("(1)") else "2" if term.endswith("(2)") else ""


def training_chart(frame: pd.DataFrame, trainings: Sequence[str]) -> alt.FacetChart:
    """A small chart a term, a line a training; `trainings`: all that have a colour and a dash."""
    legend = alt.Legend(orient="top", title=None, labelLimit=280, columns=3)
    domain = list(trainings)
    dashes = [DASHES[at % len(DASHES)] for at in range(len(domain))]
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("training:N", scale=alt.Scale(domain=domain), legend=legend),
            strokeDash=alt.StrokeDash(
                "training:N", scale=alt.Scale(domain=domain, range=dashes), legend=legend
            ),
            tooltip=["training:N", "term:N", "step:Q", alt.Tooltip("loss:Q", format=".4f")],
        )
        .properties(width=250, height=HEIGHT)
        .facet(alt.Facet("term:N", title=None), columns=4)
        .resolve_scale(y="independent")
    )
