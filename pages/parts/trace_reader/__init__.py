"""A trace read step by step: document with anchors, timeline, outline, phases, functions, mentions.

A small component of our own, drawn in the page without any network. Texts reach the browser as data
and are put there as text, never as HTML.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets.base import Document
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
        "steps": _kept_steps(
            _fingerprint(reading, labels, importance), reading, numbers, importance
        ),
    }
    found = _COMPONENT(
        key=key, data=data, default={"step": step}, on_step_change=lambda: None,
        on_label_change=on_label,
    )  # fmt: skip
    chosen = found.get("step") if hasattr(found, "get") else None
    return step if chosen is None else int(chosen)


def _fingerprint(
    reading: Reading, labels: Mapping[str, LabelShown], importance: Sequence[float] | None
) -> int:
    """Of all that the steps are drawn from."""
    trace = reading.trace
    weights = None if importance is None else tuple(importance)
    return hash(
        (trace.text, trace.mentions, trace.given, reading.steps, reading.step_phase, reading.ends,
         reading.anchors, tuple(labels), weights)
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def _kept_steps(
    key: int,
    _reading: Reading,
    _numbers: Mapping[str, int],
    _importance: Sequence[float] | None,
) -> list[dict[str, Any]]:
    return _steps(_reading, _numbers, _importance)


def _steps(
    reading: Reading, numbers: Mapping[str, int], importance: Sequence[float] | None
) -> list[dict[str, Any]]:
    trace, text = reading.trace, reading.trace.text
    mentions = sorted(trace.mentions, key=lambda m: m.start)
    starts = (0.0, *reading.ends[:-1])
    anchors = _anchors(reading)
    found, at = [], 0
    for place, step in enumerate(reading.steps):
        while at < len(mentions) and mentions[at].end <= step.start:
            at += 1
        after = at
        while after < len(mentions) and mentions[after].start < step.end:
            after += 1
        labels = [
            (max(m.start, step.start), m.end, numbers.get(m.label_id, -1), m.exact)
            for m in mentions[at:after]
        ]
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
                "words": _segments(text, step.start, step.end, labels, anchors[place]),
            }
        )
    return found


def _anchors(reading: Reading) -> list[list[tuple[int, int, int]]]:
    """(start, end, anchor number) of the anchors that each step has a part of."""
    starts = [step.start for step in reading.steps]
    found: list[list[tuple[int, int, int]]] = [[] for _ in starts]
    for number, anchor in enumerate(reading.anchors):
        first = max(bisect_right(starts, anchor.start) - 1, 0)
        for place in range(first, bisect_left(starts, anchor.end)):
            found[place].append((max(anchor.start, starts[place]), anchor.end, number))
    return found


def _segments(
    text: str,
    start: int,
    end: int,
    labels: Sequence[tuple[int, int, int, bool]],
    anchors: Sequence[tuple[int, int, int]],
) -> list[list[Any]]:
    """[text, label number or -1, exact, anchor number or -1] from start to end. `labels`: (start,
    end, number, exact), `anchors`: (start, end, number); both in order."""
    end = start + len(text[start:end].rstrip("\n"))
    edges = (x for a, b, *_ in (*anchors, *labels) for x in (a, b))
    cuts = sorted({start, end, *(min(edge, end) for edge in edges)})
    found: list[list[Any]] = []
    label_at = anchor_at = 0
    for a, b in pairwise(cuts):
        label_at = _next(labels, label_at, a)
        anchor_at = _next(anchors, anchor_at, a)
        label, exact = -1, True
        if label_at < len(labels) and labels[label_at][0] <= a:
            label, exact = labels[label_at][2:]
        inside = anchor_at < len(anchors) and anchors[anchor_at][0] <= a
        found.append([neutralise(text[a:b]), label, exact, anchors[anchor_at][2] if inside else -1])
    return found


def _next(spans: Sequence[tuple[int, ...]], at: int, character: int) -> int:
    """From place `at` on, the first span that does not end before a character."""
    while at < len(spans) and spans[at][1] <= character:
        at += 1
    return at


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
