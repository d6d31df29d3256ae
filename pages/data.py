"""Data: what each dataset is, its counts and splits, its index, and a look inside it.

Order: all datasets and the one shown, what it is (or its fetch), counts, index with its build,
charts, documents and labels.
"""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from core.annotation.people import Role
from core.datasets.base import Dataset, DatasetInfo, Split
from core.datasets.catalogue import (
    DatasetSummary,
    Listed,
    listing,
    search_documents,
    summary,
)
from core.datasets.label_search import search_labels
from core.errors import PhaseLensError, UnknownNameError
from core.traces.inert import inert_html, neutralise, one_line
from pages.parts import entry, errors, services
from pages.parts.facts import facts
from pages.parts.fetch_card import fetch_card
from pages.parts.import_form import added_card, import_form
from pages.parts.index_card import index_card
from pages.parts.people import why_not
from pages.parts.trace_import_form import trace_import_form

PAGE_SIZE = 25
TEXT_COLOR = {"light": "#1a2130", "dark": "#e8ecf2"}  # Altair themes text marks by no theme
SPLIT_NAMES = {
    Split.TRAIN_TEACHER: "Train, teacher",
    Split.TRAIN_STUDENT: "Train, student",
    Split.DEV: "Dev",
    Split.TEST: "Test",
}
BINS = {
    "head": "Head: 10 or more",
    "torso": "Torso: 3 to 9",
    "tail": "Tail: 1 or 2",
    "unseen": "Unseen: none",
}


@st.cache_data(max_entries=16, show_spinner=False)
def summary_of(name: str, fingerprint: str) -> DatasetSummary:
    return summary(services.dataset(name))


@st.cache_data(max_entries=64, ttl="10m", show_spinner=False)
def document_rows(name: str, fingerprint: str, query: str, split: Split | None) -> list[int]:
    dataset = services.dataset(name)
    return search_documents(dataset, query, split, limit=len(dataset))


@st.cache_data(max_entries=64, ttl="10m", show_spinner=False)
def label_rows(name: str, fingerprint: str, query: str) -> Sequence[int]:
    return search_labels(services.dataset(name).labels, query)


def choose_dataset(known: list[Listed]) -> Listed:
    """All datasets with their state, and the one shown below."""
    names = [one.name for one in known]
    asked = st.query_params.get("data_dataset", names[0])
    if asked not in names:
        del st.query_params["data_dataset"]
        errors.keep(
            UnknownNameError(
                f"There is no dataset named {one_line(asked)!r}.", f"Showing {names[0]} instead."
            )
        )
    ready = sum(one.ready for one in known)
    listed = st.expander(
        f"All datasets: {ready} ready, {len(known) - ready} to fetch or mend",
        icon=":material/list:", key="data_list", on_change="rerun",
    )  # fmt: skip
    if listed.open:
        with listed:
            table_of(known)
    # No format_func: the address would hold the formatted words instead of the name.
    chosen = st.segmented_control(
        "Dataset", names, default=names[0], required=True, key="data_dataset",
        bind="query-params",
    )  # fmt: skip
    return known[names.index(str(chosen))]


def table_of(known: list[Listed]) -> None:
    """One row a dataset."""
    st.dataframe(
        pd.DataFrame(
            {
                "Dataset": [one.name for one in known],
                "Title": [one_line(one.title) for one in known],
                "Labels": [one.labels for one in known],
                "Documents": [one.documents for one in known],
                "State": [one.state for one in known],
                "Kind": [one_line(one.kind) for one in known],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "Title": st.column_config.TextColumn(width="large"),
            "Labels": st.column_config.NumberColumn(format="localized"),
            "Documents": st.column_config.NumberColumn(format="localized"),
        },
        alt="All datasets",
    )


def about(info: DatasetInfo) -> None:
    """What it is, in words, and where it comes from."""
    with st.container(border=True, height="stretch"):
        st.html(f"<strong>{inert_html(info.title)}</strong>")
        st.text(neutralise(info.what))
        facts(
            [
                ("Kind", info.kind),
                ("Licence", info.licence),
                ("Source", info.source),
                *(
                    [("Left out", "\n".join(f"{n:,} {why}" for why, n in info.dropped))]
                    if info.dropped
                    else []
                ),
                ("Fingerprint", info.fingerprint[:16]),
            ],
            name=f"About the dataset {info.name}",
        )


def counts(info: DatasetInfo, numbers: DatasetSummary) -> None:
    with st.grid(4):
        st.metric("Labels", f"{info.labels:,}", border=True)
        st.metric("Documents", f"{info.documents:,}", border=True)
        st.metric("Gold labels a document, mean", f"{numbers.mean_gold:.1f}", border=True)
        st.metric("Gold labels a document, median", f"{numbers.median_gold:g}", border=True)


def bars(frame: pd.DataFrame, x: str, y: str, *, share_of: int, description: str) -> None:
    """Horizontal bars with their numbers beside them, in the order of the frame."""
    frame = frame.assign(label=[f"{n:,} ({n / max(share_of, 1):.1%})" for n in frame[x]])
    base = alt.Chart(frame).encode(
        y=alt.Y(y, sort=None, title=None, axis=alt.Axis(labelLimit=220)),
        x=alt.X(x, title=None, axis=None, scale=alt.Scale(domainMax=float(frame[x].max()) * 1.7)),
        tooltip=[alt.Tooltip(y), alt.Tooltip(x, format=",")],
    )
    text = base.mark_text(
        align="left", dx=5, color=TEXT_COLOR.get(st.context.theme.type, "#7b8596")
    ).encode(text="label:N")
    st.altair_chart((base.mark_bar() + text).properties(height=38 * len(frame)), alt=description)


def charts(dataset: Dataset, numbers: DatasetSummary) -> None:
    left, middle, right = st.columns(3, border=True)
    with left:
        st.markdown("**Splits**, by hash of the document id")
        split_counts = [numbers.documents_by_split.get(str(s), 0) for s in SPLIT_NAMES]
        frame = pd.DataFrame({"Split": list(SPLIT_NAMES.values()), "Documents": split_counts})
        bars(frame, "Documents", "Split", share_of=len(dataset),
             description="Documents in each split")  # fmt: skip
        st.caption("Nobody trains on dev or test: choices are made on dev, test is read once.")
    with middle:
        st.markdown("**Labels by training documents** that have them as gold")
        frame = pd.DataFrame(
            {
                "Part": list(BINS.values()),
                "Labels": [numbers.head_torso_tail.get(part, 0) for part in BINS],
            }
        )
        bars(frame, "Labels", "Part", share_of=len(dataset.labels),
             description="Labels in head, torso, tail, and never seen in training")  # fmt: skip
        st.caption("Most labels are rare or never seen: a model cannot learn them one by one.")
    with right:
        st.markdown("**Gold labels a document**")
        sizes = pd.DataFrame(
            sorted(numbers.documents_by_gold.items()), columns=["Gold labels", "Documents"]
        )
        chart = (
            alt.Chart(sizes)
            .mark_bar()
            .encode(
                x=alt.X("Gold labels:O", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
                y=alt.Y("Documents:Q", axis=alt.Axis(tickCount=4, format="~s")),
                tooltip=["Gold labels:O", alt.Tooltip("Documents:Q", format=",")],
            )
            .properties(height=190)
        )
        st.altair_chart(chart, alt="Documents by their number of gold labels")


def page_of(rows: Sequence[int], key: str) -> Sequence[int]:
    """The rows of the page chosen below the table's place; says how many there are."""
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = 1
    with st.container(horizontal=True, vertical_alignment="center"):
        page = st.pagination(pages, key=key)
        start = (page - 1) * PAGE_SIZE
        st.caption(
            f"{start + 1:,} to {min(start + PAGE_SIZE, len(rows)):,} of {len(rows):,}"
            if rows
            else "Nothing matches."
        )
    return rows[start : start + PAGE_SIZE]


@st.fragment
def browse_documents(dataset: Dataset) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        query = st.text_input(
            "Search documents", key="data_query", type="search", live="300ms", width=420,
            placeholder="An id, or words of the text",
        )  # fmt: skip
        split = st.segmented_control(
            "Split", list(SPLIT_NAMES), format_func=SPLIT_NAMES.__getitem__, key="data_split"
        )
    rows = document_rows(dataset.name, dataset.info.fingerprint, query, split)
    table = st.container()
    documents = [dataset.document_at(row) for row in page_of(rows, "data_documents_page")]
    labels = dataset.labels
    gold_names = [
        [labels.name(row) if (row := labels.row(g)) is not None else g for g in d.gold]
        for d in documents
    ]
    table.dataframe(
        pd.DataFrame(
            {
                "Id": [d.id for d in documents],
                "Text": [one_line(d.text, 500) for d in documents],
                "Gold": [len(d.gold) for d in documents],
                "Gold labels": [
                    one_line("; ".join(f"{g} {n}" for g, n in zip(d.gold, found, strict=True)), 500)
                    for d, found in zip(documents, gold_names, strict=True)
                ],
                "Split": [SPLIT_NAMES[d.split] if d.split else "" for d in documents],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "Id": st.column_config.TextColumn(width="small"),
            "Text": st.column_config.TextColumn(width="large"),
            "Gold": st.column_config.NumberColumn(width="small", help="Number of gold labels"),
            "Gold labels": st.column_config.TextColumn(width="large"),
            "Split": st.column_config.TextColumn(width="small"),
        },
        alt="Documents with their gold labels",
    )


@st.fragment
def browse_labels(dataset: Dataset) -> None:
    query = st.text_input(
        "Search labels", key="data_label_query", type="search", live="300ms", width=420,
        placeholder="A code, or words of the name",
    )  # fmt: skip
    rows = label_rows(dataset.name, dataset.info.fingerprint, query)
    table = st.container()
    found = [dataset.labels[row] for row in page_of(rows, "data_labels_page")]
    columns = {"Id": [x.id for x in found], "Name": [one_line(x.name, 500) for x in found]}
    if any(label.description for label in found):
        columns["Description"] = [one_line(label.description, 500) for label in found]
    table.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content",
        column_config={"Id": st.column_config.TextColumn(width="small")},
        alt="Labels",
    )


entry.through_app()
st.title("Data")
_, import_tab, traces_tab = st.tabs(
    ["Datasets", "Import", "Import traces"], on_change="rerun", key="data_tab", bind="query-params"
)
for tab, form in ((traces_tab, trace_import_form), (import_tab, import_form)):
    if tab.open:
        with tab:
            no = why_not(Role.LEAD)
            if no:
                st.info(no, icon=":material/lock:")
            else:
                form()
        st.stop()
shown = choose_dataset(listing(services.settings()))
name = shown.name
if not (shown.ready or shown.problem):
    fetch_card(shown)
    st.stop()
try:
    dataset = services.dataset(name)
except PhaseLensError as error:
    errors.card(error.what, error.fix)
    st.stop()
numbers = summary_of(name, dataset.info.fingerprint)

if not shown.builtin:
    added_card(shown)
counts(dataset.info, numbers)
left, right = st.columns([3, 2])
with left:
    about(dataset.info)
with right, st.container(border=True, height="stretch"):
    index_card(dataset.info)
charts(dataset, numbers)

documents_tab, labels_tab = st.tabs(
    [f"Documents ({len(dataset):,})", f"Labels ({len(dataset.labels):,})"], on_change="rerun"
)
if documents_tab.open:
    with documents_tab:
        browse_documents(dataset)
if labels_tab.open:
    with labels_tab:
        browse_labels(dataset)
