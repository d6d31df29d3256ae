"""The shortlist as a table; a click anywhere in a row picks its label."""

from collections.abc import Collection, Mapping

import pandas as pd
import streamlit as st

from core.shortlist.base import Method, Shortlist, ShortlistRow
from core.traces.inert import one_line

GOLD = "★ gold"
SHOWN = "✓"

# The name comes last: it is the longest, and siblings often differ at its end.
_COLUMNS = {
    "rank": st.column_config.NumberColumn("Rank", width=44, help="Place in the shortlist, from 1."),
    "gold": st.column_config.TextColumn(
        "Gold", width=58, help="★ marks a right label: one that the dataset gives this document."
    ),
    "code": st.column_config.TextColumn("Code", width=70),
    "cosine": st.column_config.NumberColumn(
        "Cosine",
        format="%.3f",
        width=58,
        help="How close the label's vector is to the text's, from -1 to 1; higher is closer.",
    ),
    "exact": st.column_config.NumberColumn(
        "Exact",
        width=50,
        help="Its rank when every vector is compared. HNSW looks at a few only: where the two "
        "ranks differ, it skipped a closer label.",
    ),
    "words": st.column_config.NumberColumn(
        "Words",
        width=54,
        help="Its rank by the words it shares with the text (BM25). Empty: words did not find it.",
    ),
    "found": st.column_config.TextColumn(
        "Found by",
        width=76,
        help="Whether vectors, words or both brought it into the shortlist; "
        "family: neither did, but labels of the same family are near.",
    ),
    "shown": st.column_config.TextColumn(
        "Shown", width=60, help="✓: the language model saw this label."
    ),
    "mentions": st.column_config.NumberColumn(
        "Named", width=56, help="How often the trace names it."
    ),
    "name": st.column_config.TextColumn("Label", width=420),
}

NARROW = ("rank", "gold", "shown", "mentions", "name", "code", "cosine", "exact", "words", "found")
_NARROW_COLUMNS = {**_COLUMNS, "name": st.column_config.TextColumn("Label", width=230)}


def shortlist_frame(
    shortlist: Shortlist,
    gold: Collection[str],
    shown: int | Collection[str],
    mentions: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """One row a label, in rank order. `shown`: how many of the first the model saw, or which."""
    rows = shortlist.rows
    dense = shortlist.method == Method.DENSE
    frame = pd.DataFrame(
        {
            "rank": [row.rank for row in rows],
            "gold": [GOLD if row.label_id in gold else "" for row in rows],
            "code": [one_line(row.label_id) for row in rows],
            "cosine": [row.cosine for row in rows],
            "exact": pd.array([row.exact_rank for row in rows], dtype="Int64"),
            "words": pd.array([row.lexical_rank for row in rows], dtype="Int64"),
            "found": [_found_by(row.source) for row in rows],
            "shown": [SHOWN if _saw(shown, row) else "" for row in rows],
        }
    )
    if dense:  # vectors found every row
        frame = frame.drop(columns=["words", "found"])
    if mentions is not None:
        frame["mentions"] = [mentions.get(row.label_id, 0) for row in rows]
    frame["name"] = [one_line(row.name, 300) for row in rows]
    return frame


def _saw(shown: int | Collection[str], row: ShortlistRow) -> bool:
    return row.rank <= shown if isinstance(shown, int) else row.label_id in shown


def _found_by(source: str) -> str:
    if source in ("lexical", "family"):
        return {"lexical": "words"}.get(source, source)
    return "both" if "lexical" in source else "vectors"


def shortlist_table(
    shortlist: Shortlist,
    *,
    gold: Collection[str],
    shown: int | Collection[str],
    mentions: Mapping[str, int] | None = None,
    height: int = 520,
    narrow: bool = False,
    key: str,
) -> str | None:
    """Draws the shortlist and returns the label id of the row clicked, or None. `narrow`: what a
    reader of a trace needs at once; the rest is further right."""
    frame = shortlist_frame(shortlist, gold, shown, mentions)
    picked = st.dataframe(
        frame[[name for name in NARROW if name in frame] if narrow else list(frame)],
        hide_index=True,
        height=min(height, table_height(len(shortlist.rows))),
        column_config=_NARROW_COLUMNS if narrow else _COLUMNS,
        placeholder="",
        on_select="rerun",
        selection_mode="single-cell",
        key=key,
        alt="Shortlist: labels retrieved for this text, best first",
    )
    cells = picked.selection.cells
    if cells and cells[0][0] < len(shortlist.rows):
        return shortlist.rows[cells[0][0]].label_id
    return None


def table_height(rows: int) -> int:
    """Pixels that a table needs to show this many rows."""
    return 37 + 33 * max(1, rows)


def shortlist_caption(shortlist: Shortlist) -> str:
    """How the shortlist was made, in one line of plain words and numbers."""
    vectors = "exact search" if shortlist.ef is None else f"HNSW, ef {shortlist.ef}"
    how = {
        Method.LEXICAL: "words (BM25)",
        Method.FUSION: f"{vectors}, fused with words (BM25)",
        Method.SENTENCES: f"{vectors}, sentence by sentence, fused with words (BM25)",
        Method.TWO_STEP: f"{vectors}, sentence by sentence, fused with words (BM25) and families",
    }.get(Method(shortlist.method), vectors)
    what = "nearest" if shortlist.method == Method.DENSE else "best"
    over = f"{shortlist.searched:,}"
    if shortlist.partial:
        over += f" of {shortlist.labels:,}"
    return (
        f"{len(shortlist.rows)} {what} of {over} labels · {how} · "
        f"embedded in {shortlist.ms_encode:.0f} ms, searched in {shortlist.ms_search:.1f} ms"
    )
