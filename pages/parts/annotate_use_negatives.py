"""Hard negatives: a file of them to train an encoder with, and a queue that asks for more."""

import streamlit as st

from core.annotation.hard_negatives import Shape, labels_if_ready, names_from, write_negatives
from core.annotation.verdicts import TaskKind
from core.errors import InputError
from db.golden_set import golden_documents
from db.queue_sources import Source, TrainingRule, chosen
from db.queues import MAX_OVERLAP, Queue, add_queue
from db.trace_queries import filter_choices
from pages.parts import errors, services
from pages.parts.annotate_queues import QUEUE
from pages.parts.annotate_use_made import Made, chosen_dataset, name_of_queue, place, prepared
from pages.parts.annotate_use_scores import Word
from pages.parts.people import person

_SHAPES = {
    Shape.DOCUMENTS: "A line a document, with verdicts and ranks",
    Shape.TRIPLETS: "Triplets: anchor, positive, negative",
}
TRAINING_HELP = (
    "Nobody trains on dev or test. Take them only to look at, or where the dataset's splits mean "
    "nothing to you."
)
QUEUE_HELP = (
    "Labels that stand above every gold label, among the first ten, and that nobody has judged: "
    "each is a hard negative, or a label that gold lacks. The documents with the most of them come "
    "first."
)


def negatives_section(queue: Queue | None, datasets: dict[str, int], word: Word) -> None:
    """Draws the choices, and the file once it is prepared."""
    st.header(
        "Hard negatives", anchor=False,
        help="Labels that retrieval ranks high and that annotators call irrelevant, near misses "
        "or wrong gold, to train an encoder with. A queue by the rule for hard negatives asks for "
        "more of them.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        dataset = chosen_dataset(datasets, "use_negatives_dataset")
        shape = Shape(
            st.selectbox(
                "Shape", list(Shape), key="use_shape", format_func=_SHAPES.get, width=340,
                persist_state="session", label_visibility="collapsed",
            )
        )  # fmt: skip
        every = st.checkbox(
            "Also dev and test", key="use_all_splits", persist_state="session", help=TRAINING_HELP
        )

    def make() -> Made:
        path = place(f"hard-negatives-{name_of_queue(queue)}-{dataset}-{shape}.jsonl")
        name_of = names_from(labels_if_ready(services.settings(), dataset))
        with services.store().read() as session, st.spinner("Writing ..."):
            found = golden_documents(session, dataset, queue.id if queue else None)
            report = write_negatives(path, found, shape, name_of=name_of, all_splits=every)
        return path, report.in_words()

    prepared("negatives", (queue and queue.id, dataset, shape, every, word), make)


def queue_of_negatives() -> None:
    """The form of a queue of labels that are hard negatives, if annotators confirm them."""
    with services.store().read() as session:
        there = filter_choices(session).datasets
    with st.popover("Queue of hard negatives", icon=":material/playlist_add:"):
        st.caption(QUEUE_HELP)
        st.text_input(
            "Name", key="use_queue_name", max_chars=100, placeholder="ICD, hard negatives"
        )
        with st.container(horizontal=True, gap="small"):
            st.selectbox(
                "Dataset", there, index=None, key="use_queue_dataset", placeholder="All datasets"
            )
            st.number_input("At most, tasks", 1, 1_000_000, 100, key="use_queue_limit")
            st.number_input("Annotators a task", 1, MAX_OVERLAP, 1, key="use_queue_overlap")
        st.button(
            "Make the queue", type="primary", icon=":material/add:", key="use_queue_make",
            on_click=_make,
        )  # fmt: skip


def _make() -> None:
    state = st.session_state
    dataset = state["use_queue_dataset"]
    asked = {} if dataset is None else {"dataset": str(dataset)}
    source = Source(asked, TrainingRule.HARD_NEGATIVES, int(state["use_queue_limit"]))
    with errors.kept(), services.store().write() as session:
        traces = chosen(session, TaskKind.SHORTLIST, source)
        if not traces:
            raise InputError(
                "No shortlist has such a label.",
                "Run a system over documents with gold first, or leave the dataset out.",
            )
        queue = add_queue(
            session, person(), name=str(state["use_queue_name"]), kind=TaskKind.SHORTLIST,
            traces=traces, overlap=int(state["use_queue_overlap"]), source=source.to_json(),
        )  # fmt: skip
        state["annotate_view"], state[QUEUE] = "Judge", queue.id
