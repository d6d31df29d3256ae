"""What the parts of the view Use have in common: a file that is prepared when a button asks for it,
and offered until the choices beside it change."""

import uuid
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.annotation.prepared import place_of
from core.traces.inert import one_line
from db.queues import Queue
from pages.parts import errors, press, services

_OWNER, _MADE = "use_owner", "use_made"
Made = tuple[Path, str]  # (the file, what is in it, in words)


def chosen_dataset(datasets: dict[str, int], key: str) -> str:
    """The dataset, to be chosen where there are several."""
    if len(datasets) == 1:
        (dataset,) = datasets
        st.text(f"{one_line(dataset, 60)}: {_judged(datasets[dataset])}", width="content")
        return dataset
    if st.session_state.get(key) not in datasets:
        st.session_state[key] = next(iter(datasets))
    dataset = str(
        st.selectbox(
            "Dataset", list(datasets), key=key, persist_state="session", width=300,
            format_func=lambda name: one_line(name, 60), label_visibility="collapsed",
        )
    )  # fmt: skip
    # Not in the options: a browser's choice is its words, and this number grows meanwhile.
    st.text(_judged(datasets[dataset]), width="content")
    return dataset


def _judged(documents: int) -> str:
    return f"{documents:,} judged document{'s' * (documents != 1)}"


def prepared(what: str, choices: tuple[object, ...], make: Callable[[], Made]) -> None:
    """A button that prepares a file, and the file once it is there. `choices`: what it depends
    on."""
    made: dict[str, tuple[tuple[object, ...], Path, str]] = st.session_state.setdefault(_MADE, {})
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pressed = press.button("Prepare", icon=":material/build:", key=f"use_prepare_{what}")
        beside = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if pressed:
        made.pop(what, None)
        with errors.kept():
            path, words = make()
            made[what] = (choices, path, words)
    ready = made.get(what)
    if ready is not None and ready[0] == choices and ready[1].is_file():
        _, path, words = ready
        size = path.stat().st_size / 1e6
        beside.download_button(
            f"{path.name} ({size:,.1f} MB)", path.read_bytes, file_name=path.name,
            on_click="ignore", icon=":material/download:", key=f"use_download_{what}",
            type="primary",
        )  # fmt: skip
        beside.text(words, width="content")


def place(name: str) -> Path:
    """Where this visit's file of that name is written."""
    owner = st.session_state.setdefault(_OWNER, uuid.uuid4().hex)
    return place_of(services.settings(), owner, name)


def name_of_queue(queue: Queue | None) -> str:
    """A queue as part of a file's name."""
    return "all" if queue is None else one_line(queue.name, 40)
