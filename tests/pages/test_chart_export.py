"""Charts become pictures on this machine, with their data inside and no fetch."""

import re

import altair as alt
import numpy as np
import pandas as pd
import pytest

from core.traces.base import BoundarySource, CurvePoint, Curves
from pages.parts.chart_export import Chart, png, svg
from pages.parts.curves_chart import curves_plot
from pages.parts.mechanism_charts import grid_chart, written_chart, written_frame

CURVES = Curves((CurvePoint(0.5, 0.6, 0.4), CurvePoint(1.0, 0.8, 0.3)), (), "gold")


def charts() -> dict[str, Chart]:
    grid = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    written = written_frame({"saved": (CURVES, 10), "patched": (CURVES, 8)})
    return {
        "grid": grid_chart(grid, "CoarseScore", [(1, 2)]),
        "curves": curves_plot(CURVES, 0.45, BoundarySource.GRAMMAR),
        "written": written_chart(written, ["saved", "patched"]),
    }


@pytest.mark.parametrize("name", ["grid", "curves", "written"])
def test_a_chart_is_saved_as_png_and_svg(name: str) -> None:
    chart = charts()[name]
    assert png(chart).startswith(b"\x89PNG\r\n")
    drawn = svg(chart).decode()
    assert drawn.startswith("<svg")
    assert "cosine" in drawn or "CoarseScore" in drawn


def test_a_picture_is_dark_on_white_and_marks_the_chosen_head() -> None:
    drawn = svg(charts()["grid"]).decode()
    assert 'fill="white"' in drawn
    assert len(re.findall(r'stroke="#1a2130"[^>]*stroke-width="2.5"', drawn)) == 1


def test_a_chart_that_would_fetch_something_is_refused() -> None:
    far = alt.Chart(alt.UrlData(url="http://127.0.0.1:9/data.json")).mark_point()
    with pytest.raises(ValueError, match=r"(?i)access|denied|not allowed|127.0.0.1"):
        svg(far)


def test_text_in_a_chart_is_text_and_nothing_else() -> None:
    frame = pd.DataFrame({"x": ["<script>alert(1)</script>"], "y": [1]})
    drawn = svg(alt.Chart(frame).mark_bar().encode(x="x:N", y="y:Q")).decode()
    assert "<script" not in drawn
