"""What a stored run is worth: ranking metrics, F1, fates, formats; the same as `phaselens eval`."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation import evaluate_run, propensity_of
from db.runs import load_run, run_records
from pages.parts import errors, services

CUTS = ("1", "3", "5", "10")
RANKING = {"p": "P", "r": "R", "ndcg": "nDCG", "psp": "PSP", "psndcg": "PSnDCG"}
HELP = (
    "P, R and nDCG of the ranking at 1, 3, 5 and 10; PSP and PSnDCG weigh rare labels more "
    "(propensity-scored). F1 is of the labels that the answer names. All from 0 to 1, higher is "
    "better."
)


@st.cache_data(max_entries=32, ttl="1h", show_spinner="Evaluating the run ...")
def _evaluated(url: str, home: Path, run: str, done: int) -> dict[str, Any]:
    """`done`: finished documents; the evaluation is made again when there are more."""
    with services.store().read() as session:
        dataset = services.dataset(load_run(session, run).summary.dataset)
        return evaluate_run(run, run_records(session, run), propensity_of(dataset))


def run_metrics(run: str) -> None:
    """Draws an expander that evaluates the run when it is opened."""
    shown = st.expander(
        "Metrics", icon=":material/bar_chart:", key=f"metrics_{run}", on_change="rerun"
    )
    if not shown.open:
        return
    with shown, errors.kept():
        settings = services.settings()
        with services.store().read() as session:
            done = load_run(session, run).summary.done
        data = _evaluated(settings.database, settings.home, run, done)
        _draw(data)


def _draw(data: dict[str, Any]) -> None:
    left, middle, right = st.columns([4, 3, 3])
    with left:
        numbers = st.column_config.NumberColumn(format="%.4f")
        st.dataframe(
            ranking_frame(data),
            column_config={f"@{cut}": numbers for cut in CUTS},
            alt="Ranking metrics at 1, 3, 5 and 10",
        )
        f1 = [f"{kind} {data[f'{key}_f1']:.4f}" for key, kind in (
            ("micro", "micro"), ("macro", "macro"), ("example", "example-based"))]  # fmt: skip
        st.caption(f"F1: {', '.join(f1)}. {data['documents']:,} documents, "
                   f"{data['with_answer']:,} with a label selected.", help=HELP)  # fmt: skip
    for column, key, name in (
        (middle, "fates", "Fate of gold labels"),
        (right, "buckets", "Output"),
    ):
        counts = data[key]
        total = max(1, sum(counts.values()))
        frame = pd.DataFrame(
            {name: list(counts), "n": list(counts.values()),
             "Share": [n / total for n in counts.values()]}
        )  # fmt: skip
        column.dataframe(
            frame,
            hide_index=True,
            column_config={"Share": st.column_config.NumberColumn(format="percent")},
            alt=name,
        )


def ranking_frame(data: dict[str, Any]) -> pd.DataFrame:
    """One row a metric, one column a cut; metrics that could not be had are left out."""
    rows = {}
    for key, name in RANKING.items():
        if data[key] is not None:
            rows[name] = [data[key][cut] for cut in CUTS]
            rows[f"{name}, as retrieved"] = [data["retrieval"][key][cut] for cut in CUTS]
    return pd.DataFrame.from_dict(rows, orient="index", columns=[f"@{cut}" for cut in CUTS])
