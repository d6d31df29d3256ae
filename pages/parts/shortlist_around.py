"""What lies around an example: near misses, the map, and k, ef and method against recall."""

import altair as alt
import pandas as pd
import streamlit as st

from core.shortlist.compared import Compared
from core.shortlist.manifest import Manifest
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
from pages.parts.shortlist_ef import HEIGHT as EF_HEIGHT
from pages.parts.shortlist_ef import ef_charts, index_curve
from pages.parts.shortlist_table import table_height
from pages.parts.shortlist_words import EF_HELP, K_HELP, METHODS

LOOKS = {  # colour, shape and size, so that colour is never needed alone
    DOCUMENT: ("#c2570c", "diamond", 260),
    BOTH: ("#16867a", "square", 150),
    GOLD: ("#c0392b", "cross", 190),
    SHORTLIST: ("#4b8df0", "circle", 60),
    NEAR_MISS: ("#8a94a6", "triangle-up", 70),
}
MAP, HEIGHT = "shortlist_map", 420
EMPTY: tuple[NearMiss, ...] = ()


def around(answer: Compared, found: Neighbourhood, manifest: Manifest | None) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _map(found)
    with right:
        _near(answer, found)
    st.markdown("**k, ef and method against recall and time**")
    first, second, third = st.columns(3, border=True)
    with first:
        _by_k(answer, found)
    with second:
        _by_ef(found, answer)
    with third:
        index_curve(manifest)


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
    _miss_table("Nearest labels that are not gold", gold.near, ranks)
    if gold.children:
        _miss_table("Labels under this one, nearest first", gold.children, ranks)
    if gold.siblings:
        _miss_table("Siblings: labels under the same parent", gold.siblings, ranks)
    elif gold.kin:
        st.caption(gold.kin)


def _miss_table(title: str, misses: tuple[NearMiss, ...], ranks: dict[str, int]) -> None:
    if not misses:
        return
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


def _by_k(answer: Compared, found: Neighbourhood) -> None:
    st.markdown("**k**, this text", help=K_HELP)
    most = max(answer.found.k, 100)
    if answer.document.gold:
        _recall_by_k(answer, most)
        st.caption("Gold within k, by exact ranks; below, the median time of a search.")
    else:
        st.caption("This text has no gold labels; the median time of a search at each k:")
    frame = pd.DataFrame(
        [(METHODS[p.method], p.k, p.ms) for p in found.by_k if p.k <= most],
        columns=["Method", "k", "ms"],
    )
    base = alt.Chart(frame).encode(
        x=_log_k(most),
        y=alt.Y("ms:Q", title="ms a search", axis=alt.Axis(tickCount=4, minExtent=38)),
        color=_method_color(legend=not answer.document.gold),
        tooltip=["Method:N", "k:Q", alt.Tooltip("ms:Q", title="ms a search", format=".2f")],
    )  # fmt: skip
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=_method_dash())
    st.altair_chart(
        (lines + base.mark_point(filled=True, size=40)).properties(height=EF_HEIGHT),
        alt="Median time of a search for this text, by method and k",
    )


def _log_k(most: int) -> alt.X:
    return alt.X("k:Q", scale=alt.Scale(type="log", domain=[1, most], nice=False),
                 axis=alt.Axis(values=[1, 2, 5, 10, 20, 50, 100]))  # fmt: skip


def _method_color(*, legend: bool) -> alt.Color:
    top = alt.Legend(orient="top", title=None, columns=3) if legend else None
    return alt.Color("Method:N", scale=alt.Scale(domain=list(METHODS.values())), legend=top)


def _method_dash() -> alt.StrokeDash:
    return alt.StrokeDash("Method:N", scale=alt.Scale(domain=list(METHODS.values())), legend=None)


def _recall_by_k(answer: Compared, most: int) -> None:
    gold, rows = len(answer.document.gold), []
    for name in METHODS:
        ranks = sorted(g.exact_rank for g in answer.gold[name] if g.exact_rank)
        steps = [(1, sum(r <= 1 for r in ranks))]
        steps += [(r, at) for at, r in enumerate(ranks, start=1) if r <= most]
        steps += [(most, sum(r <= most for r in ranks))]
        rows += [(METHODS[name], k, count / gold) for k, count in steps]
    frame = pd.DataFrame(rows, columns=["Method", "k", "Recall"])
    st.altair_chart(
        alt.Chart(frame).mark_line(interpolate="step-after", strokeWidth=2.5).encode(
            x=_log_k(most),
            y=alt.Y("Recall:Q", title="share of gold", scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(tickCount=4, minExtent=38)),
            color=_method_color(legend=True), strokeDash=_method_dash(),
            tooltip=["Method:N", "k:Q", alt.Tooltip("Recall:Q", format=".2f")],
        ).properties(height=EF_HEIGHT + 110),
        alt="Share of this text's gold labels within k, by method, with exact search",
    )  # fmt: skip


def _by_ef(found: Neighbourhood, answer: Compared) -> None:
    st.markdown("**ef**, this text", help=EF_HELP)
    if not found.sweep:
        st.caption(
            "HNSW is not asked here: words are searched exactly, and so is an index that is "
            "not complete or a k that is a large part of all labels."
        )
        return
    frame = pd.DataFrame(
        [(p.ef, p.overlap, p.ms) for p in found.sweep], columns=["ef", "found", "ms"]
    )
    ef_charts(frame, answer.found.ef, f"share of exact's {answer.found.k}",
              "Share of exact search's labels that HNSW finds, by ef")  # fmt: skip
    note = f"k {answer.found.k}, {METHODS[answer.method].lower()}; median of 3 searches."
    if answer.method != "dense":
        note += " Fused lists are 100 labels long or more, so ef is at least that."
    st.caption(note)
