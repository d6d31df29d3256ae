"""Traces of one document in columns, aligned by phase, and what each makes of each label."""

from collections.abc import Mapping, Sequence

import pandas as pd

from core.comparison.standings import LabelRow, Read, Standing, Together, label_rows
from core.live.view import LiveView
from core.traces.base import PhaseKind
from core.traces.blocks import Block, blocks_of
from core.traces.inert import inert_html, one_line
from db.trace_views import StoredTrace
from pages.parts.trace_view import GUIDED, NO_PHASES, STYLE, Marks, block_html

ROWS: tuple[PhaseKind | None, ...] = (
    PhaseKind.SHORTLISTING, PhaseKind.REASONING, PhaseKind.ANSWER, None,
)  # fmt: skip
_GRID = """<style>
.pl-columns {display: grid; gap: 0.2rem 0.9rem; font-size: 0.9rem; line-height: 1.5;
  align-items: start; overflow-x: auto;}
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
        f'<div class="pl-columns" style="grid-template-columns: {columns_of(count)}">',
        *(_head(title, trace) for title, trace in zip(titles, traces, strict=True)),
    ]  # fmt: skip
    for column, (trace, some) in enumerate(zip(traces, blocks, strict=True), start=1):
        if not any(block.kind for block in some):
            place = f"grid-column: {column}; grid-row: 2 / span {max(len(kinds), 1)}"
            inside = "".join(_cell(trace, block, kinds_of) for block in some)
            parts.append(_placed(titles[column - 1], place, inside))
            continue
        for row, kind in enumerate(kinds, start=2):
            inside = "".join(_cell(trace, b, kinds_of) for b in some if b.kind is kind)
            parts.append(
                _placed(titles[column - 1], f"grid-column: {column}; grid-row: {row}", inside)
            )
    return "".join([*parts, "</div>"])


def columns_of(count: int) -> str:
    """Equal columns that scroll sideways rather than grow too narrow to read."""
    return f"repeat({count}, minmax(16rem, 1fr))"


def _head(title: str, trace: StoredTrace | LiveView) -> str:
    """A column's title, with what must be known before the trace is read."""
    note = ""
    if trace.trace is not None:
        if trace.trace.given:
            note = GUIDED
        elif not trace.trace.text.strip():
            note = '<div class="pl-none" role="note">Nothing was written.</div>'
        elif trace.trace.boundary is None:
            note = NO_PHASES
    return f'<div class="pl-cell"><strong>{inert_html(title)}</strong>{note}</div>'


def _placed(title: str, place: str, inside: str) -> str:
    """A part of a trace in the grid, by whose it is to those who do not see the columns."""
    label = inert_html(title)
    return f'<div class="pl-cell" role="group" aria-label="{label}" style="{place}">{inside}</div>'


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
