"""The documents of a survey whose gold labels retrieval loses most, one click away each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from core.datasets.base import Dataset
from core.shortlist import slices
from core.shortlist.survey_store import Survey, read_survey
from core.traces.inert import one_line
from pages.parts import services
from pages.parts.shortlist_choice import open_example
from pages.parts.shortlist_table import table_height
from pages.parts.shortlist_words import FATES, METHODS

SHOWN = 500
ROWS_AT_ONCE = 8192  # of texts that are searched for words
GONE = "(no longer in the dataset)"


@st.cache_data(max_entries=32, show_spinner=False)
def _worst(home: Path, dataset: str, survey: str, method: str, k: int, n: int) -> pd.DataFrame:
    return slices.worst(read_survey(services.settings(), dataset, survey), method, k, n)


def rows_of(dataset: Dataset, documents: Sequence[str]) -> np.ndarray:
    """The row of each document, `(n,)`, or -1 where the dataset has it no more; one scan."""
    ids = dataset.table["id"]
    met = pc.index_in(ids, value_set=pa.array(documents, ids.type))
    rows = np.flatnonzero(pc.is_valid(met))
    found = np.full(len(documents), -1, np.int64)
    found[np.asarray(met.drop_null(), np.int64)] = rows
    return found


def texts_of(dataset: Dataset, rows: np.ndarray) -> list[str]:
    """The text of each row; GONE for -1."""
    texts = [GONE] * len(rows)
    known = np.flatnonzero(rows >= 0)
    for at, text in zip(known, dataset.table["text"].take(rows[known]).to_pylist(), strict=True):
        texts[at] = text
    return texts


def having(dataset: Dataset, documents: Sequence[str], rows: np.ndarray, words: str) -> np.ndarray:
    """Which documents have the words in their id or text, without regard to case, `(n,)`."""
    ids = pa.array(documents, pa.string())
    hit = np.array(pc.match_substring(ids, words, ignore_case=True), bool)
    known = np.flatnonzero(rows >= 0)
    for start in range(0, len(known), ROWS_AT_ONCE):
        part = known[start : start + ROWS_AT_ONCE]
        texts = dataset.table["text"].take(rows[part])
        hit[part] |= np.array(pc.match_substring(texts, words, ignore_case=True), bool)
    return hit


def worst_table(
    dataset: Dataset, survey: Survey, methods: list[str], k: int, n: int, home: Path
) -> None:
    st.markdown("**Worst examples**: click a row to open it")
    frame, words = _filtered(dataset.name, survey, methods, k, n, home)
    rows = rows_of(dataset, frame["document"].tolist())
    if words:
        keep = having(dataset, frame["document"].tolist(), rows, words)
        frame, rows = frame[keep], rows[keep]
    total = len(frame)
    frame, rows = frame.head(SHOWN), rows[:SHOWN]
    if frame.empty:
        st.caption("No document fits these filters.")
        return
    _table(frame, rows, texts_of(dataset, rows), k)
    if total > len(frame):
        st.caption(f"The first {len(frame):,} of {total:,} documents.")
    else:
        st.caption(f"{total:,} documents.")


def _filtered(
    dataset: str, survey: Survey, methods: list[str], k: int, n: int, home: Path
) -> tuple[pd.DataFrame, str]:
    """Draws the filters; the documents they leave, worst first, and the words looked for."""
    key = "shortlist_worst_by"
    if st.session_state.get(key) not in methods:
        st.session_state[key] = methods[-1]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        method = st.segmented_control(
            "By method", methods, required=True, key=key, format_func=METHODS.__getitem__
        )
        fate = st.selectbox(
            "Lost as", ["any", *list(FATES)[1:]], key="shortlist_worst_fate", width=190,
            help="The commonest fate among the document's lost gold labels.",
        )  # fmt: skip
        fewest, most = st.select_slider(
            "Gold labels", [1, 2, 3, 5, 10, 20, 50, "any"], value=(1, "any"), width=230,
            key="shortlist_worst_gold",
        )  # fmt: skip
        words = st.text_input(
            "Words of the text or id", key="shortlist_worst_words", type="search", width=220
        )
    frame = _worst(home, dataset, survey.info.id, str(method), k, n)
    if fewest != "any":
        frame = frame[frame["gold"] >= int(fewest)]
    if most != "any":
        frame = frame[frame["gold"] <= int(most)]
    if fate != "any":
        frame = frame[frame["fate"] == fate]
    return frame, words.strip()


def _table(frame: pd.DataFrame, rows: np.ndarray, texts: list[str], k: int) -> None:
    documents = frame["document"].tolist()

    def opened() -> None:
        cells = st.session_state["shortlist_worst"].selection.cells
        if cells and cells[0][0] < len(documents) and rows[cells[0][0]] >= 0:
            open_example(documents[cells[0][0]])

    shown = pd.DataFrame(
        {
            "document": [one_line(d) for d in documents],
            "recall": frame["recall"],
            "found": [f"{a} of {b}" for a, b in zip(frame["found"], frame["gold"], strict=True)],
            "fate": frame["fate"],
            "deepest": frame["deepest"],
            "text": [one_line(t, 300) for t in texts],
            "lost": [one_line(lost, 300) for lost in frame["lost"]],
        }
    )
    st.dataframe(
        shown, hide_index=True, key="shortlist_worst", on_select=opened,
        selection_mode="single-cell", height=min(400, table_height(len(shown))), placeholder="",
        column_config={
            "document": st.column_config.TextColumn("Document", width=84),
            "recall": st.column_config.NumberColumn(f"Recall@{k}", format="%.2f", width=76),
            "found": st.column_config.TextColumn("Gold found", width=80),
            "fate": st.column_config.TextColumn("Lost as", width=96),
            "deepest": st.column_config.NumberColumn(
                "Deepest", width=70, format="localized",
                help="The largest exact rank of one of its gold labels."),
            "text": st.column_config.TextColumn("Text", width=420),
            "lost": st.column_config.TextColumn("Lost gold labels", width=260),
        },
        alt="Documents with the lowest recall, worst first",
    )  # fmt: skip
