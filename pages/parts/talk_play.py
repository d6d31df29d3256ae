"""A talk that is played: its slides, and live runs of them with the stored ones to fall back to."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import NotAllowedError, StoreError
from core.events import Stage
from core.live.talk_run import Attempt, Done, FellBack, Going, begin, look, stop
from core.live.talk_slides import slide_from_store
from core.talks.assemble import Assembled, assemble
from core.talks.deck import Slide
from core.traces.inert import neutralise
from db.boundaries import boundary_moves
from db.talks import Talk, TalkSlide, slide_traces
from db.traces import load_trace
from pages.parts import services
from pages.parts.address import draw_again
from pages.parts.people import person_now
from pages.parts.talk_viewer import event_slide, talk_viewer, tell
from pages.parts.talk_work_out import work_out

PLAY, SLIDE, LIMIT = "play", "slide", "limit"  # the names in the address
POLL_S = 0.4
PATIENCE_S = 4.0  # with imported traces that are still to be worked out
LAST_CHARS = 1_500  # of the text that is being written
STAGES = {
    Stage.LOAD: "Loading the model", Stage.EMBED: "Embedding the text",
    Stage.SEARCH: "Searching labels", Stage.REASON: "Writing", Stage.SCORE: "Scoring the labels",
    Stage.ANALYSE: "Measuring the trace",
}  # fmt: skip
_RUNS = "talk_runs"


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What became of a live run in this session. `stored`: the speaker went back to the stored
    one."""

    attempt: Attempt | None
    end: Done | FellBack | None = None
    stored: bool = False

    @property
    def shown(self) -> str:
        """The id of the trace that stands in for the stored one, or ""."""
        return self.end.trace_id if isinstance(self.end, Done) and not self.stored else ""

    @property
    def standing(self) -> dict[str, Any]:
        """For core/talks/viewer/live.js."""
        if self.end is None:
            return {"kind": "running"}
        if isinstance(self.end, FellBack):
            fell = {"what": neutralise(self.end.what), "fix": neutralise(self.end.fix)}
            return {"kind": "fell", **fell}
        return {"kind": "stored" if self.stored else "live", "seconds": self.end.seconds}


def play(talk: Talk, limit_s: int) -> bool:
    """Plays it from the slide that the address names; False where it has nothing to show. Raises
    StoreError."""
    work_out([slide.trace for slide in talk.slides], PATIENCE_S)
    made = assembled(talk)
    if not made.deck.slides:
        return False
    runs = _runs()
    traces = [talk.slides[place].trace for place in made.places]
    talk_viewer(
        talk.name,
        made.deck,
        [runs[trace].standing if trace in runs else None for trace in traces],
        start=st.query_params.get(SLIDE, ""),
        on={
            "live": lambda: _run(traces, limit_s),
            "stop": lambda: _stop(traces),
            "swap": lambda: _swap(traces),
            "leave": leave,
        },
    )
    going = next((trace for trace in traces if trace in runs and runs[trace].end is None), None)
    if going is not None:
        st.fragment(_watch, run_every=POLL_S)(going)
    return True


def assembled(talk: Talk) -> Assembled:
    """The deck, with live runs of this session in their places. Raises StoreError."""
    instead = {trace: run.shown for trace, run in _runs().items() if run.shown}
    now = services.settings()
    with services.store().read() as session:
        wanted = [instead.get(slide.trace, slide.trace) for slide in talk.slides]
        about = slide_traces(session, wanted)

        def make(slide: TalkSlide) -> Slide:
            trace = instead.get(slide.trace, slide.trace)
            newest = (about.get(trace), boundary_moves(session, trace)[-1:])
            return _slide(now.database, now.home, slide, trace, str(newest))

        return assemble(talk.name, talk.slides, make)


@st.cache_data(max_entries=300, show_spinner=False)
def _slide(url: str, home: Path, slide: TalkSlide, trace_id: str, newest: str) -> Slide:
    """A slide takes a tenth of a second where its trace is long, and each key that reaches Python
    asks for all of them. `newest`: what changes when the trace does."""
    with services.store().read() as session:
        return slide_from_store(session, slide, trace_id)


def leave() -> None:
    for name in (PLAY, SLIDE, LIMIT):
        st.query_params.pop(name, None)


def _runs() -> dict[str, LiveRun]:
    """By id of the stored trace."""
    found: dict[str, LiveRun] = st.session_state.setdefault(_RUNS, {})
    return found


def _at(event: str, traces: list[str]) -> str | None:
    at = event_slide(event)
    return traces[at] if at is not None and at < len(traces) else None


def _run(traces: list[str], limit_s: int) -> None:
    trace = _at("live", traces)
    if trace is None:
        return
    try:
        with services.store().read() as session:
            stored = load_trace(session, trace)
        made = begin(
            services.live_worker(), services.store(), person_now(), stored, limit_s=limit_s,
            now=time.monotonic(),
        )  # fmt: skip
    except (StoreError, NotAllowedError) as error:
        made = FellBack(error.what, error.fix)
    _runs()[trace] = LiveRun(made) if isinstance(made, Attempt) else LiveRun(None, made)


def _stop(traces: list[str]) -> None:
    trace = _at("stop", traces)
    run = _runs().get(trace or "")
    if trace is not None and run is not None and run.attempt is not None and run.end is None:
        _runs()[trace] = replace(run, end=stop(services.live_worker(), run.attempt))


def _swap(traces: list[str]) -> None:
    trace = _at("swap", traces)
    run = _runs().get(trace or "")
    if trace is not None and run is not None and isinstance(run.end, Done):
        _runs()[trace] = replace(run, stored=not run.stored)


def _watch(trace: str) -> None:
    """Tells the viewer how far the run is; when it has ended, has the page drawn with its end."""
    run = _runs()[trace]
    if run.attempt is None or run.end is not None:
        return
    now = look(services.live_worker(), services.store(), run.attempt, time.monotonic())
    if isinstance(now, Going):
        tell(_progress(now, run.attempt))
        return
    _runs()[trace] = replace(run, end=now)
    draw_again()


def _progress(going: Going, attempt: Attempt) -> Mapping[str, Any]:
    view = going.view
    stage = "Waiting: the model is busy with another text" if going.waiting else "Starting"
    if view.stages:
        stage = STAGES[view.stages[-1].stage]
        stage += f", {view.tokens:,} tokens" if view.tokens else ""
    return {
        "stage": stage, "seconds": going.seconds, "limit": attempt.limit_s,
        "text": neutralise(view.text[-LAST_CHARS:]),
    }  # fmt: skip
