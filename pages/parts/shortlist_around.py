"""What lies around an example: near misses, the map, and k, ef and method against recall."""

import altair as alt
import pandas as pd
import streamlit as st

from core.shortlist.compared import Compared
from core.shortlist.neighbourhood import (
    BOTH,
    DOCUMENT,
    GOLD,
    KINDS,
    NEAR_MISS,
    SHORTLIST,
    GoldNeighbours,
    Neighbourhood,
)
from core.traces.base import NearMiss
from core.traces.inert import one_line
from pages.parts.shortlist_choice import PICKED
from pages.parts.shortlist_table import table_height
from pages.parts.shortlist_words import EF_HELP, METHODS

LOOKS = {  # colour, shape and size, so that colour is never needed alone
    DOCUMENT: ("#c2570c", "diamond", 260),
    BOTH: ("#16867a", "square", 150),
    GOLD: ("#c0392b", "cross", 190),
    SHORTLIST: ("#4b8df0", "circle", 60),
    NEAR_MISS: ("#8a94a6", "triangle-up", 70),
}
MAP, HEIGHT = "shortlist_map", 420
EMPTY: tuple[NearMiss, ...] = ()


def around(answer: Compared, found: Neighbourhood, index_curve: pd.DataFrame) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _map(found)
    with right:
        _near(answer, found)
    st.markdown("**k, ef and method against recall and time**")
    first, second, third = st.columns(3, border=True)
    with first:
        _by_k(answer)
    with second:
        _by_ef(found, answer)
    with third:
        _index_curve(index_curve)


def _map(found: Neighbourhood) -> None:
    picked = st.session_state.get(PICKED, "")
    frame = pd.DataFrame(
        {
            "id": [p.label_id for p in found.points],
            "label": [one_line(f"{p.label_id} {p.name}".strip(), 160) for p in found.points],
            "kind": [p.kind for p in found.points],
            "x": [p.x for p in found.points],
            "y": [p.y for p in found.points],
            "cosine": [p.cosine for p in found.points],
            "rank": ["" if p.rank is None else str(p.rank) for p in found.points],
            "picked": [bool(picked) and p.label_id == picked for p in found.points],
        }
    )
    frame = frame.sort_values("kind", key=lambda kinds: kinds.map(DRAWN.index), kind="stable")
    kinds = [kind for kind in KINDS if (frame["kind"] == kind).any()]
    scale = {"domain": kinds}
    legend = alt.Legend(orient="top", title=None, symbolSize=90, columns=5)
    pick = alt.selection_point(name="pick", fields=["id"], toggle=False, empty=True)
    chart = (
        alt.Chart(frame)
        .mark_point(filled=True, opacity=0.9, stroke=None)
        .encode(
            x=alt.X("x:Q", title=None, axis=alt.Axis(labels=False, ticks=False)),
            y=alt.Y("y:Q", title=None, axis=alt.Axis(labels=False, ticks=False)),
            color=alt.Color(
                "kind:N", legend=legend,
                scale=alt.Scale(**scale, range=[LOOKS[kind][0] for kind in kinds]),
            ),
            shape=alt.Shape(
                "kind:N", legend=legend,
                scale=alt.Scale(**scale, range=[LOOKS[kind][1] for kind in kinds]),
            ),
            size=alt.condition(
                "datum.picked", alt.value(420),
                alt.Size("kind:N", legend=None,
                         scale=alt.Scale(**scale, range=[LOOKS[kind][2] for kind in kinds])),
            ),
            tooltip=[
                alt.Tooltip("label:N", title="Label"),
                alt.Tooltip("kind:N", title="Is"),
                alt.Tooltip("rank:N", title="Rank"),
                alt.Tooltip("cosine:Q", title="Cosine to the text", format=".3f"),
            ],
        )
        .properties(height=HEIGHT)
        .add_params(pick)
    )  # fmt: skip
    st.markdown(f"**Map of the neighbourhood**, {found.explained:.0%} of the variance shown")
    st.altair_chart(
        chart, key=MAP, on_select=_picked_on_map,
        alt="Map of the text, its gold labels, its shortlist and near misses",
    )  # fmt: skip
    _picked_line(found, str(picked))
    st.caption(
        "The two directions in which these vectors differ most (principal components). What it "
        "does not show may still lie far apart: the cosine in the tooltip is the true measure.",
    )


DRAWN = (NEAR_MISS, SHORTLIST, BOTH, GOLD, DOCUMENT)  # the last on top


def _picked_on_map() -> None:
    chosen = st.session_state[MAP].selection.get("pick", [])
    if chosen and chosen[0].get("id"):
        st.session_state[PICKED] = str(chosen[0]["id"])
    else:
        st.session_state.pop(PICKED, None)


def _picked_line(found: Neighbourhood, picked: str) -> None:
    point = next((p for p in found.points if p.label_id == picked and picked), None)
    if point is None:
        st.text("Click a point, or a label in a table, to see it here.")
        return
    rank = f"rank {point.rank}" if point.rank else "not in the shortlist"
    st.text(f"▸ {one_line(point.label_id)} {one_line(point.name, 300)} · {point.kind} · {rank} · "
            f"cosine {point.cosine:.3f}")  # fmt: skip


def _near(answer: Compared, found: Neighbourhood) -> None:
    st.markdown("**Near misses of a gold label**")
    if not found.gold:
        st.caption("Near misses are sought of gold labels; this text has none that are indexed.")
        return
    by_id = {each.label_id: each for each in found.gold}
    picked = st.session_state.get(PICKED)
    if picked in by_id:
        st.session_state["shortlist_near_of"] = picked
    if st.session_state.get("shortlist_near_of") not in by_id:
        st.session_state["shortlist_near_of"] = found.gold[0].label_id
    chosen = st.selectbox(
        "Gold label", list(by_id), key="shortlist_near_of", label_visibility="collapsed",
        format_func=lambda i: f"{one_line(i)} {one_line(by_id[i].name, 200)}",
    )  # fmt: skip
    _near_tables(by_id[str(chosen)], answer)


def _near_tables(gold: GoldNeighbours, answer: Compared) -> None:
    ranks = {row.label_id: row.rank for row in answer.found.rows}
    for title, misses in (
        ("Nearest labels that are not gold", gold.near),
        ("Siblings: labels under the same parent", gold.siblings),
    ):
        if not misses:
            continue
        st.caption(title)
        st.dataframe(
            pd.DataFrame(
                {
                    "cosine": [m.cosine for m in misses],
                    "rank": pd.array([ranks.get(m.label_id) for m in misses], dtype="Int64"),
                    "name": [f"{one_line(m.label_id)} {one_line(m.name, 300)}" for m in misses],
                }
            ),
            hide_index=True, height=table_height(len(misses)), placeholder="",
            column_config={
                "cosine": st.column_config.NumberColumn(
                    "Cosine", format="%.3f", width=58,
                    help="Between this label and the gold one; higher is closer."),
                "rank": st.column_config.NumberColumn(
                    "Rank", width=46, help="In this shortlist; empty: not in it."),
                "name": st.column_config.TextColumn("Label", width=360),
            },
            alt=title,
        )  # fmt: skip


def _by_k(answer: Compared) -> None:
    st.markdown("Gold labels found within k, this text")
    gold = len(answer.document.gold)
    if not gold:
        st.caption("This text has no gold labels.")
        return
    most = max(answer.found.k, 100)
    rows = []
    for name in METHODS:
        ranks = sorted(g.exact_rank for g in answer.gold[name] if g.exact_rank)
        steps = [(1, sum(r <= 1 for r in ranks))]
        steps += [(r, at) for at, r in enumerate(ranks, start=1) if r <= most]
        steps += [(most, sum(r <= most for r in ranks))]
        rows += [(METHODS[name], k, count / gold) for k, count in steps]
    frame = pd.DataFrame(rows, columns=["Method", "k", "Recall"])
    st.altair_chart(
        alt.Chart(frame).mark_line(interpolate="step-after", strokeWidth=2.5).encode(
            x=alt.X("k:Q", scale=alt.Scale(type="log", domain=[1, most], nice=False),
                    axis=alt.Axis(values=[1, 2, 5, 10, 20, 50, 100])),
            y=alt.Y("Recall:Q", title="Share of gold", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "Method:N", sort=None, legend=alt.Legend(orient="top", title=None, columns=3)
            ),
            strokeDash=alt.StrokeDash("Method:N", sort=None, legend=None),
            tooltip=["Method:N", "k:Q", alt.Tooltip("Recall:Q", format=".2f")],
        ).properties(height=230),
        alt="Share of this text's gold labels within k, by method, with exact search",
    )  # fmt: skip
    st.caption("By exact ranks: what each method would give at any k.")


def _by_ef(found: Neighbourhood, answer: Compared) -> None:
    st.markdown("ef against exact search, this text", help=EF_HELP)
    if not found.sweep:
        st.caption(
            "HNSW is not asked here: words are searched exactly, and so is an index that is "
            "not complete or a k that is a large part of all labels."
        )
        return
    frame = pd.DataFrame(
        [(p.ef, p.overlap, p.ms) for p in found.sweep], columns=["ef", "Found", "ms"]
    )
    _ef_chart(frame, "Found", "Share of exact's first k",
              "Share of exact search's labels that HNSW finds, and its time, by ef")  # fmt: skip
    times = ", ".join(f"{p.ms:.1f}" for p in found.sweep)
    st.caption(f"k {answer.found.k}. Search times at these ef: {times} ms (median of 3).")


def _index_curve(curve: pd.DataFrame) -> None:
    st.markdown("ef against exact search, as measured for the index", help=EF_HELP)
    if curve.empty:
        st.caption("The index's build did not record this curve; rebuild it to have one.")
        return
    frame = curve.rename(columns={"recall": "Found", "p50_ms": "ms"})
    _ef_chart(frame, "Found", "Mean share of exact's first 50",
              "Mean share of exact search's labels that HNSW finds, by ef")  # fmt: skip
    first, last = frame.iloc[0], frame.iloc[-1]
    st.caption(f"Over training documents. One search takes {first['ms']:.2f} ms at ef "
               f"{first['ef']:.0f} and {last['ms']:.2f} ms at ef {last['ef']:.0f}.")  # fmt: skip


def _ef_chart(frame: pd.DataFrame, y: str, title: str, words: str) -> None:
    low = min(0.9, float(frame[y].min()))
    base = alt.Chart(frame).encode(
        x=alt.X("ef:Q", scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(values=frame["ef"].tolist(), labelOverlap=True, format="d")),
        y=alt.Y(f"{y}:Q", title=title, scale=alt.Scale(domain=[low, 1])),
        tooltip=["ef:Q", alt.Tooltip(f"{y}:Q", format=".4f"),
                 alt.Tooltip("ms:Q", title="ms a search", format=".2f")],
    )  # fmt: skip
    st.altair_chart(
        (base.mark_line(strokeWidth=2.5) + base.mark_point(size=60, filled=True)).properties(
            height=230
        ),
        alt=words,
    )
