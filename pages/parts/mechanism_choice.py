"""Which trace, heads and position the Mechanism page is about; all of it is in its address."""

import re

import streamlit as st

from core.errors import UnknownNameError
from core.live.inside_questions import RightLabels
from core.mechanism.request import Head
from core.models.base import ModelKind
from core.traces.inert import inert_html, one_line
from db.trace_views import StoredTrace, TraceFilter, TraceOrder, TraceState, TraceSummary
from db.traces import load_trace, page_of
from pages.parts import errors, services
from pages.parts.address import Address, whole
from pages.parts.mechanism_words import RIGHT_HELP, RIGHT_TITLES, head_name, head_of
from pages.parts.times import local_time

TRACE, HEADS, HEAD, POSITION, RIGHT = (
    "mech_trace", "mech_heads", "mech_head", "mech_position", "mech_right",
)  # fmt: skip
WITHOUT = "mech_without_phases"
GRID = "mech_grid_version"  # a new number draws the grid anew, with the heads chosen then
PATCH, REWRITE = "mech_patch_question", "mech_rewrite_question"
_OLD = "mech_of_the_trace_before"
OFFERED = 50  # traces in the list
MOST_LINKED = 300  # heads in an address
_HEAD = re.compile(r"(\d{1,4})\.(\d{1,4})")
ADDRESS = Address("mechanism", ("trace", "layer", "head", "position", "heads", "right"), ("mech_",))


def take_over() -> None:
    """Puts what a new address asks for into the session."""
    asked = ADDRESS.read()
    if asked is None:
        return
    state = st.session_state
    if asked.get("trace"):
        if asked["trace"] != state.get(TRACE):
            forget()
        state[TRACE] = asked["trace"]
    layer, head = whole(asked.get("layer", "")), whole(asked.get("head", ""))
    if layer is not None and head is not None:
        state[HEAD] = head_name((layer, head))
        outdated(HEAD)
    if (position := whole(asked.get("position", ""))) is not None:
        state[POSITION] = position
        outdated(POSITION)
    heads = [(int(a), int(b)) for a, b in _HEAD.findall(asked.get("heads", ""))]
    if heads:
        state[HEADS] = [head_name(one) for one in heads]
        redraw_grid()
    if asked.get("right") in {one.name.lower() for one in RightLabels}:
        state[RIGHT] = RightLabels[asked["right"].upper()]
        outdated(RIGHT)


def write_address(trace_id: str, heads: list[Head]) -> None:
    """Makes the address name what is shown; too many heads for an address are left out."""
    state = st.session_state
    right = state.get(RIGHT)
    layer, head = head_of(state[HEAD]) if state.get(HEAD) else (None, None)
    listed = heads if len(heads) <= MOST_LINKED else []
    ADDRESS.write(
        {
            "trace": trace_id,
            "layer": layer,
            "head": head,
            "position": state.get(POSITION),
            "heads": "_".join(f"{a}.{b}" for a, b in listed),
            "right": right.name.lower() if right else "",
        }
    )


def forget() -> None:
    """Another trace: heads, position and results of the one before do not belong to it."""
    st.session_state[HEADS] = []
    st.session_state[_OLD] = {HEAD, POSITION, RIGHT}
    _forget_results()
    redraw_grid()


def outdated(key: str) -> bool:
    """Whether a choice is still that of the trace before; it no longer is after this."""
    old: set[str] = st.session_state.get(_OLD, set())
    found = key in old
    old.discard(key)
    return found


def redraw_grid() -> None:
    st.session_state[GRID] = st.session_state.get(GRID, 0) + 1


def heading() -> StoredTrace | None:
    """Title and trace picker; the trace chosen, or None where there is none (which is said).
    Raises StoreError."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Mechanism", width="content", anchor=False)
        known = {row.id: row for row in _offered(bool(st.session_state.get(WITHOUT)))}
        asked = st.session_state.get(TRACE)
        if asked is None and known:
            asked = st.session_state[TRACE] = next(iter(known))
        stored = None if asked is None else _stored(str(asked))
        if stored is not None:  # also one that newer ones have pushed from the list
            known.setdefault(stored.id, stored.summary)
        if asked is not None:
            ids = list(known) if asked in known else [asked, *known]
            st.selectbox(
                "Trace", ids, key=TRACE, persist_state="session", on_change=forget,
                label_visibility="collapsed", width="stretch",
                format_func=lambda i: _title(known[i]) if i in known else f"Trace {one_line(i)}",
            )  # fmt: skip
        st.toggle(
            "Also without phases", key=WITHOUT, persist_state="session",
            help="Lists traces without a shortlisting and a reasoning part too. They have no head "
            "scores; attention and patching work.",
        )  # fmt: skip
    if asked is None:
        _nothing()
    elif stored is None:
        errors.card(
            f"There is no trace {one_line(str(asked), 80)!r} in this store.",
            "Choose one above. A trace that is still being written is here when it has ended.",
        )
    else:
        _about(stored)
    return stored


def _stored(trace_id: str) -> StoredTrace | None:
    try:
        with services.store().read() as session:
            return load_trace(session, trace_id)
    except UnknownNameError:
        return None


def _offered(without: bool) -> list[TraceSummary]:
    """The newest traces of local models, those with phases unless others are wanted too."""
    local = {s.name for s in services.systems() if s.model.kind is not ModelKind.ENDPOINT}
    asked = TraceFilter(has_phases=None if without else True)
    with services.store().read() as session:
        rows = page_of(session, asked, 0, OFFERED, TraceOrder.NEWEST)
    return [row for row in rows if row.system in local and row.state is not TraceState.RUNNING]


def _title(row: TraceSummary) -> str:
    """Different for each trace, and always the same for one: the browser tells which was chosen
    by these words, which are looked up among those of the run before."""
    text = one_line(row.document_start, 60)
    phases = "" if row.has_phases else " · no phases"
    about = f"{local_time(row.created_at)} · {row.system} · {row.document_id} · {text}{phases}"
    return f"{about} · {row.id[:6]}"


def _nothing() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("**There is no trace with both phases yet.**", width="content")
        st.markdown(
            "This page looks inside the model that wrote a saved trace. Run a document first.",
            width="content",
        )
        st.page_link(
            "pages/explore.py", label="Run an example in Explore",
            icon=":material/center_focus_strong:",
        )  # fmt: skip


def _about(stored: StoredTrace) -> None:
    row = stored.summary
    parts = [f"{row.dataset} / {row.document_id}", row.system, f"{row.tokens:,} tokens"]
    if row.boundary is not None:
        parts.append(f"t* {row.boundary:.2f}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(one_line(" · ".join(parts), 120), width="content")
        st.page_link(
            "pages/traces.py", label="The whole trace", icon=":material/receipt_long:",
            query_params={"trace": stored.id},
        )  # fmt: skip
    text = inert_html(one_line(stored.document.text, 400))
    st.html(f'<div style="opacity: 0.75; font-size: 0.9rem">Document: {text}</div>')


def right_labels(stored: StoredTrace) -> RightLabels:
    """Draws which labels count as right. Gold by default, where the model was shown one."""
    shown = {candidate.label_id for candidate in stored.candidates}
    gold = bool(shown & set(stored.document.gold))
    state = st.session_state
    if outdated(RIGHT) or state.get(RIGHT) not in set(RightLabels):
        state[RIGHT] = RightLabels.GOLD if gold else RightLabels.CHOSEN
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            "Right labels", list(RightLabels), key=RIGHT, required=True, persist_state="session",
            format_func=lambda right: RIGHT_TITLES[right], help=RIGHT_HELP,
            on_change=_forget_results,
        )  # fmt: skip
        if not gold:
            if stored.document.gold:
                said = f"None of its gold labels is among the {len(shown)} shown to the model."
            else:
                said = "This text has no gold labels."
            st.caption(said)
    return RightLabels(chosen)


def _forget_results() -> None:
    for key in (PATCH, REWRITE):
        st.session_state.pop(key, None)
