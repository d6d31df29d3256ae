"""The final ranking: which labels the answer names, and what placed each one."""

from collections.abc import Collection

import pandas as pd
import streamlit as st

from core.metrics.sets import example_f1
from core.rerank.base import Bucket, PlacedBy, Prediction
from core.traces.inert import inert_html, one_line
from pages.parts.shortlist_table import GOLD, table_height

BUCKETS: dict[Bucket, str] = {
    Bucket.OK: "The output kept to the format.",
    Bucket.WRONG_FORMAT: "The output did not keep to the format that the prompt asks for.",
    Bucket.REPETITION: "The output repeats itself.",
    Bucket.CUT_OFF: "The output was cut off before its answer line.",
    Bucket.MISSING_LABELS: "The output leaves out labels that it should have answered on.",
    Bucket.NOTHING: "The model wrote nothing that can be read.",
}

_COLUMNS = {
    "rank": st.column_config.NumberColumn("Rank", width=44),
    "gold": st.column_config.TextColumn("Gold", width=58, help="★ marks a right label."),
    "code": st.column_config.TextColumn("Code", width=70),
    "placed": st.column_config.TextColumn(
        "Placed by",
        width=160,
        help="Answer line: the model named it. Score: ranked by the model's own probability that "
        "it is relevant. Completed from the shortlist: the model said nothing, so its place is "
        "that of the retrieval.",
    ),
    "score": st.column_config.NumberColumn(
        "Score",
        format="%.3f",
        width=54,
        help="P(relevant) from the model's probabilities of true and false; 0 to 1.",
    ),
    "cosine": st.column_config.NumberColumn("Cosine", format="%.3f", width=58),
    "name": st.column_config.TextColumn("Label", width=420),
}
_PLACED = {
    PlacedBy.ANSWER: "✓ answer line",
    PlacedBy.SCORE: "score",
    PlacedBy.COMPLETED: "from the shortlist",
}


def final_frame(prediction: Prediction, gold: Collection[str]) -> pd.DataFrame:
    """One row a label, best first."""
    ranking = prediction.ranking
    return pd.DataFrame(
        {
            "rank": [row.rank for row in ranking],
            "gold": [GOLD if row.label_id in gold else "" for row in ranking],
            "code": [one_line(row.label_id) for row in ranking],
            "placed": [_PLACED[row.placed_by] for row in ranking],
            "score": pd.array([row.score for row in ranking], dtype="Float64"),
            "cosine": [row.cosine for row in ranking],
            "name": [one_line(row.name, 300) for row in ranking],
        }
    )


def final_labels(prediction: Prediction, gold: Collection[str], *, key: str) -> None:
    """Draws what the answer says, how well the output kept to the format, and the ranking."""
    chosen, right = set(prediction.selected), set(prediction.selected) & set(gold)
    if not chosen:
        said = "The answer names **no label**."
    elif gold:
        said = f"The answer names **{len(chosen)}** labels; **{len(right)}** of them gold."
    else:
        said = f"The answer names **{len(chosen)}** labels."
    if len(chosen) == 1:
        said = said.replace("labels", "label").replace("of them gold", "of them is gold")
    if gold:
        said += f" F1 **{example_f1(chosen, set(gold)):.2f}**."
    ok = prediction.bucket is Bucket.OK
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(said, width="content")
        st.badge(
            f"format: {prediction.bucket}",
            icon=":material/check:" if ok else ":material/warning:",
            color="green" if ok else "orange",
            help=BUCKETS[prediction.bucket],
        )
    if prediction.bucket_why and not ok:
        st.html(f'<div style="opacity:0.8">{inert_html(prediction.bucket_why)}</div>')
    st.dataframe(
        final_frame(prediction, gold),
        hide_index=True,
        column_config=_COLUMNS,
        placeholder="",
        height=min(388, table_height(len(prediction.ranking))),
        key=key,
        alt="Final ranking of labels, best first",
    )
