"""What the Shortlist page is of: dataset, document or own text, k, n, ef and method.

Dataset and document are Explore's, so that both pages are about the same text.
"""

from dataclasses import dataclass

import streamlit as st

from core.datasets.base import Dataset
from core.datasets.catalogue import names
from core.datasets.examples import first_example
from core.errors import UnknownNameError
from core.traces.inert import one_line
from pages.parts import errors, link, services
from pages.parts.address import Address, whole
from pages.parts.example_picker import EXAMPLE, OWN, SOURCE
from pages.parts.shortlist_words import EF_HELP, K_HELP, METHOD_HELP, METHODS, N_HELP

ONE, WHOLE = "One example", "Whole dataset"
VIEWS = {"example": ONE, "dataset": WHOLE}
VIEW = "shortlist_view"
K, N, EF, METHOD = "shortlist_k", "shortlist_n", "shortlist_ef", "shortlist_method"
SURVEY = "shortlist_survey"
PICKED = "shortlist_picked"  # the label picked in a table or on the map
DEFAULT = "default"
ADDRESS = Address(
    "shortlist",
    ("view", "dataset", "document", "k", "n", "ef", "method", "survey"),
    ("shortlist_", "explore_source", "explore_document", "explore_dataset", "explore_choice"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """`method` "" is the dataset's default."""

    k: int
    n: int
    ef: int | None
    method: str


def take_over() -> None:
    """Puts what a new address asks for into the session; raises UnknownNameError for what does
    not exist, and leaves it out."""
    asked = ADDRESS.read()
    if asked is None:
        return
    state, wrong = st.session_state, []
    if asked.get("view") in VIEWS:
        state[VIEW] = VIEWS[asked["view"]]
    if "dataset" in asked:
        if asked["dataset"] in names(services.settings()):
            state[link.key("dataset")] = asked["dataset"]
        else:
            wrong.append(f"dataset named {one_line(asked['dataset'])!r}")
    if "document" in asked:
        state[link.key("document")], state[SOURCE] = asked["document"], EXAMPLE
    for name, key in (("k", K), ("n", N), ("ef", EF)):
        if (number := whole(asked.get(name, ""))) is not None and number >= 1:
            state[key] = number
    if "ef" not in asked:
        state[EF] = None
    if "method" in asked:
        if asked["method"] in METHODS:
            state[METHOD] = asked["method"]
        else:
            wrong.append(f"method named {one_line(asked['method'])!r}")
    if "survey" in asked:
        state[SURVEY] = asked["survey"]
    if wrong:
        raise UnknownNameError(f"There is no {wrong[0]}.", "Showing the default instead.")


def heading() -> Dataset:
    """Title, view and dataset; opens the dataset. Raises DataError."""
    state = st.session_state
    state.setdefault(SOURCE, EXAMPLE)
    state.setdefault(VIEW, ONE)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Shortlist", width="content", anchor=False)
        st.segmented_control(
            "View", list(VIEWS.values()), key=VIEW, required=True, persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip
        if state[VIEW] == ONE:
            st.segmented_control(
                "Text to search with", [EXAMPLE, OWN], key=SOURCE, required=True,
                persist_state="session", label_visibility="collapsed",
            )  # fmt: skip
        name = st.selectbox(
            "Dataset", names(services.settings()), key=link.key("dataset"),
            persist_state="session", label_visibility="collapsed", width=190,
            on_change=_forget, format_func=lambda name: f"Dataset: {name}",
        )  # fmt: skip
    dataset = services.dataset(str(name))
    remembered = state.get(link.key("document"))
    if remembered is not None:
        try:
            dataset.row_of(remembered)
        except UnknownNameError as error:
            _forget()
            errors.keep(error)
    if link.key("document") not in state and len(dataset):
        state[link.key("document")] = dataset.document_at(first_example(dataset)).id
    return dataset


def _forget() -> None:
    for key in (link.key("document"), SURVEY, PICKED):
        st.session_state.pop(key, None)


def settings() -> Choice:
    """Draws k, n, ef and the method; the choices are not checked."""
    state = st.session_state
    state.setdefault(METHOD, DEFAULT)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        method = st.selectbox(
            "Method", [DEFAULT, *METHODS], key=METHOD, persist_state="session", width=190,
            format_func=lambda name: METHODS.get(name, "The dataset's default"),
            help=f"{METHOD_HELP} The default is what was best on dev documents; dense where that "
            "was not measured.",
        )  # fmt: skip
        state.setdefault(EF, None)
        ef = st.number_input(
            "ef", min_value=1, step=10, key=EF, persist_state="session", help=EF_HELP,
            placeholder="index's own", width=150,
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        k = _number("k, retrieved", K, 50, K_HELP)
        n = _number("n, shown", N, 10, N_HELP)
    return Choice(k, n, int(ef) if ef else None, "" if method == DEFAULT else str(method))


def _number(label: str, key: str, default: int, words: str) -> int:
    st.session_state.setdefault(key, default)
    return int(
        st.number_input(
            label, min_value=1, step=1, key=key, persist_state="session", help=words, width=150
        )
    )


def open_example(document: str) -> None:
    """Shows a document in the view of one example."""
    state = st.session_state
    state[VIEW], state[SOURCE] = ONE, EXAMPLE
    state[link.key("document")] = document
    state.pop(PICKED, None)
