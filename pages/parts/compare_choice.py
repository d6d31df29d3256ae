"""Which runs the Compare page is about; all of it is in its address."""

from collections.abc import Mapping

import streamlit as st

from core.comparison.choice import together
from core.comparison.runs import FEWEST, MOST
from core.errors import UnknownNameError
from core.study.offered import offered
from core.study.shipped import ships
from core.traces.inert import both_ends, one_line
from db.runs import RunSummary, answered_documents, list_runs, load_run, run_datasets
from pages.parts import errors, services
from pages.parts.address import Address
from pages.parts.compare_shipped import shipped_note
from pages.parts.times import local_time

DATASET, RUNS, DOCUMENT, DIFFER = "cmp_dataset", "cmp_runs", "cmp_document", "cmp_differ"
LINKED = "cmp_linked"  # a document that an address has asked for, until it is looked at
SLICE = "cmp_slice"
TEXT = "cmp_text"  # a new text
LIVE, VIEW = "cmp_live", "cmp_view"  # its traces' ids; which of these is looked at:
TESTED, NEW_TEXT = "Their documents", "A new text"
OFFERED = 400
LONGEST_NAME = 60  # of a system
LOOKED_AT, OFFERED_AT_FIRST = 8, 3  # runs, where nobody has chosen any
ADDRESS = Address("compare", ("dataset", "runs", "slice", "document", "live"), ("cmp_",))


def take_over() -> None:
    """Puts what a new address asks for into the session."""
    asked = ADDRESS.read()
    if asked is None:
        return
    if asked.get("dataset"):
        st.session_state[DATASET] = asked["dataset"]
    if asked.get("runs"):
        st.session_state[RUNS] = asked["runs"].split(",")[:MOST]
    st.session_state[SLICE] = asked.get("slice") or None
    st.session_state[DOCUMENT] = st.session_state[LINKED] = asked.get("document")
    st.session_state[VIEW] = NEW_TEXT if asked.get("live") else TESTED
    if asked.get("live"):
        st.session_state[LIVE] = asked["live"].split(",")[:MOST]
        st.session_state.pop(TEXT, None)  # the text of these traces takes its place


def write_address(dataset: str, runs: tuple[str, ...]) -> None:
    state, live = st.session_state, ""
    document = state.get(DOCUMENT) if runs else None
    if runs and state.get(VIEW) == NEW_TEXT:
        document, live = None, ",".join(state.get(LIVE) or ())
    values = {
        "dataset": dataset, "runs": ",".join(runs), "slice": state.get(SLICE) if runs else None,
        "document": document, "live": live,
    }  # fmt: skip
    ADDRESS.write(values)


def chosen_view() -> str:
    """Draws whether the stored documents or a new text are looked at."""
    st.session_state.setdefault(VIEW, TESTED)
    return str(
        st.segmented_control(
            "Compare on", [TESTED, NEW_TEXT], key=VIEW, required=True, persist_state="session",
            label_visibility="collapsed",
        )
    )  # fmt: skip


def chosen_slice(names: list[str]) -> str:
    """Draws the choice of a slice, where there is any; "" for all documents."""
    asked = st.session_state.get(SLICE)
    if not names and not asked:
        return ""
    options = [*names, *([asked] if asked and asked not in names else [])]
    found = st.selectbox(
        "Slice", options, index=None, key=SLICE, persist_state="session", width=260,
        placeholder="All documents", format_func=lambda name: f"Slice: {one_line(name, 60)}",
        label_visibility="collapsed",
        help="Only documents of which some trace is in the slice; Traces makes slices.",
    )  # fmt: skip
    return str(found or "")


def chosen_runs() -> tuple[str, tuple[str, ...]] | None:
    """Draws title, dataset and runs; (dataset, run ids), or None where fewer than two are chosen,
    which is said. Raises StoreError."""
    with services.store().read() as session:
        datasets = run_datasets(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Compare", width="content", anchor=False)
        if datasets:
            _dataset(datasets)
    coming = shipped_note()
    if not datasets:
        if not coming:
            _nothing("**There is no batch run to compare yet.**")
        return None
    dataset = str(st.session_state[DATASET])
    with services.store().read() as session:
        runs = list_runs(session, dataset=dataset, limit=OFFERED)
    known = {run.id: run for run in runs if run.done}
    _keep_known(known, dataset)
    chosen = st.multiselect(
        "Runs", list(known), key=RUNS, persist_state="session", max_selections=MOST,
        format_func=lambda run: run_title(known[run]),
        placeholder=f"Choose {FEWEST} to {MOST} runs",
        help="Batch runs over this dataset, newest first. They are compared over the documents "
        "that all of them have answered; the first one chosen is what the others are measured "
        "against.",
    )  # fmt: skip
    if len(known) < FEWEST:
        _nothing(f"**{dataset} has only one batch run.** It takes two to compare.")
        return None
    if len(chosen) < FEWEST:
        st.info(f"Choose at least {FEWEST} runs.", icon=":material/touch_app:")
        return None
    return dataset, tuple(chosen)


def run_title(run: RunSummary) -> str:
    """Different for each run: the browser tells which was chosen by these words (`_meant`)."""
    decoding = run.config.decoding
    parts = [
        both_ends(run.system, LONGEST_NAME),
        decoding.mode.value + (" guided" * decoding.guided),
    ]
    parts += [
        run.split or "all",
        f"{run.done:,} document{'s' * (run.done != 1)}",
        local_time(run.created_at),
        run.id[:6],
    ]
    return one_line(" · ".join(parts), 200)  # the id stands last, and is never cut


def _dataset(counts: Mapping[str, int]) -> None:
    """`counts`: runs, by dataset."""
    asked = st.session_state.get(DATASET)
    if asked not in counts:
        most = max(counts, key=lambda name: counts[name])
        st.session_state[DATASET] = most
        if asked is not None:
            _forget()
            errors.keep(
                UnknownNameError(
                    f"There is no batch run over {one_line(asked, 60)} here; showing {most}.",
                    f"Its results ship with PhaseLens: get {asked} on the Data page."
                    if ships(asked)
                    else "Run two systems over it on Jobs.",
                )
            )
    st.selectbox(
        "Dataset", list(counts), key=DATASET, persist_state="session",
        format_func=lambda name: f"Dataset: {one_line(name, 60)}",
        label_visibility="collapsed", width=220, on_change=_forget,
    )  # fmt: skip


def _keep_known(known: dict[str, RunSummary], dataset: str) -> None:
    """Runs of an address that are not there are left out, which is said; without a choice, it is
    the tests of a study, or the newest runs of some systems that share documents."""
    asked = st.session_state.get(RUNS)
    if asked is not None:
        asked = [_meant(run, known) for run in asked]
    for run in asked or ():
        _find_older(run, known, dataset)
    kept = [run for run in asked or () if run in known]
    if asked is None:
        newest: dict[str, str] = {}
        for run in known.values():
            newest.setdefault(run.system, run.id)
        kept = offered((run.id, run.system, run.split) for run in known.values())
        kept = kept or _sharing(list(newest.values())) or _sharing(list(known))
    if kept != st.session_state.get(RUNS):
        st.session_state[RUNS] = kept
    gone = [one_line(run, 20) for run in asked or () if run not in known]
    if gone:
        base = f" All are measured against {known[kept[0]].system}." if kept else ""
        errors.keep(
            UnknownNameError(
                f"{len(gone)} of the runs asked for {'is' if len(gone) == 1 else 'are'} not among "
                f"those over {one_line(dataset, 60)} here: {', '.join(gone)}.",
                f"The others are compared.{base}",
            )
        )


def _meant(run: str, known: dict[str, RunSummary]) -> str:
    """The run of these words: while it goes on, the browser's count of its documents can be that
    of a moment ago, and is no run's title any more."""
    return next((one for one in known if run.endswith(f" · {one[:6]}")), run)


def _find_older(run: str, known: dict[str, RunSummary], dataset: str) -> None:
    """A run that is asked for may be older than all that are offered."""
    if run in known:
        return
    with services.store().read() as session:
        try:
            found = load_run(session, run).summary
        except UnknownNameError:
            return
    if found.id == run and found.dataset == dataset and found.done:
        known[run] = found


def _sharing(runs: list[str]) -> list[str]:
    """Some of the first of them that can be compared."""
    with services.store().read() as session:
        documents = {run: answered_documents(session, run) for run in runs[:LOOKED_AT]}
    return together(documents, OFFERED_AT_FIRST)


def _forget() -> None:
    for name in (RUNS, DOCUMENT, LIVE):
        st.session_state.pop(name, None)


def _nothing(what: str) -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(what, width="content")
        st.markdown(
            "Run a system over a split of a dataset, then another one over the same split.",
            width="content",
        )
        st.page_link("pages/jobs.py", label="Start a run on Jobs",
                     icon=":material/pending_actions:")  # fmt: skip
