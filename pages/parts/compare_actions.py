"""Below the traces of a comparison: each opened whole, and flagged."""

from collections.abc import Sequence

import streamlit as st

from core.traces.inert import both_ends
from pages.parts.flag_bar import flag_bar
from pages.parts.in_rows import in_rows


def trace_actions(traces: Sequence[tuple[str, str | None]]) -> None:
    """`traces`: title and id of each; None for one that is still being written, whose place is
    kept."""
    for column, (title, trace) in in_rows(traces):
        if trace is None:
            continue
        with column:
            st.page_link(
                "pages/traces.py", label=f"Whole trace of {both_ends(title, 40)}",
                icon=":material/receipt_long:", query_params={"trace": trace},
            )  # fmt: skip
            flag_bar(trace)
