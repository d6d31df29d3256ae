"""The documents of a comparison, and the traces of one of them in columns, aligned by phase."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.comparison.runs import Comparison
from core.comparison.standings import LabelRow, Read, Standing, Together, label_rows
from core.live.view import LiveView
from core.traces.base import PhaseKind
from core.traces.blocks import Block, blocks_of
from core.traces.inert import inert_html, markdown_text, one_line
from db.run_documents import document_starts
from db.trace_views import StoredTrace
from db.traces import load_trace
from pages.parts import services
from pages.parts.compare_choice import DIFFER, DOCUMENT
from pages.parts.flag_bar import flag_bar
from pages.parts.trace_view import STYLE, Marks, block_html

TABLE = "cmp_table"
HEIGHT = 330
ROWS: tuple[PhaseKind | None, ...] = (
    PhaseKind.SHORTLISTING, PhaseKind.REASONING, PhaseKind.ANSWER, None,
)  # fmt: skip
_GRID = """<style>
.pl-columns {display: grid; gap: 0.2rem 0.9rem; font-size: 0.9rem; line-height: 1.5;
  align-items: start;}
.pl-columns > .pl-cell {min-width: 0;}
.pl-columns .pl-block {margin-bottom: 0.3rem;}
</style>"""
STANDINGS = {
    Standing.ANSWERED: "✓ answered",
    Standing.KEPT: "kept",
    Standing.DROPPED: "✗ dropped",
    Standing.NAMED: "named",
    Standing.SHOWN: "·",
    Standing.NOT_SHOWN: "not shown",
    Standing.UNNAMED: "not named",
}
TOGETHER = {  # the class of a mention (pages/parts/trace_view.py)
    Together.AGREE: "pl-agree",
    Together.DIFFER: "pl-differ",
    Together.CONTRADICT: "pl-contradict",
}
_KEY = (
    '<div style="font-size: 0.85rem; opacity: 0.85">Labels in the traces: '
    '<span class="pl-agree">all make the same of it</span> · '
    '<span class="pl-differ">some answer it, others do not</span> · '
    '<span class="pl-contradict">some keep it, others drop it</span></div>'
)


def documents_section(found: Comparison) -> None:
    """The table, and below it the document that is open."""
    st.header("Documents", anchor=False)
    differing = found.differing()
    only = st.toggle(
        f"Only where they differ ({len(differing):,} of {len(found.documents):,})",
        key=DIFFER, value=True, persist_state="session",
        help="Documents for which the systems do not all select the same labels.",
    )  # fmt: skip
    shown = differing if only else found.documents
    if shown:
        ids = _table(found, shown)
    else:
        st.caption("All systems select the same labels everywhere.")
        ids = list(found.documents)
    document = st.session_state.get(DOCUMENT)
    if document not in found.documents:
        document = st.session_state[DOCUMENT] = ids[0]
    _open(found, str(document))


def _table(found: Comparison, shown: Sequence[str]) -> list[str]:
    """Those with the largest spread of F1 first; gives their ids in the order of the table."""
    place = {document: at for at, document in enumerate(found.documents)}
    scores = found.scores()[:, [place[d] for d in shown]]
    order = np.argsort(-(scores.max(axis=0) - scores.min(axis=0)), kind="stable")
    ids = [shown[at] for at in order]
    with services.store().read() as session:
        starts = document_starts(session, found.sides[0].run, ids)
    frame = pd.DataFrame(
        {
            "Document": [one_line(d, 60) for d in ids],
            "Text": [one_line(starts.get(d, ""), 120) for d in ids],
            "Gold": [len(set(found.sides[0].records[d].gold)) for d in ids],
            **{f"F1, {side.title}": scores[at, order] for at, side in enumerate(found.sides)},
        }
    )

    def picked() -> None:
        cells = st.session_state[TABLE]["selection"]["cells"]
        if cells:
            st.session_state[DOCUMENT] = ids[int(cells[0][0])]

    config = {
        name: st.column_config.NumberColumn(format="%.2f")
        for name in frame
        if str(name).startswith("F1")
    }
    st.caption("Click a row to open its traces. The largest differences come first.")
    st.dataframe(
        frame, hide_index=True, height=min(HEIGHT, 38 + 35 * len(frame)), key=TABLE,
        column_config=config, on_select=picked, selection_mode="single-cell", placeholder="",
        alt="Documents with the F1 of each system",
    )  # fmt: skip
    return ids


def _open(found: Comparison, document: str) -> None:
    with services.store().read() as session:
        traces = [load_trace(session, side.records[document].trace_id) for side in found.sides]
    titles = [side.title for side in found.sides]
    st.markdown(f"**{markdown_text(one_line(document, 120))}**")
    text = inert_html(one_line(traces[0].document.text, 1200))
    st.html(f'<div style="opacity: 0.8; font-size: 0.92rem">{text}</div>')
    gold = [(g.label_id, g.name or g.label_id) for g in traces[0].gold]
    rows = rows_of(traces, gold)
    if rows:
        st.dataframe(
            labels_frame(titles, rows), hide_index=True,
            alt="What each system made of each label",
        )  # fmt: skip
    st.html(columns_html(titles, traces, rows))
    for column, title, trace in zip(st.columns(len(traces), gap="medium"), titles, traces,
                                    strict=True):  # fmt: skip
        with column:
            st.page_link(
                "pages/traces.py", label=f"Whole trace of {one_line(title, 40)}",
                icon=":material/receipt_long:", query_params={"trace": trace.id},
            )  # fmt: skip
            flag_bar(trace.id)


def rows_of(
    traces: Sequence[StoredTrace | LiveView], gold: Sequence[tuple[str, str]]
) -> list[LabelRow]:
    """What the traces make of each label; none while one of them is still being written."""
    reads, names = [], dict[str, str]()
    for one in traces:
        if one.trace is not None:
            answered = one.prediction.selected if one.prediction else ()
            reads.append(Read(one.trace, one.document.text, one.candidates, answered))
        if one.prediction is not None:
            names |= {ranked.label_id: ranked.name for ranked in one.prediction.ranking}
    return label_rows(reads, gold, names) if len(reads) == len(traces) else []


def labels_frame(titles: Sequence[str], rows: Sequence[LabelRow]) -> pd.DataFrame:
    """One label a row: gold or not, what each system made of it, and whether they contradict."""
    frame = pd.DataFrame(
        {
            "Gold": ["★ gold" if row.gold else "" for row in rows],
            "Label": [one_line(row.name, 120) for row in rows],
        }
    )
    for at, title in enumerate(titles):
        frame[title] = [STANDINGS[row.standings[at]] for row in rows]
    frame["Together"] = [row.together.value for row in rows]
    return frame


def columns_html(
    titles: Sequence[str],
    traces: Sequence[StoredTrace | LiveView],
    rows: Sequence[LabelRow] = (),
) -> str:
    """Traces in columns; each phase begins at the same height in all that have it, and a trace
    without phases stands beside them as a whole. `rows`: mentions are marked by whether the traces
    agree about their labels."""
    kinds_of = {row.label_id: TOGETHER.get(row.together, "") for row in rows}
    blocks = [_blocks(trace) for trace in traces]
    kinds = [kind for kind in ROWS if any(b.kind is kind for some in blocks for b in some)]
    count = len(traces)
    parts = [
        STYLE, _GRID, _KEY if any(kinds_of.values()) else "",
        f'<div class="pl-columns" style="grid-template-columns: repeat({count}, minmax(0, 1fr))">',
        *(f'<div class="pl-cell"><strong>{inert_html(title)}</strong></div>' for title in titles),
    ]  # fmt: skip
    for column, (trace, some) in enumerate(zip(traces, blocks, strict=True), start=1):
        if not any(block.kind for block in some):
            place = f"grid-column: {column}; grid-row: 2 / span {max(len(kinds), 1)}"
            inside = "".join(_cell(trace, block, kinds_of) for block in some)
            parts.append(f'<div class="pl-cell" style="{place}">{inside}</div>')
            continue
        for row, kind in enumerate(kinds, start=2):
            inside = "".join(_cell(trace, b, kinds_of) for b in some if b.kind is kind)
            place = f"grid-column: {column}; grid-row: {row}"
            parts.append(f'<div class="pl-cell" style="{place}">{inside}</div>')
    return "".join([*parts, "</div>"])


def _blocks(trace: StoredTrace | LiveView) -> tuple[Block, ...]:
    if trace.trace is None:
        return ()
    shown = trace.trace.boundary is not None or bool(trace.trace.given)
    return blocks_of(trace.trace.text, trace.trace.phases if shown else ())


def _cell(trace: StoredTrace | LiveView, block: Block, kinds: Mapping[str, str]) -> str:
    if trace.trace is None:
        return ""
    names = {c.label_id: f"{c.number} · {c.name}" for c in trace.candidates}
    marks = Marks(trace.trace.mentions, None, names, None, trace.trace.given, kinds)
    return block_html(trace.trace.text, block, marks)
