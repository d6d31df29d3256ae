"""A chart to take away: as PNG and SVG, drawn on this machine, on a white page, and its numbers.

Nothing is drawn until a button is pressed. vl-convert has Vega and its fonts inside; it is told to
fetch nothing, so that a chart's text never reaches the network.
"""

from collections.abc import Callable
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

WIDTH = 760  # pixels of a chart that fills its column on the page
PNG_SCALE = 2.0  # twice the pixels, for print and slides
COLORS = ["#1f5fbf", "#c2570c", "#0f766e", "#7c3aed", "#be123c", "#64748b"]
_CONFIG = {
    "background": "white",
    "font": "sans-serif",
    "range": {"category": COLORS},
    "axis": {"labelColor": "#333a46", "titleColor": "#1a2130", "gridColor": "#e4e8ee"},
    "legend": {"labelColor": "#333a46", "titleColor": "#1a2130"},
    "view": {"stroke": "transparent"},
}
Chart = alt.Chart | alt.LayerChart | alt.HConcatChart | alt.FacetChart


def export(chart: Chart, name: str, *, key: str, frame: pd.DataFrame | None = None) -> None:
    """Draws the menu that saves a chart as `name`.png or `name`.svg, and with `frame`, the numbers
    that it shows, as `name`.csv."""
    with st.popover("Save", icon=":material/download:", type="tertiary"):
        numbers = ", or its numbers as a table" if frame is not None else ""
        st.caption(f"The chart as a picture, with dark text on white{numbers}.")
        with st.container(horizontal=True, gap="small"):
            _button(chart, name, "PNG", "image/png", png, key)
            _button(chart, name, "SVG", "image/svg+xml", svg, key)
            if frame is not None:
                st.download_button(
                    "CSV", lambda: frame.to_csv(index=False).encode(), file_name=f"{name}.csv",
                    mime="text/csv", key=f"{key}_csv", on_click="ignore", icon=":material/table:",
                )  # fmt: skip


def _button(
    chart: Chart, name: str, kind: str, mime: str, draw: Callable[[Chart], bytes], key: str
) -> None:
    st.download_button(
        kind,
        lambda: draw(chart),
        file_name=f"{name}.{kind.lower()}",
        mime=mime,
        key=f"{key}_{kind.lower()}",
        on_click="ignore",
        icon=":material/image:" if kind == "PNG" else ":material/polyline:",
    )


def png(chart: Chart) -> bytes:
    """The chart as PNG."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(spec(chart), scale=PNG_SCALE, allowed_base_urls=[]))


def svg(chart: Chart) -> bytes:
    """The chart as SVG, in UTF-8."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec(chart), allowed_base_urls=[])).encode()


def spec(chart: Chart) -> dict[str, Any]:
    """The chart's Vega-Lite with its data inside, in the colours and width of a picture."""
    with alt.data_transformers.enable("default", max_rows=None):
        found: dict[str, Any] = chart.to_dict(context={"pre_transform": False})
    given = found.get("config", {})
    found["config"] = {**_CONFIG, **{k: v for k, v in given.items() if k != "view"}}
    if "hconcat" not in found and not isinstance(found.get("width"), int | float | dict):
        found["width"] = WIDTH
    return found
