"""The labels a good trace has to tell apart from the right ones."""

from collections.abc import Collection, Sequence

import pandas as pd
import streamlit as st

from core.traces.base import NearMiss
from core.traces.inert import one_line

_COLUMNS = {
    "code": st.column_config.TextColumn("Code", width=70),
    "cosine": st.column_config.NumberColumn(
        "Cosine", format="%.3f", width=58, help="Between the two labels; higher is closer."
    ),
    "near": st.column_config.TextColumn(
        "Close to", width=72, help="The right label it is close to."
    ),
    "seen": st.column_config.TextColumn(
        "Found", width=56, help="✓: it is in the shortlist as well."
    ),
    "name": st.column_config.TextColumn("Near miss", width=420),
}


def near_misses_table(
    near_misses: Sequence[NearMiss], retrieved: Collection[str], *, key: str
) -> None:
    """Draws the near misses, closest first."""
    if not near_misses:
        st.caption("There are none: no label is both shown or close, and wrong.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "code": [one_line(m.label_id) for m in near_misses],
                "cosine": [m.cosine for m in near_misses],
                "near": [one_line(m.near) for m in near_misses],
                "seen": ["✓" if m.label_id in retrieved else "" for m in near_misses],
                "name": [one_line(m.name, 300) for m in near_misses],
            }
        ),
        hide_index=True,
        column_config=_COLUMNS,
        key=key,
        alt="Near misses: wrong labels close to right ones",
    )
