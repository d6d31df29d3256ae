"""Which text to run: a document of the dataset, found by id or words, or one's own text."""

import random

import pandas as pd
import streamlit as st

from core.datasets.base import Dataset, Document
from core.datasets.catalogue import search_documents
from core.datasets.examples import another, beside, own_document
from core.traces.inert import neutralise, one_line
from pages.parts import link

EXAMPLE, OWN = "Example", "My own text"
SOURCE, SEARCH, OWN_TEXT = "explore_source", "explore_search", "explore_own_text"
_CHOICE = "explore_choice"
FOUND_AT_MOST = 50
TITLE_CHARS = 80
AROUND = 25  # documents listed on either side of the current one when nothing is searched


def example_picker(dataset: Dataset) -> Document:
    """Draws the picker and returns the document chosen, or the text typed (possibly empty)."""
    if st.session_state[SOURCE] == OWN:
        return _own_text()
    return _example(dataset)


def _own_text() -> Document:
    text = st.text_area(
        "Your text",
        key=OWN_TEXT,
        persist_state="session",
        height=120,
        placeholder="Type or paste a text in English. It stays on this machine unless you choose "
        "a system that runs elsewhere.",
        label_visibility="collapsed",
    )
    st.caption("Your own text has no gold labels, so there are no gold marks, fates or F1.")
    return own_document(text or "")


def _example(dataset: Dataset) -> Document:
    current = dataset.row_of(st.session_state[link.key("document")])
    found = _matches(dataset)
    rows = list(range(len(dataset))) if found is None else found
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Search documents",
            key=SEARCH,
            type="search",
            persist_state="session",
            placeholder="Search by words or id",
            label_visibility="collapsed",
            width=230,
        )
        _step_button("Previous", ":material/arrow_back:", "P", beside(rows, current, -1), dataset)
        _step_button("Next", ":material/arrow_forward:", "N", beside(rows, current, 1), dataset)
        chance = another(rows, current, random.Random())
        _step_button("Random", ":material/casino:", "X", chance, dataset)
    _document_list(dataset, current, found)
    document = dataset.document_at(current)
    if len(document.text) > TITLE_CHARS:  # else the list shows all of it
        with st.container(border=True, height=120 if len(document.text) > 400 else "content"):
            st.text(neutralise(document.text), width="stretch")
    _about(dataset, document)
    return document


def _matches(dataset: Dataset) -> list[int] | None:
    """Rows that match the search, or None when nothing is searched or nothing matches."""
    query = _query()
    if not query:
        return None
    found = _search(dataset.name, dataset.info.fingerprint, query, dataset)
    return found or None


def _query() -> str:
    return str(st.session_state.get(SEARCH, "")).strip()[:200]


@st.cache_data(max_entries=200, show_spinner=False)
def _search(name: str, fingerprint: str, query: str, _dataset: Dataset) -> list[int]:
    return search_documents(_dataset, query, limit=FOUND_AT_MOST)


def _document_list(dataset: Dataset, current: int, found: list[int] | None) -> None:
    if found is None:
        rows = list(range(max(0, current - AROUND), min(len(dataset), current + AROUND + 1)))
        label = f"Document {current + 1:,} of {len(dataset):,}"
        if _query():
            label = f"No document has all these words. {label}"
    else:
        rows = found if current in found else [current, *found]
        more = "the first " if len(found) == FOUND_AT_MOST else ""
        label = f"Document ({more}{len(found)} found)"
    titles = {row: _title(dataset, row) for row in rows}
    st.session_state[_CHOICE] = current
    st.selectbox(
        label,
        rows,
        key=_CHOICE,
        format_func=lambda row: titles.get(row, ""),
        on_change=_chosen,
        args=(dataset,),
        filter_mode="contains",
    )


def _title(dataset: Dataset, row: int) -> str:
    document = dataset.document_at(row)
    return f"{one_line(document.id)} · {one_line(document.text, TITLE_CHARS)}"


def _chosen(dataset: Dataset) -> None:
    row = st.session_state[_CHOICE]
    if isinstance(row, int) and 0 <= row < len(dataset):
        st.session_state[link.key("document")] = dataset.document_at(row).id


def _step_button(label: str, icon: str, shortcut: str, row: int, dataset: Dataset) -> None:
    st.button(
        label,
        key=f"explore_{label.lower()}",
        icon=icon,
        shortcut=shortcut,
        on_click=_go,
        args=(dataset.document_at(row).id,),
    )


def _go(document_id: str) -> None:
    st.session_state[link.key("document")] = document_id


def _about(dataset: Dataset, document: Document) -> None:
    """Split and gold labels of the document, and a way to edit its text."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(f"split: {document.split}", color="gray", help=_SPLITS)
        count = len(document.gold)
        with st.popover(f"{count} gold label{'s' * (count != 1)}", icon=":material/star:"):
            st.dataframe(
                _gold_frame(dataset, document),
                hide_index=True,
                width=560,
                alt="Gold labels of this document",
                column_config={"Label": st.column_config.TextColumn(width="large")},
            )
        st.button(
            "Edit as my own text",
            icon=":material/edit:",
            type="tertiary",
            on_click=_edit,
            args=(document.text,),
            help="Copies this text to My own text, where it can be changed.",
        )


_SPLITS = (
    "Documents are split by a hash of their id: 40% train-teacher, 40% train-student, 10% dev, "
    "10% test. Nobody trains on dev or test."
)


def _gold_frame(dataset: Dataset, document: Document) -> pd.DataFrame:
    rows = [dataset.labels.row(label_id) for label_id in document.gold]
    names = ["(not in the vocabulary)" if r is None else dataset.labels.name(r) for r in rows]
    return pd.DataFrame(
        {
            "Code": [one_line(label_id) for label_id in document.gold],
            "Label": [one_line(name, 300) for name in names],
        }
    )


def _edit(text: str) -> None:
    st.session_state[OWN_TEXT] = text
    st.session_state[SOURCE] = OWN
