"""The charts of a survey. Methods keep their colour and dash in all of them."""

import altair as alt
import pandas as pd
import streamlit as st

from pages.parts.shortlist_words import COLORS, FATES, METHODS, RECALL_HELP

HEIGHT = 270
_TITLES = list(METHODS.values())


def _titled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(Method=frame["method"].map(METHODS))


def _color(frame: pd.DataFrame) -> alt.Color:
    shown = [title for title in _TITLES if (frame["Method"] == title).any()]
    top = alt.Legend(orient="top", title=None, values=shown, symbolOpacity=1)
    return alt.Color("Method:N", scale=alt.Scale(domain=_TITLES), legend=top)


def _shape() -> alt.Shape:
    marks = ["circle", "square", "triangle-up", "diamond", "cross"][: len(_TITLES)]
    return alt.Shape("Method:N", scale=alt.Scale(domain=_TITLES, range=marks), legend=None)


def _dash() -> alt.StrokeDash:
    dashes = [[1, 0], [2, 2], [6, 3], [8, 3, 2, 3], [4, 4]][: len(_TITLES)]
    return alt.StrokeDash("Method:N", scale=alt.Scale(domain=_TITLES, range=dashes), legend=None)


def recall_curve(frame: pd.DataFrame, k: int) -> None:
    """recall@k with its interval, and a rule at the k chosen."""
    st.markdown("**Recall@k**, 95% intervals", help=RECALL_HELP)
    frame = _titled(frame)
    base = alt.Chart(frame).encode(
        x=alt.X("k:Q", scale=alt.Scale(domain=[1, int(frame["k"].max())], nice=False)),
    )
    band = base.mark_area(opacity=0.18).encode(
        color=_color(frame),
        y=alt.Y("low:Q", title="recall@k", scale=alt.Scale(domain=[0, 1])),
        y2="high:Q",
    )
    line = base.mark_line(strokeWidth=2.2).encode(
        y="recall:Q",
        color=_color(frame),
        strokeDash=_dash(),
        tooltip=_tips("k:Q", "recall"),
    )
    rule = alt.Chart(pd.DataFrame({"k": [k]})).mark_rule(strokeDash=[3, 3], color="#8a94a6")
    st.altair_chart(
        (band + line + rule.encode(x="k:Q")).properties(height=HEIGHT),
        alt="Recall at every k by method, with 95% intervals",
    )
    at = frame[frame["k"] == k]
    st.caption(f"At k = {k}: " + " · ".join(
        f"{m} {r:.3f} ({lo:.3f} to {hi:.3f})"
        for m, r, lo, hi in zip(at["Method"], at["recall"], at["low"], at["high"], strict=True)
    ))  # fmt: skip


def _tips(first: str, value: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("Method:N"), alt.Tooltip(first),
        alt.Tooltip(f"{value}:Q", format=".4f"),
        alt.Tooltip("low:Q", title="from", format=".4f"),
        alt.Tooltip("high:Q", title="to", format=".4f"),
    ]  # fmt: skip


def parts(frame: pd.DataFrame, column: str, title: str, order: list[str], counted: str) -> None:
    """Recall of each part with its interval, a group of marks a part."""
    st.markdown(f"**{title}**, 95% intervals", help=RECALL_HELP)
    frame = _titled(frame)
    counts = frame.groupby(column)[counted].first()
    shown = [part for part in order if part in counts.index]
    names = {part: f"{part} ({counts[part]:,})" for part in shown}
    frame = frame.assign(part=frame[column].map(names))
    base = alt.Chart(frame).encode(
        x=alt.X("part:N", sort=[names[p] for p in shown], axis=alt.Axis(labelAngle=0, title=None)),
        xOffset=alt.XOffset("Method:N", sort=_TITLES),
        color=_color(frame),
    )
    bars = base.mark_rule(strokeWidth=2).encode(
        y=alt.Y("low:Q", title="recall", scale=alt.Scale(domain=[0, 1])), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y="recall:Q", shape=_shape(),
        tooltip=[*_tips("part:N", "recall"), alt.Tooltip(f"{counted}:Q", format=",")],
    )  # fmt: skip
    st.altair_chart((bars + points).properties(height=HEIGHT), alt=f"{title}, by method")
    st.caption(f"In brackets: how many gold {counted}." if counted == "labels"
               else "In brackets: how many documents.")  # fmt: skip


def part_curves(
    frame: pd.DataFrame, column: str, title: str, order: list[str], counted: str, k: int
) -> None:
    """recall@k of each part with its interval, of one method; a rule at the k chosen."""
    st.markdown(f"**Recall@k {title}**, 95% intervals", help=RECALL_HELP)
    counts = frame.groupby(column)[counted].first()
    shown = [part for part in order if part in counts.index]
    names = {part: f"{part} ({counts[part]:,})" for part in shown}
    frame = frame.assign(Part=frame[column].map(names))
    domain = [names[part] for part in shown]
    color = alt.Color(
        "Part:N",
        scale=alt.Scale(domain=domain),
        legend=alt.Legend(orient="top", title=None, symbolOpacity=1),
    )
    dashes = [[1, 0], [2, 2], [6, 3], [8, 3, 2, 3], [4, 4]][: len(domain)]
    base = alt.Chart(frame).encode(
        x=alt.X("k:Q", scale=alt.Scale(domain=[1, int(frame["k"].max())], nice=False)), color=color
    )
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("low:Q", title="recall@k", scale=alt.Scale(domain=[0, 1])), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2.2).encode(
        y="recall:Q",
        strokeDash=alt.StrokeDash(
            "Part:N", scale=alt.Scale(domain=domain, range=dashes), legend=None
        ),
        tooltip=[alt.Tooltip("Part:N"), *_tips("k:Q", "recall")[1:]],
    )
    rule = alt.Chart(pd.DataFrame({"k": [k]})).mark_rule(strokeDash=[3, 3], color="#8a94a6")
    st.altair_chart(
        (band + line + rule.encode(x="k:Q")).properties(height=HEIGHT),
        alt=f"Recall at every k {title}, with 95% intervals",
    )
    st.caption(f"In brackets: how many {'gold labels' if counted == 'labels' else 'documents'}.")


def recall_and_time(frame: pd.DataFrame, k: int, surveys: int) -> None:
    """Recall@k against the time of a search; surveys with other ef join into curves."""
    st.markdown(
        f"**Recall@{k} against search time**, 95% intervals",
        help="A point a method and survey: its recall and the median time of one search by one "
        "thread, without embedding. Surveys of the same documents with another ef add points.",
    )
    frame = _titled(frame).assign(
        shown=lambda f: ["" if pd.isna(e) else f"ef {e}" for e in f["ef"]]
    )
    base = alt.Chart(frame).encode(
        x=alt.X(
            "p50:Q",
            title="ms a search, median",
            scale=alt.Scale(type="log", padding=40, nice=False),
        ),
        color=_color(frame),
    )
    recall = alt.Y("recall:Q", title=f"recall@{k}", scale=alt.Scale(zero=False, padding=10))
    bars = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("low:Q", title=f"recall@{k}"), y2="high:Q"
    )
    tips = [*_tips("ef:N", "recall"), alt.Tooltip("p50:Q", title="ms, median", format=".2f"),
            alt.Tooltip("p95:Q", title="ms, 95%", format=".2f")]  # fmt: skip
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        y=recall, shape=_shape(), tooltip=tips
    )
    lines = base.mark_line(strokeWidth=1.5).encode(y=recall, order="ef:Q")
    words = base.mark_text(dx=8, align="left", fontSize=11).encode(y=recall, text="shown:N")
    st.altair_chart(
        (bars + lines + points + words).properties(height=HEIGHT),
        alt="Recall against the median time of a search, by method and ef",
    )
    if surveys == 1:
        st.caption("One ef so far: a new survey of the same documents with another adds points.")


def fates_bars(frame: pd.DataFrame, k: int, n: int) -> None:
    """What retrieval did to all gold labels, a stacked bar a method."""
    st.markdown(
        f"**Fates at retrieval**, k {k}, n {n}",
        help="\n\n".join(f"{fate}: {words}" for fate, words in FATES.items()),
    )
    frame = _titled(frame[frame["labels"] > 0])
    order = [fate for fate in FATES if (frame["fate"] == fate).any()]
    frame = frame.assign(place=frame["fate"].map(list(FATES).index))
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y("Method:N", sort=_TITLES, title=None),
            x=alt.X("share:Q", title="share of gold labels", axis=alt.Axis(format="%"),
                    scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "fate:N",
                scale=alt.Scale(domain=order, range=[COLORS[fate] for fate in order]),
                legend=alt.Legend(orient="top", title=None, columns=3, labelLimit=180),
            ),
            order="place:O",
            tooltip=["Method:N", alt.Tooltip("fate:N", title="Fate"),
                     alt.Tooltip("labels:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=HEIGHT)
    )  # fmt: skip
    st.altair_chart(chart, alt="Fate of gold labels at retrieval, by method")
    lost = frame[frame["fate"].isin(["index miss"])]
    words = " · ".join(f"{m} {s:.2%}" for m, s in zip(lost["Method"], lost["share"], strict=True))
    st.caption(f"Lost by the index: {words}." if words else "The index lost no gold label.")


def overlap(frame: pd.DataFrame) -> None:
    """HNSW's share of exact search's labels at several k."""
    st.markdown(
        "**HNSW against exact search**, 95% intervals",
        help="The mean share of exact search's first k labels that the search found. Words are "
        "always searched exactly, so the lexical method is not here.",
    )
    if frame.empty:
        st.caption("No method of this survey asks HNSW.")
        return
    frame = _titled(frame)
    low = min(0.95, float(frame["low"].min()))
    base = alt.Chart(frame).encode(
        x=alt.X("k:O", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("Method:N", sort=_TITLES), color=_color(frame),
    )  # fmt: skip
    bars = base.mark_rule(strokeWidth=2).encode(
        y=alt.Y("low:Q", title="share found", scale=alt.Scale(domain=[low, 1])), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y="overlap:Q", shape=_shape(), tooltip=_tips("k:O", "overlap")
    )
    st.altair_chart(
        (bars + points).properties(height=HEIGHT),
        alt="Share of exact search's labels that HNSW found, by k and method",
    )


def times(curve: pd.DataFrame, numbers: pd.DataFrame) -> None:
    """How long searches took: the share that was done within so many milliseconds."""
    st.markdown(
        "**Search time**", help="One search by one thread, without embedding the text. The "
        "share of searches that took at most so many milliseconds.",
    )  # fmt: skip
    curve = _titled(curve)
    st.altair_chart(
        alt.Chart(curve).mark_line(strokeWidth=2.2).encode(
            x=alt.X("ms:Q", title="milliseconds", scale=alt.Scale(type="log", nice=False)),
            y=alt.Y("share:Q", title="share of searches", axis=alt.Axis(format="%")),
            color=_color(curve), strokeDash=_dash(),
            tooltip=["Method:N", alt.Tooltip("share:Q", format=".0%"),
                     alt.Tooltip("ms:Q", format=".2f")],
        ).properties(height=HEIGHT),
        alt="Distribution of search times by method",
    )  # fmt: skip
    st.caption(" · ".join(
        f"{METHODS[m]} p50 {p50:.2f}, p95 {p95:.2f} ms"
        for m, p50, p95 in zip(numbers["method"], numbers["p50"], numbers["p95"], strict=True)
    ))  # fmt: skip
