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
    "all": "All terms together, as they were weighted",
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
    "trained with: its arm without a phase is measured by it all the same. The last chart is what "
    "was made smaller: all terms, each by its weight."
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
            chart = training_chart(some, list(dict.fromkeys(systems)))
            st.altair_chart(chart, alt=f"{what}: loss terms of each training by step")
            export(chart, f"training-{group}", key=f"cmp_training_{group}_save", frame=some)


def training_frame(trained: Sequence[TrainingView]) -> pd.DataFrame:
    """Long form: system, stage, step, term, loss, group (a key of GROUPS)."""
    rows = [
        (one.system, one.stage, row["step"], term, value)
        for one in trained
        for row in one.curves
        for term, value in row.items()
        if term not in OTHERS
    ]
    frame = pd.DataFrame(rows, columns=["system", "stage", "step", "term", "loss"])
    smooth = frame.groupby(["system", "stage", "term"])["loss"].transform(
        lambda losses: losses.rolling(10, min_periods=1).mean()
    )
    return frame.assign(loss=smooth, group=frame["term"].map(group_of))


def group_of(term: str) -> str:
    """The phase that a term of the loss belongs to, a key of GROUPS."""
    if term == "total":
        return "all"
    return "1" if term.endswith("(1)") else "2" if term.endswith("(2)") else ""


def training_chart(frame: pd.DataFrame, systems: Sequence[str]) -> alt.FacetChart:
    """A small chart a term, a line a training. `systems`: in the order in which the page's other
    charts colour them; a system's stages have a dash each."""
    legend = alt.Legend(orient="top", title=None, labelLimit=280, columns=3)
    stages = sorted(set(frame["stage"]))
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("system:N", scale=alt.Scale(domain=list(systems)), legend=legend),
            strokeDash=alt.StrokeDash(
                "stage:N",
                scale=alt.Scale(domain=stages, range=DASHES[: len(stages)]),
                legend=legend if len(stages) > 1 else None,
            ),
            tooltip=[
                "system:N",
                "stage:N",
                "term:N",
                "step:Q",
                alt.Tooltip("loss:Q", format=".4f"),
            ],
        )
        .properties(width=250, height=HEIGHT)
        .facet(alt.Facet("term:N", title=None), columns=4)
        .resolve_scale(y="independent")
    )
