"""The charts of the Mechanism page, made of values that came from the worker."""

import altair as alt
import numpy as np
import pandas as pd

from core.mechanism.request import Direction
from core.mechanism.results import Grid, Patched
from core.traces.base import Curves

CELLS = "heads"  # the selection's name
GREY = "#8a94a6"
# Low, middle, high; orange to blue stays apart for colour-blind readers. The middle is near the
# page's own background, so that only heads that stand out are bright.
_RANGES = {"light": ["#b34700", "#eef1f5", "#1a56b0"], "dark": ["#ff9e57", "#252d39", "#6aa8ff"]}
_TEXT = {"light": "#1a2130", "dark": "#ffffff"}
_NAMES = {"clean": "clean", "corrupted": "corrupted", "patched": "patched"}


def _shades(theme: str) -> list[str]:
    """Nine colours from low to high, mixed in RGB: Vega's own way round the colour wheel would
    pass through pink."""
    low, middle, high = (
        np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) for color in _RANGES[theme]
    )
    found = []
    for share in np.linspace(-1, 1, 9):
        end = high if share > 0 else low
        mixed = np.rint(middle + abs(share) * (end - middle)).astype(int)
        found.append("#" + "".join(f"{part:02x}" for part in mixed))
    return found


def grid_frame(grid: Grid) -> pd.DataFrame:
    """Long form: layer, head, value."""
    at = np.indices(grid.shape).reshape(2, -1)
    return pd.DataFrame({"layer": at[0], "head": at[1], "value": grid.flatten().astype(float)})


def grid_chart(
    grid: Grid, name: str, chosen: list[tuple[int, int]], theme: str = "light"
) -> alt.Chart:
    """Layer x head, coloured by a score around 0. A click takes a head in or out.

    The colours end at the 99th percentile of the size of scores, so that one extreme head does not
    make all others look alike.
    """
    frame = grid_frame(grid)
    end = float(np.quantile(np.abs(frame["value"]), 0.99)) or 1.0
    marked = alt.selection_point(
        name=CELLS,
        fields=["layer", "head"],
        toggle="true",
        value=[{"layer": layer, "head": head} for layer, head in chosen],
        empty=False,
    )
    band = alt.Scale(paddingInner=0.14, paddingOuter=0.1)
    heads = grid.shape[1]
    return (
        alt.Chart(frame)
        .mark_rect(cornerRadius=2, cursor="pointer")
        .encode(
            x=alt.X(
                "layer:O", title="Layer", scale=band,
                axis=alt.Axis(labelAngle=0, ticks=False, domain=False, labelOverlap=True),
            ),
            y=alt.Y(
                "head:O", title="Head", scale=band,
                axis=alt.Axis(ticks=False, domain=False, labelOverlap=True),
            ),
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(
                    domain=[-end, end], domainMid=0, range=_shades(theme), clamp=True
                ),
                legend=alt.Legend(title=name, orient="right", gradientLength=150, format=".3~g"),
            ),
            stroke=alt.condition(marked, alt.value(_TEXT[theme]), alt.value("transparent")),
            strokeWidth=alt.condition(marked, alt.value(2.5), alt.value(0)),
            tooltip=[
                alt.Tooltip("layer:O", title="Layer"),
                alt.Tooltip("head:O", title="Head"),
                alt.Tooltip("value:Q", title=name, format=".4g"),
            ],
        )
        .add_params(marked)
        .properties(height=min(max(heads * 26, 180), 600) + 60)
    )  # fmt: skip


def strongest_chart(frame: pd.DataFrame) -> alt.Chart:
    """The tokens that a head looks at most. Columns: token, weight, part."""
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("weight:Q", title="attention weight", scale=alt.Scale(domainMin=0)),
            y=alt.Y(
                "token:N", sort=None, title=None, axis=alt.Axis(labelLimit=180, labelOverlap=False)
            ),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=["document", "rest of the prompt", "trace"]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=[
                alt.Tooltip("token:N", title="Token"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("weight:Q", title="Weight", format=".4f"),
            ],
        )
        .properties(height=max(len(frame), 3) * 21 + 90)
    )


def rank_frame(change: Patched, names: dict[str, str], roles: dict[str, str]) -> pd.DataFrame:
    """A row a label and run: rank from 1, score, and in `run` its place in the story."""
    runs = runs_in_order(change)
    rows = []
    for run, scores in runs.items():
        found = dict(scores.scores)
        for rank, label in enumerate(scores.ranking, 1):
            rows.append((run, label, names.get(label, label), roles[label], rank, found[label]))
    return pd.DataFrame(rows, columns=["run", "label", "name", "role", "rank", "score"])


def runs_in_order(change: Patched) -> dict[str, object]:
    """The run before, the patched run, and the run that the heads came from."""
    if change.direction is Direction.DENOISING:
        return {"corrupted": change.corrupted, "patched": change.patched, "clean": change.clean}
    return {"clean": change.clean, "patched": change.patched, "corrupted": change.corrupted}


def rank_chart(frame: pd.DataFrame, runs: list[str], theme: str = "light") -> alt.LayerChart:
    """Ranks of the labels in the run before, patched, and in the run the heads came from."""
    order = ["right", "near miss", "other"]
    labels = int(frame["rank"].max())
    color = alt.Color(
        "role:N",
        scale=alt.Scale(domain=order, range=[_RANGES[theme][2], _RANGES[theme][0], GREY]),
        legend=alt.Legend(orient="top", title=None, symbolOpacity=1),
    )
    base = alt.Chart(frame).encode(
        x=alt.X(
            "run:N", sort=runs, title=None,
            axis=alt.Axis(labelAngle=0, orient="top", ticks=False, domain=False, labelFontSize=13),
            scale=alt.Scale(padding=0.2),
        ),
        y=alt.Y(
            "rank:Q", title="rank", scale=alt.Scale(domain=[labels + 0.5, 0.5], nice=False),
            axis=alt.Axis(
                values=list(range(1, labels + 1)), format="d", grid=False, labelOverlap=False
            ),
        ),
        color=color,
    )  # fmt: skip
    strong = alt.condition(alt.datum.role == "right", alt.value(3.2), alt.value(1.6))
    lines = base.mark_line(interpolate="monotone").encode(detail="label:N", strokeWidth=strong)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        shape=alt.Shape(
            "role:N", scale=alt.Scale(domain=order, range=["circle", "square", "triangle-up"])
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Label"),
            alt.Tooltip("role:N", title="Role"),
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("rank:Q", title="Rank"),
            alt.Tooltip("score:Q", title="Log-probability", format=".3f"),
        ],
    )
    words = (
        alt.Chart(frame[frame["run"] == runs[-1]])
        .mark_text(align="left", dx=10, fontSize=12, limit=230)
        .encode(x=alt.X("run:N", sort=runs), y="rank:Q", text="name:N", color=color)
    )
    return alt.layer(lines, points, words).properties(
        height=max(200, labels * 25) + 70, padding={"right": 220, "left": 5, "top": 5, "bottom": 5}
    )


def written_frame(curves: dict[str, tuple[Curves, int]]) -> pd.DataFrame:
    """Long form of several texts' curves over the tokens written: text, tokens, cosine, curve.
    `curves`: by text, its curves and how many tokens it has."""
    rows = []
    for text, (curve, tokens) in curves.items():
        for point in curve.points:
            rows.append((text, point.t * tokens, point.focus, "Focus (higher is better)"))
            if point.confusion is not None:
                rows.append(
                    (text, point.t * tokens, point.confusion, "Confusion (lower is better)")
                )
    return pd.DataFrame(rows, columns=["text", "tokens", "cosine", "curve"])


def written_chart(frame: pd.DataFrame, texts: list[str]) -> alt.HConcatChart:
    """Focus and Confusion side by side, a line a text."""
    dashes = [[1, 0], [2, 3], [7, 4]]
    charts = []
    for name in dict.fromkeys(frame["curve"]):
        part = frame[frame["curve"] == name]
        lowest = min(0.0, float(part["cosine"].min()))
        base = alt.Chart(part, title=alt.Title(str(name), fontSize=13, anchor="start")).encode(
            x=alt.X("tokens:Q", title="tokens written"),
            y=alt.Y("cosine:Q", title="cosine", scale=alt.Scale(domain=[lowest, 1])),
            color=alt.Color(
                "text:N", scale=alt.Scale(domain=texts),
                legend=alt.Legend(orient="top", title=None, symbolType="stroke"),
            ),
            strokeDash=alt.StrokeDash(
                "text:N", scale=alt.Scale(domain=texts, range=dashes[: len(texts)]),
                legend=alt.Legend(orient="top", title=None, symbolType="stroke"),
            ),
            tooltip=[
                alt.Tooltip("text:N", title="Text"),
                alt.Tooltip("tokens:Q", title="Tokens", format=".0f"),
                alt.Tooltip("cosine:Q", title="Cosine", format=".3f"),
            ],
        )  # fmt: skip
        charts.append(base.mark_line(strokeWidth=2.4, point=True).properties(height=230, width=330))
    return alt.hconcat(*charts)
