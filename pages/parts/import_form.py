"""The Import tab: choose files, check what their columns are taken for, import, read the report.

Files are uploaded or named by their path on this machine. What was typed stays after an error.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.datasets.catalogue import Listed
from core.datasets.importing import (
    DOCUMENT_ROLES,
    LABEL_ROLES,
    PROBLEMS_FILE,
    ImportRequest,
    Look,
    check_name,
    look_at,
    read_report,
    remove_dataset,
)
from core.errors import InputError, PhaseLensError
from core.jobs.kinds import import_key
from core.traces.inert import one_line
from db.jobs import JobState, load_job
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.facts import facts
from pages.parts.followed_job import followed_job
from pages.parts.import_parts import TYPES, UPLOAD, kept_uploads, problems_table, ways
from pages.parts.people import person, person_now, why_not

NOT_USED = "(not used)"
_JOB = "import_job"


def import_form() -> None:
    """Draws the form, its preview, the running import and its report."""
    kept: dict[str, Any] = {"persist_state": "page"}
    name = st.text_input(
        "Name of the dataset", key="import_name", max_chars=64, placeholder="my-labels", **kept
    )
    way = st.segmented_control(
        "Files", ways(), default=UPLOAD, required=True, key="import_way", **kept
    )
    with errors.kept():
        labels, documents, filters = _uploaded() if way == UPLOAD else _named()
        columns = _columns(labels, documents)
        separator = st.text_input(
            "Between ids in one text", key="import_separator", width=260,
            placeholder="the first of | ; , in it", **kept,
        )  # fmt: skip
        replace = st.checkbox("Replace a dataset of this name", key="import_replace", **kept)
        if press.button("Import", type="primary", icon=":material/upload:", key="import_start"):
            _start(name.strip(), labels, documents, filters, columns, separator, replace=replace)
    followed_job(_JOB, _report, cancelled="The import was cancelled; nothing was changed.")


def _uploaded() -> tuple[Path | None, list[Path], list[Path]]:
    """The files uploaded so far, each kept on disk once."""
    done = _done()  # the files of an import that is done are deleted: the boxes are empty again
    left, middle, right = st.columns(3)
    labels = left.file_uploader("Labels", type=TYPES, key=f"import_labels{done}")
    documents = middle.file_uploader(
        "Documents", type=TYPES, key=f"import_documents{done}", accept_multiple_files=True
    )
    filters = right.file_uploader(
        "Filter pairs (optional)", type=TYPES, key=f"import_filters{done}",
        accept_multiple_files=True,
        help="filter_labels_train.txt and filter_labels_test.txt of the XMC repository.",
    )  # fmt: skip
    return (
        kept_uploads([labels])[0] if labels is not None else None,
        kept_uploads(documents),
        kept_uploads(filters),
    )


def _done() -> str:
    """The last job of this visit that imported something, "" before."""
    if _JOB in st.session_state:
        with services.store().read() as session:
            job = load_job(session, st.session_state[_JOB])
        if job.state is JobState.DONE and job.result:
            st.session_state["import_done"] = job.id
    return str(st.session_state.get("import_done", ""))


def _named() -> tuple[Path | None, list[Path], list[Path]]:
    """Files by their paths, a line each. Raises NotAllowedError for all but admins."""
    person_now().require(Role.ADMIN)
    left, middle, right = st.columns(3)
    labels = left.text_input(
        "Path of the labels", key="import_labels_path", placeholder="/data/lbl.json.gz",
        persist_state="page",
    )  # fmt: skip
    documents = middle.text_area(
        "Paths of the documents, a line each", key="import_documents_path", height=90,
        placeholder="/data/trn.json.gz\n/data/tst.json.gz", persist_state="page",
    )  # fmt: skip
    filters = right.text_area(
        "Paths of filter pairs (optional)", key="import_filters_path", height=90,
        persist_state="page",
    )  # fmt: skip
    return (
        Path(labels.strip()).expanduser() if labels.strip() else None,
        [Path(line.strip()).expanduser() for line in documents.splitlines() if line.strip()],
        [Path(line.strip()).expanduser() for line in filters.splitlines() if line.strip()],
    )


def _columns(labels: Path | None, documents: list[Path]) -> dict[str, str]:
    """Previews, and the columns as the user leaves them."""
    chosen: dict[str, str] = {}
    if labels is not None:
        chosen |= _look("Labels", labels, LABEL_ROLES)
    if documents:
        chosen |= _look("Documents", documents[0], DOCUMENT_ROLES)
    return chosen


def _look(title: str, path: Path, roles: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    try:
        look = look_at(path, roles)
    except PhaseLensError as error:
        errors.card(error.what, error.fix)
        return {}
    with st.container(border=True):
        st.text(one_line(f"{title}: {path.name}, read as {look.format}"))
        chosen = _choices(title, path, look, roles) if look.columns else {}
        frame = [{key: one_line(str(value), 200) for key, value in row.items()}
                 for row in look.rows]  # fmt: skip
        st.dataframe(
            pd.DataFrame(frame), hide_index=True, height="content",
            alt=f"First rows of {title.lower()}",
        )  # fmt: skip
    return chosen


def _choices(
    title: str, path: Path, look: Look, roles: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    columns = st.columns(len(roles))
    options = [NOT_USED, *look.columns]
    chosen = {}
    for place, role in zip(columns, roles, strict=True):
        guessed = look.roles.get(role, NOT_USED)
        picked = place.selectbox(
            role.replace("-", " "), options, index=options.index(guessed),
            key=f"import_{title}_{role}_{path.name}", format_func=one_line,
        )  # fmt: skip
        if picked != guessed:
            chosen[role] = "" if picked == NOT_USED else str(picked)
    return chosen


def _start(
    name: str,
    labels: Path | None,
    documents: list[Path],
    filters: list[Path],
    columns: dict[str, str],
    separator: str,
    *,
    replace: bool,
) -> None:
    settings = services.settings()
    if labels is None or not documents:
        raise InputError(
            "A file is missing.", "Give a file with the labels and at least one with documents."
        )
    check_name(settings, name, replace=replace)
    request = ImportRequest(
        name, labels, tuple(documents), tuple(filters), columns, separator, replace
    )
    params = request.to_json()
    job_id = jobs.submit(
        services.store(), person(), "import", params, f"Import of {name}", import_key(params)
    )
    jobs.start(settings, job_id)
    st.session_state[_JOB] = job_id


def _report(result: Mapping[str, Any]) -> None:
    """The report of the import, and the way to what it made."""
    import_report(result)
    st.button(
        "Open the dataset", icon=":material/database:", key="import_open",
        on_click=_open, args=(str(result["name"]),),
    )  # fmt: skip


def _open(name: str) -> None:
    st.session_state["data_tab"] = "Datasets"
    st.session_state["data_dataset"] = name
    draw_again()  # the whole page, not only this fragment


def import_report(report: Mapping[str, Any]) -> None:
    """The report of an import as tables."""
    name = str(report["name"])
    st.header("Report")
    with st.grid(4):
        st.metric("Labels", f"{report['labels']:,}", border=True)
        st.metric("Documents", f"{report['documents']:,}", border=True)
        st.metric("Rows left out", f"{report['rejected']:,}", border=True)
        st.metric("Gold labels a document", f"{report['mean_labels']:.2f}", border=True)
    facts(
        [
            ("Splits", _said(report["documents_by_split"])),
            ("Labels by training documents", _said(report["head_torso_tail"])),
            ("Propensity constants", "A {a:g}, B {b:g}: {source}".format(**report["propensity"])),
            ("Labels never candidates", f"{report['excluded']:,}"),
        ],
        name=f"Counts of the import of {name}",
    )
    if not report["problems"]:
        st.caption("No problems were found.")
    else:
        path = services.settings().datasets_dir / name / PROBLEMS_FILE
        problems_table(report["problems"], path, name)


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{part} {count:,}" for part, count in counts.items())


def added_card(dataset: Listed) -> None:
    """For a dataset that was added: the report of its import, and its removal."""
    with st.container(horizontal=True):
        shown = st.toggle("Report of its import", key=f"import_report_{dataset.name}")
        no = why_not(Role.LEAD)
        with st.popover("Remove", icon=":material/delete:", disabled=bool(no), help=no or None):
            st.text(f"Deletes the dataset {dataset.name} and its index. Runs and traces stay.")
            if press.button("Remove it", type="primary", key=f"remove_{dataset.name}"):
                with errors.kept():
                    remove_dataset(services.settings(), person_now(), dataset.name)
                    st.query_params.pop("data_dataset", None)
                    st.session_state.pop(_JOB, None)
                    draw_again()
    if shown:
        with errors.kept():
            report = read_report(services.settings(), dataset.name)
            if report is None:
                st.caption("It was not imported by PhaseLens, so there is no report.")
            else:
                import_report(report)
