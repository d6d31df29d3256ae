"""The layer x head grid of a score, the ranking of heads, and the choice of heads."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.live.inside_questions import Inner
from core.mechanism.request import Head
from core.mechanism.results import Grid, random_heads, top_heads
from core.mechanism.run_scores import RunScores, file_of, load_scores
from pages.parts import errors, services
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

SCORE, MEAN, COUNT, DRAW = "mech_score", "mech_mean", "mech_count", "mech_draw"
THIS, ALL = "this", "all"
STARTED = "mech_grid_started"  # (version, heads that the grid was drawn with)
RANKING_ROWS = 320


@dataclass(frozen=True)
class Scored:
    """What is drawn: a grid a score, and around each its interval (low, high) where there is one.
    `texts`: over how many texts the grids are means; 1 = the text on the page."""

    grids: dict[str, Grid]
    intervals: dict[str, tuple[Grid, Grid]] = field(default_factory=dict)
    texts: int = 1


def scored(inner: Inner) -> Scored:
    """The scores of the text on the page."""
    if inner.analysis is None:
        return Scored({})
    scores = inner.analysis.scores
    found = {COARSE: scores.coarse}
    if scores.refine is not None:
        found[REFINE] = scores.refine
    return Scored(found | {SHARPNESS: scores.kurtosis, WRITE: scores.write_cosine})


def averaged(scores: RunScores) -> Scored | None:
    """The means over the texts of a run; None where no score has two texts."""
    grids, intervals = {}, {}
    for name, kind in ((COARSE, "coarse"), (REFINE, "refine")):
        found = scores.interval(kind)
        if found is not None:
            grids[name] = found.value.astype(np.float32)
            intervals[name] = (found.low.astype(np.float32), found.high.astype(np.float32))
    return Scored(grids, intervals, len(scores.trace_ids)) if grids else None


def grid_section(inner: Inner, trace_id: str, run_id: str | None) -> list[Head]:
    """Draws grid, ranking and chooser; the heads chosen."""
    st.header("Heads", help="Every head of the model, by its scores. Click one to choose it.")
    shown, over_run = scored(inner), _of_run(run_id)
    _clean(inner)
    if not shown.grids:
        errors.card(inner.missing[0], inner.missing[1])
        if over_run is None:
            st.caption("Heads are chosen by name below; attention and patching work.")
            return chooser(inner, {})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if over_run is not None and (not shown.grids or _wants_mean(over_run.texts)):
            shown = over_run
        if st.session_state.get(SCORE) not in shown.grids:
            st.session_state[SCORE] = next(iter(shown.grids))
        name = st.segmented_control(
            "Score", list(shown.grids), key=SCORE, required=True, persist_state="session",
            on_change=redraw_grid,
            help=titled({n: f"**{n}.** {words}" for n, words in SCORES.items()}),
        )  # fmt: skip
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _grid(shown, name, trace_id)
        if inner.analysis is not None and inner.analysis.scores.refine is None:
            st.caption(f"No RefineScore: {inner.analysis.scores.refine_missing}")
    with right:
        _ranking(shown, name)
    return chooser(inner, shown.grids)


def _of_run(run_id: str | None) -> Scored | None:
    """The mean over the run's texts, where `phaselens mechanism scores` was run for it."""
    if run_id is None:
        return None
    path = file_of(services.settings(), run_id)
    with errors.kept():
        if path.is_file():
            found = _read(path, path.stat().st_mtime_ns, run_id)
            return averaged(found) if found is not None else None
    return None


@st.cache_data(max_entries=8, show_spinner=False)
def _read(path: Path, written: int, run_id: str) -> RunScores | None:
    return load_scores(services.settings(), run_id)


def _wants_mean(texts: int) -> bool:
    """Draws the choice between this text and all that were scored."""
    st.session_state.setdefault(MEAN, THIS)
    chosen = st.segmented_control(
        "Of", [THIS, ALL], key=MEAN, required=True, persist_state="session",
        on_change=redraw_grid,
        format_func=lambda of: f"Mean of {texts} texts" if of == ALL else "This text",
        help="The mean is over the texts of this trace's run that `phaselens mechanism scores` "
        "has scored, with 95% bootstrap intervals over them.",
    )  # fmt: skip
    return chosen == ALL


def _grid(shown: Scored, name: str, trace_id: str) -> None:
    grid = shown.grids[name]
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
        said = "One text gives no interval" if shown.texts == 1 else f"Mean of {shown.texts} texts"
        st.caption(
            f"{said}. Colours end at the 99th percentile; point at a head for its value.",
            width="content",
        )


def theme_now() -> str:
    """ "dark" or "light", as the browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _ranking(shown: Scored, by: str) -> None:
    frame = ranking_frame(shown, by)
    number = st.column_config.NumberColumn
    config: dict[str, object] = {
        "rank": number("Rank", width=44),
        "name": st.column_config.TextColumn("Head", width=66, help="L: layer. H: head."),
    }
    for name in shown.grids:
        config[name] = number(name, format="%.3g", width=78, help=SCORES[name])
        config[f"{name} interval"] = st.column_config.TextColumn(
            "95% interval", width=104, help="Bootstrap over the texts."
        )
    st.markdown(f"**Ranking by {by}**")
    st.dataframe(
        frame, hide_index=True, height=318, key=f"mech_ranking_{by}_{shown.texts}",
        column_config=config, alt=f"Heads ranked by {by}",
    )  # fmt: skip


def ranking_frame(shown: Scored, by: str) -> pd.DataFrame:
    """A row a head, best first by one score."""
    order = top_heads(shown.grids[by], RANKING_ROWS)
    columns: dict[str, object] = {
        "rank": range(1, len(order) + 1),
        "name": [head_name(head) for head in order],
    }
    for name, grid in shown.grids.items():
        columns[name] = [float(grid[head]) for head in order]
        if name in shown.intervals:
            low, high = shown.intervals[name]
            columns[f"{name} interval"] = [f"{low[h]:.3g} to {high[h]:.3g}" for h in order]
    return pd.DataFrame(columns)


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
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.session_state.setdefault(COUNT, min(5, len(every)))
        count = int(
            st.number_input(
                "How many", 1, len(every), key=COUNT, persist_state="session", width=130
            )
        )  # fmt: skip
        for name in (COARSE, REFINE):
            if name in grids:
                st.button(
                    f"Top {name}", key=f"mech_top_{name}", on_click=_choose,
                    args=(list(top_heads(grids[name], count)),),
                    help=f"Chooses the {count} heads of the highest {name}.",
                )  # fmt: skip
        st.button(
            "Random", icon=":material/casino:", key="mech_random", on_click=_draw,
            args=((inner.layers, inner.heads), count),
            help="Chooses as many heads by chance, another draw at each press.",
        )  # fmt: skip
        st.button(
            "Clear", key="mech_clear", icon=":material/close:", on_click=_choose, args=([],),
            disabled=not st.session_state.get(HEADS),
        )  # fmt: skip
    names = st.multiselect(
        "Chosen heads", every, key=HEADS, on_change=redraw_grid, persist_state="session",
        placeholder="Click heads on the grid, or type L3 H2",
    )  # fmt: skip
    return [head_of(name) for name in names]


def _choose(heads: list[Head]) -> None:
    st.session_state[HEADS] = [head_name(head) for head in heads]
    redraw_grid()


def _draw(shape: tuple[int, int], count: int) -> None:
    seed = st.session_state[DRAW] = st.session_state.get(DRAW, -1) + 1
    _choose(list(random_heads(shape, count, seed)))
