"""What a room sees: big type, nothing that overlaps, nothing cut off. Leaves screenshots."""

from pathlib import Path
from typing import Any

import pytest

from tests.talks.watch import Watch

pytestmark = pytest.mark.browser

SHOTS = (("light", 1280, 720), ("light", 1280, 800), ("dark", 1920, 1080), ("light", 800, 600))


@pytest.mark.parametrize(("scheme", "width", "height"), SHOTS)
def test_nothing_overlaps_and_type_is_big(
    watch: Watch, talk: str, tmp_path: Path, scheme: Any, width: int, height: int
) -> None:
    page = watch.open(talk, width, height, color_scheme=scheme, reduced_motion="reduce")
    for example, stages in ((1, 6), (2, 6), (3, 4)):
        for part in range(1, stages + 1):
            if height in (720, 1080):
                page.screenshot(path=tmp_path / f"{scheme}-{width}-{example}.{part}.png")
            assert page.evaluate(FAULTS_OF_LAYOUT) == []
            page.keyboard.press("ArrowRight")
    page.goto(talk + "#1.4")
    least = 24 if width >= 1280 else 18
    size = page.locator(".panel.reasoning .words").first.evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize)"
    )
    assert size >= least
    watch.check()


# Panels and bars that overlap or leave the window, and texts cut off sideways.
FAULTS_OF_LAYOUT = """() => {
  const faults = []
  const parts = [...document.querySelectorAll(".heading, .timeline, .panel, nav.bar")]
  const boxes = parts.map((e) => [e.className, e.getBoundingClientRect()])
  boxes.forEach(([name, a], at) => {
    if (a.left < -1 || a.top < -1 || a.right > innerWidth + 1 || a.bottom > innerHeight + 1) {
      faults.push(`${name} leaves the window`)
    }
    for (const [other, b] of boxes.slice(at + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left)
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
      if (wide > 1 && high > 1) faults.push(`${name} overlaps ${other}`)
    }
  })
  for (const e of document.querySelectorAll(".body, .heading, nav.bar, .stage, .row, .step")) {
    if (e.scrollWidth > e.clientWidth + 1) faults.push(`${e.className} is cut off sideways`)
  }
  for (const e of document.querySelectorAll(".body")) {
    if (e.scrollHeight > e.clientHeight + 1 && e.tabIndex !== 0) {
      faults.push(`${e.dataset.key} cannot be scrolled by keys`)
    }
    if (e.clientHeight < 60) faults.push(`${e.dataset.key} is too low to read`)
  }
  return faults
}"""
