"""The layer x head grid of a score, the ranking of heads, and the choice of heads."""

import numpy as np
import pandas as pd
import streamlit as st

from core.live.inside_questions import Inner
from core.mechanism.request import Head
from core.mechanism.results import Grid, random_heads, top_heads
from pages.parts import errors
from pages.parts.chart_export import export
from pages.parts.mechanism_charts import CELLS, grid_chart
from pages.parts.mechanism_choice import GRID, HEAD, HEADS, redraw_grid
from pages.parts.mechanism_words import (
    COARSE,
    REFINE,
    SCORES,
    SHARPNESS,
    WRITE,
    head_name,
    head_of,
    titled,
)

SCORE, COUNT, DRAW = "mech_score", "mech_count", "mech_draw"
STARTED = "mech_grid_started"  # (version, heads that the grid was drawn with)
RANKING_ROWS = 320


def grids_of(inner: Inner) -> dict[str, Grid]:
    """The scores that there are, by name."""
    if inner.analysis is None:
        return {}
    scores = inner.analysis.scores
    found = {COARSE: scores.coarse}
    if scores.refine is not None:
        found[REFINE] = scores.refine
    return found | {SHARPNESS: scores.kurtosis, WRITE: scores.write_cosine}


def grid_section(inner: Inner, trace_id: str) -> list[Head]:
    """Draws grid, ranking and chooser; the heads chosen."""
    st.subheader("Heads", help="Every head of the model, scored on this one text. Click a head on "
                 "the grid to choose it.")  # fmt: skip
    grids = grids_of(inner)
    _clean(inner)
    if not grids:
        errors.card(inner.missing[0], inner.missing[1])
        st.caption("Without scores, heads are chosen by name below; attention and patching work.")
        return chooser(inner, grids)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            if st.session_state.get(SCORE) not in grids:
                st.session_state[SCORE] = COARSE
            name = st.segmented_control(
                "Score", list(grids), key=SCORE, required=True, persist_state="session",
                help=titled({n: f"**{n}.** {words}" for n, words in SCORES.items()}),
            )  # fmt: skip
        _grid(grids[name], name, trace_id)
        if inner.analysis is not None and inner.analysis.scores.refine is None:
            st.caption(f"No RefineScore: {inner.analysis.scores.refine_missing}")
    with right:
        _ranking(grids, name)
    return chooser(inner, grids)


def _grid(grid: Grid, name: str, trace_id: str) -> None:
    version = st.session_state.setdefault(GRID, 0)
    drawn = st.session_state.get(STARTED)
    if drawn is None or drawn[0] != (version, name, trace_id):
        drawn = ((version, name, trace_id), chosen_heads())
        st.session_state[STARTED] = drawn
    key = f"mech_grid_{trace_id}_{name}_{version}"

    def clicked() -> None:
        points = st.session_state[key].selection.get(CELLS) or []
        now = [(int(p["layer"]), int(p["head"])) for p in points]
        fresh = [head for head in now if head not in chosen_heads()]
        st.session_state[HEADS] = [head_name(head) for head in now]
        if fresh:
            st.session_state[HEAD] = head_name(fresh[-1])

    theme = theme_now()
    st.altair_chart(
        grid_chart(grid, name, drawn[1], theme), key=key, on_select=clicked, selection_mode=CELLS,
        alt=f"{name} of every head, layers from left to right, heads from top to bottom",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        export(grid_chart(grid, name, chosen_heads()), f"heads-{name}".lower(), key=f"{key}_save")
        st.caption(
            "One text gives no interval. Colours end at the 99th percentile; point at a head for "
            "its value.",
            width="content",
        )


def theme_now() -> str:
    """ "dark" or "light", as the browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _ranking(grids: dict[str, Grid], by: str) -> None:
    order = top_heads(grids[by], RANKING_ROWS)
    rows = [np.array([grid[head] for head in order], dtype=float) for grid in grids.values()]
    frame = pd.DataFrame(
        {
            "rank": range(1, len(order) + 1),
            "name": [head_name(head) for head in order],
            **dict(zip(grids, rows, strict=True)),
        }
    )
    number = st.column_config.NumberColumn
    st.markdown(f"**Ranking by {by}**")
    st.dataframe(
        frame, hide_index=True, height=318, key=f"mech_ranking_{by}",
        column_config={
            "rank": number("Rank", width=44),
            "name": st.column_config.TextColumn("Head", width=66, help="L: layer. H: head."),
            **{name: number(name, format="%.3g", width=86, help=SCORES[name]) for name in grids},
        },
        alt=f"Heads ranked by {by}",
    )  # fmt: skip


def chosen_heads() -> list[Head]:
    return [head_of(name) for name in st.session_state.get(HEADS, [])]


def _clean(inner: Inner) -> None:
    """Takes heads out that the model does not have: an address may name any."""
    state = st.session_state
    there = [h for h in chosen_heads() if h[0] < inner.layers and h[1] < inner.heads]
    state[HEADS] = [head_name(head) for head in there]


def chooser(inner: Inner, grids: dict[str, Grid]) -> list[Head]:
    """The chosen heads by name, and quick choices."""
    every = [head_name((a, b)) for a in range(inner.layers) for b in range(inner.heads)]
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        names = st.multiselect(
            "Chosen heads", every, key=HEADS, on_change=redraw_grid, persist_state="session",
            placeholder="Click heads on the grid, or type L3 H2",
        )  # fmt: skip
    with right, st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.session_state.setdefault(COUNT, min(5, len(every)))
        count = int(
            st.number_input(
                "How many", 1, len(every), key=COUNT, persist_state="session", width=110
            )
        )
        for name in (COARSE, REFINE):
            if name in grids:
                st.button(
                    f"Top by {name.removesuffix('Score')}", key=f"mech_top_{name}",
                    on_click=_choose, args=(list(top_heads(grids[name], count)),),
                    help=f"The {count} heads of the highest {name}.",
                )  # fmt: skip
        st.button(
            "Random", icon=":material/casino:", key="mech_random", on_click=_draw,
            args=((inner.layers, inner.heads), count),
            help="As many heads by chance, another draw at each press.",
        )  # fmt: skip
        st.button("Clear", key="mech_clear", on_click=_choose, args=([],), disabled=not names)
    return [head_of(name) for name in names]


def _choose(heads: list[Head]) -> None:
    st.session_state[HEADS] = [head_name(head) for head in heads]
    redraw_grid()


def _draw(shape: tuple[int, int], count: int) -> None:
    seed = st.session_state[DRAW] = st.session_state.get(DRAW, -1) + 1
    _choose(list(random_heads(shape, count, seed)))
