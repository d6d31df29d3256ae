"""Where shortlisting turns into reasoning: as the machine has it, and as people say. A person moves
it to the step that is chosen in the trace; the machine's stays beside it, and undo takes a move
back."""

import uuid

import streamlit as st

from core.annotation.people import Role
from core.traces.base import BoundarySource
from core.traces.inert import one_line
from core.traces.reading import Reading
from db.boundaries import BoundaryMove, move_boundary, undo_move
from pages.parts import errors, services
from pages.parts.people import person, why_not
from pages.parts.times import local_time
from pages.parts.who import who_popover

HELP = (
    "**t\\*** is the share of the trace before reasoning begins, from 0 to 1. Traces in PhaseLens' "
    "own format are read by their grammar, exactly. Free prose is segmented by a hidden Markov "
    "model; how sure it is stands beside it. Choose a step and press the button to say where "
    "reasoning begins; both are kept."
)


def boundary_bar(
    trace_id: str, reading: Reading, moves: list[BoundaryMove], step: int, reader: str
) -> None:
    """Draws what there is, and the buttons. `step`: the one chosen in the trace when it was drawn;
    `reader`: the key of the trace's reader, which knows the one chosen since."""
    no = why_not(Role.ANNOTATOR)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Boundary** {_machine(reading)}", width="content", help=HELP)
        if moves:
            st.text(f"· {_person(reading, moves[-1])}", width="content")
        st.space("stretch")
        st.button(
            "Reasoning begins at this step", key=f"boundary_here_{trace_id}",
            icon=":material/border_vertical:", shortcut="B", disabled=bool(no) or not reading.steps,
            on_click=_move_here, args=(trace_id, reading, step, reader),
            help=no or "The step that is framed in the trace.",
        )  # fmt: skip
        st.button(
            "No phases", key=f"boundary_none_{trace_id}", icon=":material/block:",
            on_click=_move, args=(trace_id, None), disabled=bool(no),
            help=no or "This trace has no shortlisting part followed by a reasoning part.",
        )  # fmt: skip
        st.button(
            "Undo", key=f"boundary_undo_{trace_id}", icon=":material/undo:",
            on_click=_undo, args=(moves[-1].event_id if moves else "",),
            disabled=bool(no) or not moves,
            help=no or "Takes the last move back; it stays in the log.",
        )  # fmt: skip
        who_popover(f"boundary_name_{trace_id}")


def _at(reading: Reading, step: int) -> int:
    return reading.steps[min(step, len(reading.steps) - 1)].start if reading.steps else 0


def _machine(reading: Reading) -> str:
    """In words, as Markdown."""
    trace, confidence = reading.machine, reading.boundary_confidence
    if trace.boundary is None:
        return "by machine: no phases found"
    if trace.boundary_source is BoundarySource.GRAMMAR:
        return f"by machine: t\\* {trace.boundary:.2f}, by the grammar, exact"
    sure = f", {confidence:.0%} sure" if confidence is not None else ""
    turns = f", the first of {reading.alternations} turns" if reading.alternations > 1 else ""
    return f"by machine: t\\* {trace.boundary:.2f}, by {trace.boundary_source}{sure}{turns}"


def _person(reading: Reading, move: BoundaryMove) -> str:
    who = one_line(move.annotator, 40) or "a person"
    said = "no phases" if move.at is None else f"t* {reading.trace.boundary or 0:.2f}"
    return f"by {who}: {said} ({local_time(move.created_at)})"


def _move(trace_id: str, at: int | None) -> None:
    with errors.kept(), services.store().write() as session:
        move_boundary(session, person(), trace_id, at, client_token=uuid.uuid4().hex)


def _move_here(trace_id: str, reading: Reading, step: int, reader: str) -> None:
    chosen = st.session_state.get(reader, {}).get("step")
    _move(trace_id, _at(reading, step if chosen is None else int(chosen)))


def _undo(event_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        undo_move(session, person(), event_id, client_token=uuid.uuid4().hex)
