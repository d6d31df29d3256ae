"""A finished trace to be read: steps beside shortlist, curves, fates, contradictions.

What is chosen is shared: a step of the trace and a point of the curves, a label's mentions and its
row in the shortlist.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import streamlit as st

from core.live.inside_questions import Importance, StepImportance
from core.live.view import LiveView
from core.rerank.base import Bucket
from core.traces.base import Curves, Trace
from core.traces.inert import one_line
from core.traces.markdown import markdown_of
from core.traces.reading import Reading, reading_of
from db.boundaries import boundary_moves
from db.trace_views import StoredTrace
from pages.parts import errors, services
from pages.parts.boundary_bar import boundary_bar
from pages.parts.curves_chart import curves_chart, picked_step
from pages.parts.flag_bar import flag_bar
from pages.parts.inside_link import local_systems
from pages.parts.mechanism_ask import asked
from pages.parts.near_misses import near_misses_table
from pages.parts.result import final, notes, trace_caption
from pages.parts.shortlist_table import shortlist_caption, shortlist_table
from pages.parts.trace_reader import COLUMNS, FLOW, LabelShown, trace_reader

STEP = "step"  # the name in the address
SIDES = (13, 9)
IMPORTANCE = (
    "How much leaving out a step changes the model's probability of the shown labels as the "
    "answer: the total variation distance, from 0 to 1. Faint steps change little; the strongest "
    "is drawn in full. The model that wrote the trace is asked, once a step."
)
_VIEWS = {FLOW: "One flow", COLUMNS: "Two columns"}
_COLORS = {"phase": "Phases", "function": "Functions"}


@st.cache_data(max_entries=64, show_spinner=False)
def _reading(key: tuple[object, ...], _stored: StoredTrace, _trace: Trace, moved: Any) -> Reading:
    found = _stored.prediction
    answered = found is not None and (found.selected or found.bucket is Bucket.OK)
    answer = found.selected if found is not None and answered else None
    return reading_of(_trace, _stored.document.text, _stored.candidates, answer, moved)


def read_trace(stored: StoredTrace, view: LiveView, link: str) -> None:
    """Draws it. `link`: the trace's address."""
    trace = stored.trace
    if trace is None:
        return
    with services.store().read() as session:
        moves = boundary_moves(session, stored.id)
    moved = (moves[-1].at,) if moves else None
    key = (stored.id, str(stored.summary.finished_at))
    reading = _reading(key, stored, trace, moved)
    notes(view)
    label = _label(stored.id, view)
    left, right = st.columns((8, 15), gap="medium")
    with right:
        step = _trace_side(stored, view, reading, label, link)
    boundary_bar(stored.id, reading, moves, step, _key(stored.id))
    with left:
        _shortlist_side(stored, view, label)
    _contradictions(stored.id, reading, _names(view))
    flag_bar(stored.id)
    if view.prediction is not None:
        final(view)
    if trace.curves is not None:  # as stored now: they may have been measured again
        _curves(stored.id, view, reading, trace.curves, step)


def _trace_side(
    stored: StoredTrace, view: LiveView, reading: Reading, label: str | None, link: str
) -> int:
    st.header("Trace", help="What the model wrote, step by step. Dashed edge: shortlisting. "
                 "Solid edge: reasoning. Frame: the answer. Underlined: a label's name, dotted "
                 "where it is in other words.")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        shown = st.segmented_control(
            "View", list(_VIEWS), default=FLOW, required=True, format_func=_VIEWS.get,
            key="read_view", persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        color = st.segmented_control(
            "Colour by", list(_COLORS), default="phase", required=True, format_func=_COLORS.get,
            key="read_color", persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        weighed = _is_local(view) and st.toggle(
            "Importance", key="read_importance", persist_state="session", help=IMPORTANCE
        )
        st.space("stretch")
        step_asked = _asked(stored.id, reading)
        place = st.empty()
    importance = _importance(stored.id, reading) if weighed else None
    st.caption(trace_caption(replace(view, trace=reading.trace)))
    labels = _labels(view, reading)
    step = trace_reader(
        stored.id, reading, stored.document, labels, view=shown or FLOW, color=color or "phase",
        step=step_asked, label=label, importance=importance,
        on_label=lambda: _chose_label(stored.id), key=_key(stored.id),
    )  # fmt: skip
    with place, st.popover("Copy", icon=":material/content_copy:"):
        st.caption("The trace as Markdown, by phase; and a link to this step.")
        title = f"{stored.summary.dataset} / {stored.document.id} · {stored.summary.system}"
        here = f"{link}&{STEP}={step}"
        st.code(here, language=None, wrap_lines=True)
        st.code(
            markdown_of(reading, title, here, stored.document.text), language="markdown",
            height=300, wrap_lines=True,
        )  # fmt: skip
    return step


def _is_local(view: LiveView) -> bool:
    """Whether the model that wrote this runs on this machine, and its candidates are known."""
    return bool(view.candidates and view.rendered) and view.config.system in local_systems()


def _importance(trace_id: str, reading: Reading) -> list[float] | None:
    """Of each step, the highest as 1; None while it is worked out."""
    steps = tuple((step.start, step.end) for step in reading.steps)
    found = asked(Importance(trace_id, steps), StepImportance, key=f"importance_{trace_id}")
    if found is None:
        return None
    most = max(found.values, default=0.0)
    st.caption(f"Importance: at most {most:.2f} of the answer's probability moves by one step.")
    return [value / most if most else 0.0 for value in found.values]


def _key(trace_id: str) -> str:
    return f"reader_{trace_id}"


def _asked(trace_id: str, reading: Reading) -> int:
    """The step to show: of the address at first, then the last one that a point of the curves or a
    contradiction led to."""
    most = max(len(reading.steps) - 1, 0)
    name = f"read_step_{trace_id}"
    if name not in st.session_state:
        given = st.query_params.get(STEP, "")
        st.session_state[name] = min(int(given), most) if given.isdecimal() else 0
    t = picked_step(f"curves_{trace_id}")
    seen = f"read_t_{trace_id}"
    if t is not None and t != st.session_state.get(seen):
        st.session_state[name] = reading.step_at(t)
    st.session_state[seen] = t
    return int(st.session_state[name])


def _chose_label(trace_id: str) -> None:
    label = st.session_state[_key(trace_id)].label
    name = f"read_label_{trace_id}"
    known = st.session_state.get(name)
    st.session_state[name] = None if label == known else label


def _label(trace_id: str, view: LiveView) -> str | None:
    """The label whose mentions stand out: clicked in the trace or in the shortlist, the later."""
    row = _picked_row(trace_id, view)
    name, seen = f"read_label_{trace_id}", f"read_row_{trace_id}"
    if row != st.session_state.get(seen):
        st.session_state[name] = row
    st.session_state[seen] = row
    found = st.session_state.get(name)
    return None if found is None else str(found)


def _picked_row(trace_id: str, view: LiveView) -> str | None:
    table = st.session_state.get(f"shortlist_{trace_id}")
    cells = table["selection"]["cells"] if table else []
    rows = view.shortlist.rows if view.shortlist else ()
    return rows[cells[0][0]].label_id if cells and cells[0][0] < len(rows) else None


def _names(view: LiveView) -> dict[str, str]:
    names = {c.label_id: c.name for c in view.candidates}
    names |= {row.label_id: row.name for row in view.shortlist.rows} if view.shortlist else {}
    if view.prediction is not None:
        names |= {row.label_id: row.name for row in view.prediction.ranking}
    return names | {fate.label_id: fate.name for fate in view.fates}


def _labels(view: LiveView, reading: Reading) -> dict[str, LabelShown]:
    """Every label that the trace names."""
    names, gold = _names(view), set(view.document.gold)
    chosen = set(view.prediction.selected) if view.prediction else set()
    ranks = {row.label_id: row.rank for row in view.shortlist.rows} if view.shortlist else {}
    wrong = {one.label_id: str(one.kind) for one in reading.contradictions}
    found = {}
    for label in dict.fromkeys(m.label_id for m in reading.trace.mentions):
        parts = [f"rank {ranks[label]}" if label in ranks else "not retrieved", label,
                 names.get(label, "")]  # fmt: skip
        parts += ["gold"] if label in gold else []
        parts += ["in the answer"] if label in chosen else []
        parts += [wrong[label]] if label in wrong else []
        found[label] = LabelShown(one_line(" · ".join(filter(None, parts)), 200), label in wrong)
    return found


def _shortlist_side(stored: StoredTrace, view: LiveView, label: str | None) -> None:
    ours = stored.summary.origin == "import"
    st.header(
        "Shortlist",
        help="The labels nearest to the text. Click a row to see where the trace names its label."
        + (" PhaseLens' own: what this model was shown may be another." if ours else ""),
    )
    if view.shortlist is None:
        st.caption("Not searched.")
        return
    if label is not None:
        ranks = {row.label_id: row.rank for row in view.shortlist.rows}
        where = f"rank {ranks[label]}" if label in ranks else "not in the shortlist"
        count = sum(m.label_id == label for m in view.trace.mentions) if view.trace else 0
        name = one_line(_names(view).get(label, label), 80)
        st.text(f"▸ {name} ({one_line(label)}): {where}, named {count} times")
    else:
        gold = set(view.document.gold)
        found = sum(row.label_id in gold for row in view.shortlist.rows)
        caption = shortlist_caption(view.shortlist)
        st.caption(f"{found} of {len(gold)} gold found · {caption}" if gold else caption)
    mentions = Counter(m.label_id for m in view.trace.mentions) if view.trace else None
    shortlist_table(
        view.shortlist, gold=set(view.document.gold),
        shown={c.label_id for c in view.candidates} or view.config.n, mentions=mentions,
        height=640, narrow=True, key=f"shortlist_{stored.id}",
    )  # fmt: skip


def _contradictions(trace_id: str, reading: Reading, names: dict[str, str]) -> None:
    """Each with a button that leads to its step."""
    if not reading.contradictions:
        return
    with st.container(border=True, key=f"contradictions_{trace_id}"):
        many = len(reading.contradictions)
        st.markdown(f":material/warning: **{many} contradiction{'s' * (many != 1)}**")
        for at, one in enumerate(reading.contradictions):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                name = one_line(names.get(one.label_id, one.label_id), 80)
                st.text(f"{name} ({one_line(one.label_id)}): {one.kind}", width="content")
                if one.at is not None:
                    st.button(
                        "Show", key=f"contradiction_{trace_id}_{at}", type="tertiary",
                        icon=":material/my_location:", on_click=_go,
                        args=(trace_id, reading.step_of(one.at)),
                    )  # fmt: skip


def _go(trace_id: str, step: int) -> None:
    st.session_state[f"read_step_{trace_id}"] = step


def _curves(trace_id: str, view: LiveView, reading: Reading, curves: Curves, step: int) -> None:
    left, right = st.columns(SIDES, gap="medium")
    with left:
        st.header("Focus and Near-Miss Confusion")
        paper = st.toggle(
            "The paper's curves", key="read_paper", persist_state="session",
            help="Where the paper's teacher, a model of 70B, began and ended, as reported there. "
            "Another model on other data: for orientation only.",
        )  # fmt: skip
        at = reading.ends[step] if step < len(reading.ends) else None
        with errors.kept():
            curves_chart(
                curves, reading.trace.boundary, reading.trace.boundary_source,
                key=f"curves_{trace_id}", at=at, paper=paper,
            )  # fmt: skip
    with right:
        st.header("Near misses")
        retrieved = {row.label_id for row in view.shortlist.rows} if view.shortlist else set()
        near_misses_table(curves.near_misses, retrieved, key=f"near_{trace_id}")
