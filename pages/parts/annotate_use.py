"""Use: judgements as files and back, a golden set, runs scored against it, and hard negatives.

Nothing is prepared before a button asks for it; what was prepared is offered until the choices
beside it change.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from core.annotation.event_files import FileFormat, write_events
from core.annotation.golden import write_golden_set
from core.annotation.hard_negatives import labels_if_ready
from core.annotation.import_report import JudgementImportReport
from core.annotation.people import Role
from core.annotation.prepared import zipped
from core.annotation.verdicts import TaskKind
from core.errors import InputError
from core.importing.uploads import drop_uploads
from core.traces.inert import one_line
from db.gold_effects import newest_word
from db.golden_set import golden_datasets, golden_documents
from db.judgement_exports import count_events, exported_events
from db.judgement_imports import import_judgements, problems_path
from db.queues import Queue, queues
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.annotate_use_made import Made, chosen_dataset, name_of_queue, place, prepared
from pages.parts.annotate_use_negatives import negatives_section, queue_of_negatives
from pages.parts.annotate_use_scores import Word, scores_section
from pages.parts.import_parts import kept_uploads, problems_table
from pages.parts.people import may, person

ALL = ""  # the choice of all queues
_REPORT = "use_import_report"


def use_view() -> None:
    """Draws everything; a lead's."""
    if not may(Role.LEAD):
        st.info("Leads export judgements and put them to use. Ask an admin for the role.")
        return
    with services.store().read() as session:
        there = queues(session)
        word: Word = newest_word(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        queue = _chosen(there)
        queue_of_negatives()
    queue_id = None if queue is None else queue.id
    if word[0]:
        _judgements(queue, word)
    else:
        st.markdown(
            "**Nothing has been judged yet.** What annotators say of labels becomes a golden set, "
            "scores, and hard negatives here. Judgements from elsewhere can be brought in."
        )
    _bring_in()
    if queue is not None and queue.kind is not TaskKind.SHORTLIST:
        st.caption(
            "Gold and hard negatives come from queues of shortlists; this one asks for "
            f"{'traces' if queue.kind is TaskKind.TRACE else 'preferences'}."
        )
        return
    datasets = _datasets(services.settings().database, queue_id, word)
    if datasets:
        _golden(queue, datasets, word)
        negatives_section(queue, datasets, word)
    if datasets or word[1] or word[2]:
        scores_section(queue_id, word)


def _chosen(there: list[Queue]) -> Queue | None:
    """The queue; None for all of them."""
    known = {queue.id: queue for queue in there}
    if st.session_state.get("use_queue") not in (ALL, *known):
        st.session_state["use_queue"] = ALL
    asked = st.selectbox(
        "Queue", [ALL, *known], key="use_queue", persist_state="session", width=340,
        format_func=lambda id: one_line(known[id].name, 80) if id else "All queues",
        label_visibility="collapsed",
    )  # fmt: skip
    return known.get(asked)


@st.cache_data(max_entries=64, show_spinner=False)
def _datasets(database: str, queue_id: str | None, word: Word) -> dict[str, int]:
    """Dataset -> judged documents, as of the newest word."""
    with services.store().read() as session:
        return golden_datasets(session, queue_id)


def _judgements(queue: Queue | None, word: Word) -> None:
    st.header("Judgements", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        kind = FileFormat(
            st.segmented_control(
                "Format", list(FileFormat), default=FileFormat.CSV, required=True,
                key="use_format", format_func=lambda one: one.upper(), persist_state="session",
                label_visibility="collapsed",
            )
        )  # fmt: skip
        history = st.checkbox(
            "With history", key="use_history", persist_state="session",
            help="Also what was replaced or taken back. Without it, what stands.",
        )  # fmt: skip

    def make() -> Made:
        path = place(f"judgements-{name_of_queue(queue)}.{kind}")
        queue_id = queue.id if queue else None
        with services.store().read() as session:
            total = count_events(session, queue_id, history=history)
            bar = st.progress(0.0, "Writing ...")

            def told() -> Any:
                for at, event in enumerate(exported_events(session, queue_id, history=history)):
                    if at % 500 == 0:
                        bar.progress(min(at / max(total, 1), 1.0), f"{at:,} of {total:,}")
                    yield event

            count = write_events(path, kind, told())
            bar.empty()
        return path, f"{count:,} judgements"

    prepared("judgements", (queue and queue.id, kind, history, word), make)


def _bring_in() -> None:
    """The upload of a file of judgements, and how the last import went."""
    with st.expander("Bring judgements in", icon=":material/upload:"):
        st.caption(
            "A CSV, JSONL or Parquet file of judgements from any PhaseLens. Each comes in once and "
            "changes nothing that is here; traces must be here first."
        )
        files = st.file_uploader(
            "Judgements", type=["csv", "jsonl", "parquet"], key="use_upload",
            label_visibility="collapsed",
        )  # fmt: skip
        if press.button(
            "Import", icon=":material/upload:", key="use_import", disabled=files is None
        ):
            with errors.kept():
                (path,) = kept_uploads([files])
                import_file(path)
        report = st.session_state.get(_REPORT)
        if report is not None:
            _report(report)


def import_file(path: Path) -> None:
    """Brings a file in and keeps the report for the page."""
    bar = st.progress(0.0, "Reading ...")
    settings = services.settings()
    st.session_state[_REPORT] = import_judgements(
        services.store(), person(), path, problems_file=problems_path(settings.home, path),
        report=lambda stage, done, total: bar.progress(min(done / max(total, 1), 1.0), stage),
    )  # fmt: skip
    drop_uploads(settings, [path])
    draw_again()


def _report(report: JudgementImportReport) -> None:
    for column, name, value in zip(
        st.columns(3), ("New judgements", "Here already", "Rows left out"),
        (report.events, report.known, report.rejected), strict=True,
    ):  # fmt: skip
        column.metric(name, f"{value:,}", border=True)
    if report.queues:
        made = ", ".join(one_line(name, 80) for name in report.queues)
        st.text(f"Queues made, closed: {made}")
    if report.problems:
        problems_table(
            [one.to_json() for one in report.problems], Path(report.problems_file), "judgements"
        )


def _golden(queue: Queue | None, datasets: dict[str, int], word: Word) -> None:
    st.header(
        "Golden set", anchor=False,
        help="Judged documents with settled gold: the majority's, and a lead's last word. As "
        "JSONL for `phaselens data add`, and as TREC qrels.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        dataset = chosen_dataset(datasets, "use_golden_dataset")
        undisputed = st.checkbox(
            "Without disputed documents", key="use_undisputed", persist_state="session",
            help="Those with a label on which as many say yes as no.",
        )  # fmt: skip
        labels = st.checkbox(
            "With the dataset's labels", key="use_labels", persist_state="session",
            help="So that `phaselens data add` has all it needs.",
        )  # fmt: skip

    def make() -> Made:
        folder = place(f"golden-{name_of_queue(queue)}-{dataset}")
        space = labels_if_ready(services.settings(), dataset) if labels else None
        if labels and space is None:
            raise InputError(
                f"The dataset {dataset} is not here, so its labels cannot be written.",
                "Get it first (Data), or leave them out.",
            )
        with services.store().read() as session, st.spinner("Writing ..."):
            found = golden_documents(session, dataset, queue.id if queue else None)
            report = write_golden_set(
                folder, found, labels=space, undisputed=undisputed,
                about={"dataset": dataset, "queue": queue.name if queue else None},
            )  # fmt: skip
        files = [Path(file) for file in report.files.values()]
        return zipped(folder.with_suffix(".zip"), files), report.in_words()

    prepared("golden", (queue and queue.id, dataset, undisputed, labels, word), make)
