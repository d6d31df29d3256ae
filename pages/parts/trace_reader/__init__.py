"""A trace read step by step: document with anchors, timeline, outline, phases, functions, mentions.

A small component of our own, drawn in the page without any network. Texts reach the browser as data
and are put there as text, never as HTML.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets.base import Document
from core.traces.base import Mention
from core.traces.functions import MEANINGS
from core.traces.inert import neutralise
from core.traces.reading import Reading

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "phaselens_trace_reader",
    html='<div class="reader"></div>',
    css=(_HERE / "reader.css").read_text(encoding="utf-8"),
    js=(_HERE / "reader.js").read_text(encoding="utf-8"),
)
KEYS = (
    ("J", "next step"), ("K", "step before"), ("N", "next trace"), ("P", "trace before"),
)  # fmt: skip
FLOW, COLUMNS = "flow", "columns"
FAINTEST = 0.45


@dataclass(frozen=True, slots=True)
class LabelShown:
    """What a mention of a label says when pointed at; `wrong`: it is in a contradiction."""

    title: str
    wrong: bool = False


def trace_reader(
    trace_id: str,
    reading: Reading,
    document: Document,
    labels: Mapping[str, LabelShown],
    *,
    view: str,
    color: str,
    step: int,
    label: str | None,
    importance: Sequence[float] | None,
    on_label: Callable[[], None],
    key: str,
) -> int:
    """Draws it, and returns the step that is chosen. `step`: the one chosen at first; `label`: the
    one whose mentions stand out; `importance`: of each step, 0 to 1, where it is known. `on_label`
    finds the label clicked in `st.session_state[key].label`."""
    numbers = {label_id: at for at, label_id in enumerate(labels)}
    shown = [{"id": one, "title": neutralise(said.title), "wrong": said.wrong}
             for one, said in labels.items()]  # fmt: skip
    data: dict[str, Any] = {
        "trace": trace_id,
        "view": view,
        "color": color,
        "step": step,
        "label": numbers.get(label or "", -1),
        "labels": shown,
        "keys": KEYS,
        "has_phases": bool(reading.trace.phases),
        "meanings": {str(name): said for name, said in MEANINGS.items()},
        "outline": [[one.step, neutralise(one.words)] for one in reading.outline()],
        "document": _document(reading, document.text),
        "timeline_words": _timeline_words(reading),
        "steps": _steps(reading, numbers, importance),
    }
    found = _COMPONENT(
        key=key, data=data, default={"step": step}, on_step_change=lambda: None,
        on_label_change=on_label,
    )  # fmt: skip
    chosen = found.get("step") if hasattr(found, "get") else None
    return step if chosen is None else int(chosen)


def _steps(
    reading: Reading, numbers: Mapping[str, int], importance: Sequence[float] | None
) -> list[dict[str, Any]]:
    trace, text = reading.trace, reading.trace.text
    mentions = sorted(trace.mentions, key=lambda m: m.start)
    starts = (0.0, *reading.ends[:-1])
    found, at = [], 0
    for place, step in enumerate(reading.steps):
        while at < len(mentions) and mentions[at].end <= step.start:
            at += 1
        inside = []
        for mention in mentions[at:]:
            if mention.start >= step.end:
                break
            inside.append(mention)
        weight = None if importance is None else importance[place]
        found.append(
            {
                "phase": str(reading.step_phase[place] or "outside"),
                "function": str(step.function),
                "start": round(starts[place], 4),
                "end": round(reading.ends[place], 4),
                "middle": round((starts[place] + reading.ends[place]) / 2, 4),
                "given": any(a <= step.start and step.end <= b for a, b in trace.given),
                "opacity": None if weight is None else FAINTEST + (1 - FAINTEST) * weight,
                "importance": "" if weight is None else f"importance {weight:.2f} of 1",
                "words": _segments(text, step.start, step.end, inside, numbers, reading),
            }
        )
    return found


def _segments(
    text: str,
    start: int,
    end: int,
    mentions: Sequence[Mention],
    numbers: Mapping[str, int],
    reading: Reading,
) -> list[list[Any]]:
    """[text, label number or -1, exact, anchor number or -1] from start to end."""
    end = start + len(text[start:end].rstrip("\n"))
    anchors = [
        (max(a.start, start), min(a.end, end), n)
        for n, a in enumerate(reading.anchors)
        if a.start < end and a.end > start
    ]
    labels = [
        (max(m.start, start), min(m.end, end), numbers.get(m.label_id, -1), m.exact)
        for m in mentions
    ]
    cuts = sorted({start, end, *(x for a, b, *_ in (*anchors, *labels) for x in (a, b))})
    found: list[list[Any]] = []
    for a, b in pairwise(cuts):
        label, exact = next(((n, e) for x, y, n, e in labels if x <= a and b <= y), (-1, True))
        anchor = next((n for x, y, n in anchors if x <= a and b <= y), -1)
        found.append([neutralise(text[a:b]), label, exact, anchor])
    return found


def _document(reading: Reading, text: str) -> list[list[Any]]:
    """[text, anchor number or -1]; of overlapping anchors the first stands."""
    found: list[list[Any]] = []
    at = 0
    numbered = sorted(enumerate(reading.anchors), key=lambda one: one[1].document_start)
    for number, anchor in numbered:
        if anchor.document_start < at:
            continue
        if anchor.document_start > at:
            found.append([neutralise(text[at : anchor.document_start]), -1])
        found.append([neutralise(text[anchor.document_start : anchor.document_end]), number])
        at = anchor.document_end
    found.append([neutralise(text[at:]), -1])
    return found


def _timeline_words(reading: Reading) -> str:
    """The timeline for who does not see it."""
    parts = []
    before: object = ""
    for phase, end in zip(reading.step_phase, reading.ends, strict=True):
        if phase is before and parts:
            parts[-1] = f"{phase or 'no phase'} to {end:.2f}"
        else:
            parts.append(f"{phase or 'no phase'} to {end:.2f}")
        before = phase
    return "Phases of the trace by t: " + ", ".join(parts[:40])
