"""The examples of a talk: their titles and notes, their order, and which of them can be played."""

from collections.abc import Callable, Mapping

import streamlit as st

from core.annotation.people import Role
from core.errors import ConflictError
from core.traces.inert import neutralise, one_line
from db.talks import (
    MAX_NOTE,
    MAX_TITLE,
    SlideTrace,
    Talk,
    TalkSlide,
    save_talk,
    slide_traces,
)
from db.trace_views import TraceState
from pages.parts import errors, services
from pages.parts.people import may, person
from pages.parts.talk_work_out import work_out
from pages.parts.times import local_time

_SEEN = "talk_seen"  # the talk as this session has it on the screen
Play = Callable[[int], None]


def editor(talk: Talk, play: Play) -> None:
    """Draws the examples. `play`: what plays them from a place, counted from 0. Raises
    StoreError."""
    st.session_state[_SEEN] = talk
    traces = [slide.trace for slide in talk.slides]
    with services.store().read() as session:
        known = slide_traces(session, traces)
    left = work_out(traces, 0.0)
    counts: dict[str, int] = {}
    for at, slide in enumerate(talk.slides):
        nth = counts[slide.trace] = counts.get(slide.trace, 0) + 1
        key = f"{slide.trace}_{nth}"
        about = known.get(slide.trace)
        with st.container(border=True, key=f"talk_row_{key}"):
            number, title, note = st.columns((0.35, 6, 5), gap="small")
            number.markdown(f"**{at + 1}**")
            with title, st.container(gap="xsmall"):
                _title(at, slide, about, key)
                _of(slide, about, left)
                _ways(at, slide, about, key, play, last=at + 1 == len(traces))
            with note:
                _note(at, slide, key)


def _title(at: int, slide: TalkSlide, about: SlideTrace | None, key: str) -> None:
    start = one_line(about.document_start, 60) if about else ""
    if not may(Role.ANNOTATOR):
        st.text(one_line(slide.title, MAX_TITLE) or start or slide.trace)
        return
    field = f"talk_title_{key}"
    _as_stored(field, slide.title)
    st.text_input(
        f"Title of example {at + 1}", key=field, max_chars=MAX_TITLE, placeholder=start or "Title",
        label_visibility="collapsed", on_change=_written, args=(at, slide, key),
    )  # fmt: skip


def _note(at: int, slide: TalkSlide, key: str) -> None:
    if not may(Role.ANNOTATOR):
        st.text(neutralise(slide.note))
        return
    field = f"talk_note_{key}"
    _as_stored(field, slide.note)
    st.text_area(
        f"Notes on example {at + 1}", key=field, max_chars=MAX_NOTE, height=108,
        placeholder="What you want to say", label_visibility="collapsed", on_change=_written,
        args=(at, slide, key),
    )  # fmt: skip


def _of(slide: TalkSlide, about: SlideTrace | None, left: Mapping[str, str]) -> None:
    """What the example is of, and what keeps it from being shown."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if about is None:
            st.badge("not in this store: left out", icon=":material/error:", color="red")
            st.text(f"trace {one_line(slide.trace, 60)}", width="content")
            return
        where = one_line(f"{about.dataset} / {about.document_id} · {about.system}", 120)
        st.text(f"{where} · {local_time(about.made_at)}", width="content")
        if about.state is TraceState.RUNNING:
            st.badge("still running: left out", icon=":material/hourglass_top:", color="orange")
        elif about.state is not TraceState.DONE:
            st.badge(str(about.state), color="orange", help="Only what it had written is shown.")
        if slide.trace in left:
            why = one_line(left[slide.trace], 300)
            st.badge(
                "as imported" if why else "being worked out", color="orange",
                help=why or "Its phases, curves and fates come in a moment.",
            )  # fmt: skip


def _ways(
    at: int, slide: TalkSlide, about: SlideTrace | None, key: str, play: Play, *, last: bool
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if may(Role.ANNOTATOR):
            for name, icon, change, off in (
                ("Up", "arrow_upward", lambda talk: talk.moved(at, -1), at == 0),
                ("Down", "arrow_downward", lambda talk: talk.moved(at, 1), last),
                ("Remove", "close", lambda talk: talk.without(at), False),
            ):
                st.button(
                    name, icon=f":material/{icon}:", key=f"talk_{name.lower()}_{key}", disabled=off,
                    type="tertiary", on_click=_save, args=(at, slide, change),
                )  # fmt: skip
        if about is None:
            return
        st.button(
            "Play from here", icon=":material/play_arrow:", key=f"talk_from_{key}",
            type="tertiary", on_click=play, args=(at,), disabled=about.state is TraceState.RUNNING,
        )  # fmt: skip
        st.page_link(
            "pages/traces.py", label="Trace", icon=":material/open_in_new:",
            query_params={"trace": slide.trace},
        )  # fmt: skip


def _as_stored(field: str, stored: str) -> None:
    """Puts what is stored into a field when that has changed. Under the same key as before: with
    another one it would be a new field, and lose the cursor at each change."""
    base = f"{field}_stored"
    if st.session_state.get(base) != stored or field not in st.session_state:
        st.session_state[field] = st.session_state[base] = stored


def _written(at: int, slide: TalkSlide, key: str) -> None:
    state = st.session_state
    fields = [f"talk_title_{key}", f"talk_note_{key}"]
    title, note = (str(state[field]) for field in fields)
    written = TalkSlide(slide.trace, title, note)
    with errors.kept():
        try:
            _change(at, slide, lambda talk: talk.with_slide(at, written))
        except ConflictError as error:
            for field in fields:  # they show what is stored; what was written is in the error
                state.pop(f"{field}_stored", None)
            wrote = "\n".join(filter(None, (title, note)))
            raise ConflictError(error.what, f"{error.fix}\nYou wrote: {wrote}") from error


def _save(at: int, slide: TalkSlide, change: Callable[[Talk], Talk]) -> None:
    with errors.kept():
        _change(at, slide, change)


def _change(at: int, slide: TalkSlide, change: Callable[[Talk], Talk]) -> None:
    """Saves a change of the talk as this session has it: its version is that of the last change
    made here, which may not be on the screen yet."""
    talk: Talk = st.session_state[_SEEN]
    if not (at < len(talk.slides) and talk.slides[at].trace == slide.trace):
        raise ConflictError(
            "The examples have moved in the meantime; your change is not saved.",
            "Look at the talk as it is now, and make your change again.",
        )
    with services.store().write() as session:
        st.session_state[_SEEN] = save_talk(session, person(), change(talk))
