"""Explore: pick a text, run it, and watch the shortlist, the reasoning and the final labels.

1. The address is read (pages/parts/link.py), then the inputs are drawn.
2. Run hands the text to the live worker, a process of its own, and puts the trace id into the
   address. From then on the example is only watched: a rerun, another page or a closed tab
   never stops it, and coming back shows it again.
3. While it runs, a fragment draws it every 0.3 s; when it has ended, the page draws it once.
"""

import streamlit as st

from core.annotation.people import Role
from core.datasets.base import Dataset, Document
from core.datasets.catalogue import names
from core.datasets.examples import first_example, is_own
from core.errors import InputError, UnknownNameError
from core.live.view import LiveView
from core.rerank.prompts import check_template
from core.systems import RunConfig, System
from core.traces.inert import one_line
from pages.parts import entry, errors, link, press, services
from pages.parts.address import draw_again
from pages.parts.details import details
from pages.parts.example_picker import EXAMPLE, OWN, OWN_TEXT, SOURCE, example_picker
from pages.parts.index_notice import index_notice
from pages.parts.inside_link import inside_link
from pages.parts.people import person_now, why_not
from pages.parts.result import result
from pages.parts.run_settings import prompt_editor, run_settings, take_settings
from pages.parts.views import earlier_view, find_view, same_example

POLL_S = 0.3
LOADING_POLL_S = 1.0
LAST = "explore_last_trace"  # the run before the one shown, in this session


def take_over(asked: link.Link, systems: list[System]) -> None:
    """Puts what a new address asks for into the session; what does not exist is left out.

    Raises UnknownNameError for the first of those, and StoreError.
    """
    state, wrong = st.session_state, []
    if asked.trace:
        try:
            view = find_view(asked.trace)
            if view.config.k < 1:
                raise UnknownNameError(
                    f"Trace {one_line(asked.trace)} was imported, so there are no settings to run "
                    "it with.",
                    "Read it on the Traces page.",
                )
            show(view)
        except UnknownNameError as error:
            wrong.append(error)
    for name in ("dataset", "document", "system", "k", "n"):
        value = getattr(asked, name)
        if value not in ("", None):
            state[link.key(name)] = value
    if asked.document:
        state[SOURCE] = EXAMPLE
    names_ = [system.name for system in systems]
    if state.get(link.key("system"), names_[0]) not in names_:
        wrong.append(unknown("system", state.pop(link.key("system")), names_[0]))
    found = names(services.settings())
    if state.get(link.key("dataset"), found[0]) not in found:
        wrong.append(unknown("dataset", state.pop(link.key("dataset")), found[0]))
    if wrong:
        raise wrong[0]


def unknown(what: str, name: str, instead: str) -> UnknownNameError:
    return UnknownNameError(
        f"There is no {what} named {one_line(name)!r}.", f"Showing {instead} instead."
    )


def show(view: LiveView) -> None:
    """Makes the inputs those of an example, and the example the one shown."""
    state, config = st.session_state, view.config
    state[link.key("trace")] = view.trace_id
    state[link.key("dataset")] = config.dataset
    take_settings(config)
    if is_own(view.document.id):
        state[SOURCE], state[OWN_TEXT] = OWN, view.document.text
    else:
        state[SOURCE], state[link.key("document")] = EXAMPLE, view.document.id


def chosen_dataset() -> Dataset:
    """Draws what kind of text and which dataset; opens the dataset. Raises DataError."""
    st.session_state.setdefault(SOURCE, EXAMPLE)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Explore", width="content", anchor=False)
        st.segmented_control(
            "Text to run",
            [EXAMPLE, OWN],
            key=SOURCE,
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        name = st.selectbox(
            "Dataset",
            names(services.settings()),
            key=link.key("dataset"),
            persist_state="session",
            label_visibility="collapsed",
            width=170,
            on_change=forget_document,
            format_func=lambda name: f"Dataset: {name}",
        )
    dataset = services.dataset(str(name))
    remembered = st.session_state.get(link.key("document"))
    if remembered is not None:
        try:
            dataset.row_of(remembered)
        except UnknownNameError as error:
            forget_document()
            errors.keep(error)
    if link.key("document") not in st.session_state:
        first = dataset.document_at(first_example(dataset))
        st.session_state[link.key("document")] = first.id
    return dataset


def forget_document() -> None:
    st.session_state.pop(link.key("document"), None)


def problem_with(config: RunConfig, dataset: Dataset) -> InputError | None:
    """What keeps these settings from being run, or None."""
    try:
        config.check(len(dataset.labels))
        check_template(config.prompt)
    except InputError as error:
        return error
    return None


def run_buttons(document: Document, config: RunConfig, problem: InputError | None) -> None:
    """Run, and Cancel for the example shown."""
    worker = services.live_worker()
    trace_id = st.session_state.get(link.key("trace"))
    view = worker.view(trace_id) if trace_id else None
    running = view is not None and view.running
    no = why_not(Role.ANNOTATOR)
    with st.container(horizontal=True, gap="small"):
        run = press.button(
            "Run",
            key="explore_run",
            type="primary",
            icon=":material/play_arrow:",
            shortcut="Mod+Enter",
            disabled=bool(no) or running,
            help=no or None,
        )
        st.button(
            "Cancel",
            key="explore_cancel",
            icon=":material/stop:",
            shortcut="Q",
            disabled=bool(no) or not running,
            on_click=cancel,
            args=(trace_id,),
            help=no or "Stops the model. What it has written is kept.",
        )
    if no:
        st.caption(no)
    if run and problem is None:
        with errors.kept():
            started = worker.start(person_now(), config, document)
            st.session_state[LAST] = trace_id
            st.session_state[link.key("trace")] = started
            draw_again()


def cancel(trace_id: str) -> None:
    with errors.kept():
        services.live_worker().cancel(person_now(), trace_id)


def shown_view(dataset: str, document: Document) -> LiveView | None:
    """The example to draw under the inputs: the one last run, when it is of this document."""
    trace_id = st.session_state.get(link.key("trace"))
    if not trace_id:
        return None
    try:
        view = find_view(trace_id)
    except UnknownNameError:
        st.session_state.pop(link.key("trace"), None)
        return None
    if same_example(view, dataset, document.id):
        return view
    elsewhere(view)
    return None


def elsewhere(view: LiveView) -> None:
    """Says that the last run is of another text, and leads back to it."""
    title = one_line(view.document.text, 80)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        going = "A run of another text is still going:" if view.running else "Your last run was of:"
        st.text(f"{going} {title}")
        st.button(
            "Show it",
            icon=":material/undo:",
            key="explore_show_running",
            on_click=show,
            args=(view,),
        )


def heading(view: LiveView, document: Document, config: RunConfig) -> None:
    """What the result below is of, and its link."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        what = "your text" if is_own(view.document.id) else view.document.id
        ran = view.config
        st.text(
            f"Result for {one_line(what)} · {one_line(ran.system)} · k {ran.k} · n {ran.n}",
            width="content",
        )
        if not view.running and (view.config != config or view.document.text != document.text):
            st.badge(
                "inputs changed since",
                icon=":material/edit:",
                color="orange",
                help="The inputs above are no longer those of this result. Run again.",
            )
        st.page_link(
            "pages/traces.py",
            label="Saved trace",
            icon=":material/link:",
            query_params={"trace": view.trace_id},
        )
        inside_link(view)


def watch(trace_id: str) -> None:
    """Draws a running example; when it has ended, has the whole page drawn."""
    with errors.kept():
        view = find_view(trace_id)
        if not view.running:
            draw_again()
        if not view.stages and services.live_worker().busy != trace_id:
            st.info("Waiting: the model is busy with another text.", icon=":material/schedule:")
        result(view)


def draw() -> None:
    """The page from top to bottom."""
    systems = services.systems()
    asked = link.read()
    if asked is not None:
        with errors.kept():
            take_over(asked, systems)
    left, right = st.columns([3, 2], gap="large")
    with left:
        dataset = chosen_dataset()
        document = example_picker(dataset)
    with right:
        config = run_settings(dataset.name, systems)
        problem = problem_with(config, dataset)
        run_buttons(document, config, problem)
        if problem is not None:
            errors.card(problem.what, problem.fix)
    prompt_editor()
    index_notice(dataset.name)
    view = shown_view(dataset.name, document)
    own = is_own(document.id)
    link.write(
        link.Link(
            dataset=dataset.name,
            document="" if own else document.id,
            system=config.system,
            k=config.k,
            n=config.n,
            trace=view.trace_id if view else "",
        )
    )
    if view is None:
        welcome(own)
        return
    heading(view, document, config)
    if view.running:
        st.fragment(watch, run_every=POLL_S)(view.trace_id)
        return
    result(view)
    details(view, earlier_view(view, st.session_state.get(LAST)))


def welcome(own: bool) -> None:
    """What will happen, for who has not run anything yet."""
    what = "Type a text" if own else "Pick a document"
    st.caption(
        f"{what} and press Run. The text is embedded; the k nearest labels are searched among "
        "all of them; the first n go to the language model, which writes a trace: a shortlisting "
        "part and a reasoning part. Then you see which labels it chose and where each right "
        "label was lost."
    )
    worker = services.live_worker()
    if worker.warming:
        st.fragment(loading, run_every=LOADING_POLL_S)()
    elif worker.warm_error is not None:
        errors.card(worker.warm_error.what, worker.warm_error.fix)


def loading() -> None:
    """Says that the model is being loaded; when that has ended, has the whole page drawn."""
    if not services.live_worker().warming:
        draw_again()
    st.caption(":material/hourglass_top: Loading the model and the index; a run waits for them.")


entry.through_app()
with errors.kept():
    draw()
