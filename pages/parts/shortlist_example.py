"""One example: its shortlist beside exact search and the other methods, and what became of gold."""

import pandas as pd
import streamlit as st

from core.datasets.base import Document
from core.events import Failed
from core.live.questions import About, Question
from core.shortlist.compared import Compared, rank_by_rank
from core.shortlist.manifest import status
from core.shortlist.neighbourhood import Neighbourhood
from core.shortlist.slices import RetrievalFate, fate_at_retrieval
from core.traces.inert import one_line
from db.traces import latest_of_document
from pages.parts import errors, services
from pages.parts.address import draw_again
from pages.parts.shortlist_around import around
from pages.parts.shortlist_choice import PICKED, Choice
from pages.parts.shortlist_flags import shortlist_flag_bar
from pages.parts.shortlist_table import table_height
from pages.parts.shortlist_words import FATES, METHODS, SIGNS, terms

PATIENCE_S = 1.0
POLL_S = 0.5
BESIDE, METHODS_BESIDE = "HNSW beside exact", "Methods side by side"
GOLD_MARK = "★ "
HEIGHT = 430


def example(dataset: str, document: Document, choice: Choice) -> None:
    """Asks the worker and draws; while it loads, says so and draws when it is there."""
    if not document.text.strip():
        st.caption("Type a text: its shortlist appears here, without a language model.")
        return
    index = status(services.settings(), dataset)
    if index.state not in ("ready", "partial"):
        return  # the notice above says so
    known = index.manifest.fingerprint if index.manifest else str(index.encoded)

    def question(about: About) -> Question:
        return Question(about, dataset, document, choice.k, choice.ef, choice.method, known)

    worker = services.live_worker()
    answer = worker.ask(question(About.SHORTLISTS), PATIENCE_S)
    if answer is None:
        st.fragment(_wait, run_every=POLL_S)(question(About.SHORTLISTS))
        return
    if isinstance(answer, Failed):
        errors.card(answer.what, answer.fix)
        return
    assert isinstance(answer, Compared)
    _summary(answer, choice)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _tables(answer)
    with right:
        _gold(answer, choice)
        _flag(dataset, document, answer, choice)
    found = worker.ask(question(About.NEIGHBOURHOOD), PATIENCE_S)
    if found is None:
        st.fragment(_wait, run_every=POLL_S)(question(About.NEIGHBOURHOOD))
    elif isinstance(found, Failed):
        errors.card(found.what, found.fix)
    else:
        assert isinstance(found, Neighbourhood)
        around(answer, found, index.manifest)


def _wait(question: Question) -> None:
    with errors.kept():
        if services.live_worker().answered(question):
            draw_again()
        st.info("Loading the encoder and the index ...", icon=":material/hourglass_top:")


def _summary(answer: Compared, choice: Choice) -> None:
    found = answer.found
    gold = set(answer.document.gold)
    parts = []
    if gold:
        hits = len(gold & {row.label_id for row in found.rows})
        parts.append(f"**{hits} of {len(gold)}** gold labels in the first {found.k}")
    if found.method != "lexical":
        how = f"HNSW (ef {found.ef})" if found.ef else "the search"
        same = round(answer.overlap * len(answer.exact.rows))
        parts.append(f"{how} has **{same} of {len(answer.exact.rows)}** of exact search's labels")
    over = f"{found.searched:,}" + (f" of {found.labels:,}" if found.partial else "")
    parts.append(
        f"{METHODS[found.method].lower()} search of {over} labels in "
        f"**{found.ms_search:.1f} ms**, text embedded in {found.ms_encode:.0f} ms"
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(" · ".join(parts), width="content")
        terms()


def _tables(answer: Compared) -> None:
    view = st.segmented_control(
        "Compare", [BESIDE, METHODS_BESIDE], default=BESIDE, required=True,
        key="shortlist_compare", persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    if view == METHODS_BESIDE:
        _methods_table(answer)
    else:
        _pairs_table(answer)


def _pairs_table(answer: Compared) -> None:
    gold = set(answer.document.gold)
    pairs = rank_by_rank(answer.found.rows, answer.exact.rows)
    marks, ids = [], []
    for pair in pairs:
        words = []
        if pair.found is not None and pair.moved is None:
            words.append("not in exact's list")
        elif pair.found is not None and pair.moved != pair.rank:
            words.append(f"exact: {pair.moved}")
        if pair.lost:
            words.append("✕ lost")
        marks.append("=" if pair.same else " · ".join(words))
        ids.append(((pair.found or pair.exact).label_id, pair.exact.label_id if pair.exact else ""))  # type: ignore[union-attr]
    frame = pd.DataFrame(
        {
            "rank": [pair.rank for pair in pairs],
            "found": [_label(pair.found, gold) for pair in pairs],
            "mark": marks,
            "exact": [_label(pair.exact, gold) for pair in pairs],
            "cosine": [pair.found.cosine if pair.found else None for pair in pairs],
            "source": [pair.found.source if pair.found else "" for pair in pairs],
        }
    )
    name = METHODS[answer.method]
    _table(
        frame,
        {
            "rank": st.column_config.NumberColumn("Rank", width=42),
            "found": st.column_config.TextColumn(
                "As searched" if answer.method == "lexical" else f"{name}, by HNSW", width=265,
                help="★: gold. What a run gets.",
            ),
            "mark": st.column_config.TextColumn(
                "Same?", width=86,
                help="=: both lists have the same label here. exact: N, where exact search has "
                "the left label. ✕ lost: the right label is missing from the left list.",
            ),
            "exact": st.column_config.TextColumn(
                "By exact search", width=265, help="The same method, comparing every vector."
            ),
            "cosine": st.column_config.NumberColumn(
                "Cosine", format="%.3f", width=56,
                help="Between the left label's vector and the text's, -1 to 1; higher is closer.",
            ),
            "source": st.column_config.TextColumn(
                "Found by", width=92, help="hnsw or exact: by its vector; lexical: by its words."
            ),
        },
        ids,
        "Shortlist rank by rank: HNSW beside exact search",
        "pairs",
    )  # fmt: skip
    lost = sum(pair.lost for pair in pairs)
    swapped = sum(not p.same and not p.lost for p in pairs)
    if answer.method == "lexical":
        st.caption("Words are always searched exactly, so both lists are the same.")
    elif not lost and not swapped:
        st.caption("HNSW gave exactly what exact search gives, in the same order.")
    else:
        st.caption(f"HNSW lost {lost} of exact search's labels; {swapped} more ranks differ.")


def _methods_table(answer: Compared) -> None:
    gold = set(answer.document.gold)
    lists = {name: answer.others[name].rows for name in METHODS if name in answer.others}
    size = max(len(rows) for rows in lists.values())
    columns = {
        name: [_label(rows[at] if at < len(rows) else None, gold) for at in range(size)]
        for name, rows in lists.items()
    }
    ids = [tuple(rows[at].label_id if at < len(rows) else "" for rows in lists.values())
           for at in range(size)]  # fmt: skip
    config: dict[str, object] = {"rank": st.column_config.NumberColumn("Rank", width=42)}
    for name in columns:
        config[name] = st.column_config.TextColumn(_method_title(answer, name), width=200)
    frame = pd.DataFrame({"rank": range(1, size + 1), **columns})
    _table(frame, config, ids, "The first labels of every method, side by side", "methods")
    times = [f"{METHODS[name]} {answer.others[name].ms_search:.1f} ms" for name in lists]
    st.caption(f"★: gold. Search times: {' · '.join(times)}.")


def _method_title(answer: Compared, name: str) -> str:
    gold = set(answer.document.gold)
    if not gold:
        return METHODS[name]
    hits = len(gold & {row.label_id for row in answer.others[name].rows})
    return f"{METHODS[name]}: {hits} of {len(gold)} gold"


def _table(
    frame: pd.DataFrame,
    config: dict[str, object],
    ids: list[tuple[str, ...]],
    words: str,
    name: str,
) -> None:
    """A table in which a click picks the label of its cell (or the row's first)."""
    key = f"shortlist_table_{name}"

    def picked() -> None:
        cells = st.session_state[key].selection.cells
        if cells and cells[0][0] < len(ids):
            row, column = cells[0]
            at = 1 if name == "pairs" and column == "exact" else 0
            if name == "methods" and column in frame.columns[1:]:
                at = list(frame.columns[1:]).index(column)
            st.session_state[PICKED] = ids[row][at]

    st.dataframe(
        frame, hide_index=True, height=min(HEIGHT, table_height(len(frame))), key=key,
        column_config=config, on_select=picked, selection_mode="single-cell", placeholder="",
        alt=words,
    )  # fmt: skip


def _label(row: object, gold: set[str]) -> str:
    if row is None:
        return ""
    mark = GOLD_MARK if row.label_id in gold else ""  # type: ignore[attr-defined]
    return f"{mark}{one_line(row.label_id)} {one_line(row.name, 300)}"  # type: ignore[attr-defined]


def _gold(answer: Compared, choice: Choice) -> None:
    st.markdown("**Gold labels: what became of each at retrieval**")
    ranks = answer.gold[answer.method]
    if not ranks:
        st.caption("This text has no gold labels.")
        return
    place = {row.label_id: row.rank for row in answer.found.rows}
    fates = [
        fate_at_retrieval(g.in_vocabulary, place.get(g.label_id), g.exact_rank, choice.k, choice.n)
        for g in ranks
    ]
    frame = pd.DataFrame(
        {
            "name": [f"{one_line(g.label_id)} {one_line(g.name, 300)}" for g in ranks],
            "fate": [f"{SIGNS[fate.value]} {fate.value}" for fate in fates],
            "rank": pd.array([place.get(g.label_id) for g in ranks], dtype="Int64"),
            **{
                name: pd.array([g.exact_rank for g in answer.gold[name]], dtype="Int64")
                for name in METHODS
            },
        }
    )
    key = "shortlist_gold"

    def picked() -> None:
        cells = st.session_state[key].selection.cells
        if cells and cells[0][0] < len(ranks):
            st.session_state[PICKED] = ranks[cells[0][0]].label_id

    number = st.column_config.NumberColumn
    st.dataframe(
        frame, hide_index=True, height=min(250, table_height(len(frame))), key=key,
        on_select=picked, selection_mode="single-cell", placeholder="",
        column_config={
            "fate": st.column_config.TextColumn("Fate", width=104, help="\n\n".join(
                f"{name}: {words}" for name, words in FATES.items())),
            "rank": number("Rank", width=44, help="In this shortlist; empty: not in it."),
            **{name: number(METHODS[name], width=58, format="localized",
                            help="Its rank by this method with exact search, also beyond k.")
               for name in METHODS},
            "name": st.column_config.TextColumn("Gold label", width=130),
        },
        alt="Gold labels: fate at retrieval and exact rank by every method",
    )  # fmt: skip
    for fate in dict.fromkeys(fates):
        if fate is not RetrievalFate.SHOWN:
            st.caption(f"{SIGNS[fate.value]} **{fate.value}**: {FATES[fate.value]}")


def _flag(dataset: str, document: Document, answer: Compared, choice: Choice) -> None:
    """The flag bar of the shortlist as it is on the screen; a trace has its own."""
    with errors.kept():
        shortlist_flag_bar(dataset, document, answer.found, choice.n)
        with services.store().read() as session:
            trace = latest_of_document(session, dataset, document.id)
        if trace is not None:
            st.page_link(
                "pages/traces.py", icon=":material/subject:",
                label="This document's latest trace, which has flags of its own",
                query_params={"trace": trace},
            )  # fmt: skip
