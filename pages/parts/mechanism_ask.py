"""Asks the worker what is inside the model; while it works, says what it does, and draws again
when the answer is there. A failure stays on the page until it is tried again."""

from typing import TypeVar

import streamlit as st

from core.events import Failed
from core.live.inside_questions import InsideAnswer, InsideQuestion
from core.traces.inert import inert_html
from pages.parts import errors, services
from pages.parts.address import draw_again

PATIENCE_S = 1.0
POLL_S = 0.4
_FAILED = "mech_failed"
T = TypeVar("T", bound=InsideAnswer)


def asked(question: InsideQuestion, kind: type[T], *, key: str) -> T | None:
    """The answer, or None: then the page says why not. Raises JobError."""
    failed: dict[InsideQuestion, Failed] = st.session_state.setdefault(_FAILED, {})
    if question not in failed:
        answer = services.live_worker().ask(question, PATIENCE_S)
        if answer is None:
            st.fragment(_wait, run_every=POLL_S)(question, key)
            return None
        if isinstance(answer, kind):
            return answer
        assert isinstance(answer, Failed)
        failed[question] = answer
    errors.card(failed[question].what, failed[question].fix)
    st.button(
        "Try again", icon=":material/refresh:", key=f"{key}_again",
        on_click=failed.pop, args=(question, None),
    )  # fmt: skip
    return None


def _wait(question: InsideQuestion, key: str) -> None:
    worker = services.live_worker()
    with errors.kept():
        if worker.answered(question):
            draw_again()
        progress = worker.progress(question)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if progress is None and worker.busy:
                words = "The model is busy with another text; this waits for its turn ..."
            else:
                words = f"{progress.what} ..." if progress else "Waiting for the model ..."
            st.info(words, icon=":material/hourglass_top:")
            st.button(
                "Cancel", icon=":material/stop:", key=f"{key}_cancel",
                on_click=worker.drop, args=(question,),
            )  # fmt: skip
        if progress is not None and progress.text:
            st.html(
                '<div style="white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.93rem">'
                f"{inert_html(progress.text)}▍</div>"
            )
