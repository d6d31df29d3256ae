"""Shortlist: what retrieval finds, what it loses and why, for one text and for a whole dataset.

No language model runs here. The worker process searches; a survey, which is a job, ranks the gold
labels of many documents. The page draws.
"""

import streamlit as st

from core.datasets.base import Dataset
from core.datasets.examples import is_own
from core.shortlist.manifest import status
from pages.parts import entry, errors, services
from pages.parts.example_picker import example_picker
from pages.parts.index_notice import index_notice
from pages.parts.shortlist_choice import (
    ADDRESS,
    DEFAULT,
    EF,
    METHOD,
    ONE,
    VIEW,
    VIEWS,
    K,
    N,
    heading,
    settings,
    take_over,
)
from pages.parts.shortlist_example import example
from pages.parts.shortlist_survey import whole_dataset


def one_example(dataset: Dataset) -> dict[str, object]:
    """Draws the view; what its link must name."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        document = example_picker(dataset)
    with right:
        choice = settings()
    index_notice(dataset.name)
    example(dataset.name, document, choice)
    state = st.session_state
    method = state.get(METHOD)
    return {
        "document": "" if is_own(document.id) else document.id,
        "k": state[K],
        "n": state[N],
        "ef": state.get(EF),
        "method": "" if method == DEFAULT else method,
    }


def draw() -> None:
    with errors.kept():
        take_over()
    dataset = heading()
    named: dict[str, object] = {}
    if st.session_state[VIEW] == ONE:
        if not len(dataset):
            st.info("This dataset has no documents; type a text of your own.")
        named = one_example(dataset)
    else:
        if status(services.settings(), dataset.name).state != "ready":
            index_notice(dataset.name)
        named = {"survey": whole_dataset(dataset)}
    view = next(name for name, title in VIEWS.items() if title == st.session_state[VIEW])
    ADDRESS.write({"view": view, "dataset": dataset.name, **named})


entry.through_app()
with errors.kept():
    draw()
