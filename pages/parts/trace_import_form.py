"""The Import traces tab: choose files, say what they do not, import, read the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.datasets.catalogue import listing
from core.errors import InputError
from core.jobs.kinds import import_traces_key
from core.traces.importing.columns import TRACE_ROLES, parse_trace_columns
from core.traces.importing.request import TraceImportRequest
from core.traces.inert import one_line
from pages.parts import errors, press, services
from pages.parts.followed_job import followed_job
from pages.parts.import_parts import TYPES, UPLOAD, kept_uploads, problems_table, ways
from pages.parts.people import person, person_now
from pages.parts.work_out import work_out_button, work_out_progress

_JOB = "trace_import_job"
FORMATS = """
One trace a row, as JSON lines, Parquet or CSV, with columns for

- the **document**: its id in the dataset (`document_id`), or its `text`; a `prompt` that holds more
  than the document is none
- the **trace**: `trace`, or `reasoning_content` and `content`; `<think>` tags are understood
- and, where they are known: `dataset`, `system`, `answer` (ids or names of labels), `candidates`
  (the labels that the model was shown, in order), `token_offsets`, `tokens`, `seconds`,
  `finish_reason`, `gold`

Logs of OpenAI chat completions (also a batch's output) and of Inspect (`.eval`) are read as they
are. The same row is stored once, however often it is imported.
"""


def trace_import_form() -> None:
    """Draws the form, the running import and its report."""
    kept: dict[str, Any] = {"persist_state": "page"}
    with st.popover("What a file may be", icon=":material/help:", type="tertiary"):
        st.markdown(FORMATS)
    way = st.segmented_control(
        "Files", ways(), default=UPLOAD, required=True, key="trace_import_way", **kept
    )
    with errors.kept():
        files = _uploaded() if way == UPLOAD else _named()
        left, middle, right = st.columns(3)
        datasets = [one.name for one in listing(services.settings()) if one.ready]
        dataset = left.selectbox(
            "Dataset, where rows do not name it", datasets, index=None, key="trace_import_dataset",
            placeholder="As the rows say", **kept,
        )  # fmt: skip
        system = middle.text_input(
            "System, where rows do not name it", key="trace_import_system", max_chars=200,
            placeholder="llama-70b", **kept,
        )  # fmt: skip
        columns = right.text_input(
            "Columns of other names", key="trace_import_columns",
            placeholder="trace=output document=pmid", **kept,
            help=f"ROLE=COLUMN, with spaces between. Roles: {', '.join(TRACE_ROLES)}.",
        )  # fmt: skip
        if press.button(
            "Import traces", type="primary", icon=":material/upload:", key="trace_import_start"
        ):
            given = parse_trace_columns(columns.split())
            _start(TraceImportRequest(tuple(files), dataset or "", system.strip(), given))
    followed_job(
        _JOB, trace_import_report,
        cancelled="The import was cancelled; what was stored until then stays.",
    )  # fmt: skip


def _uploaded() -> list[Path]:
    files = st.file_uploader(
        "Files with traces", type=[*TYPES, "eval"], key="trace_import_files",
        accept_multiple_files=True,
    )  # fmt: skip
    return kept_uploads(files)


def _named() -> list[Path]:
    person_now().require(Role.ADMIN)
    lines = st.text_area(
        "Paths of the files, a line each", key="trace_import_paths", height=90,
        placeholder="/data/llama-70b.jsonl", persist_state="page",
    )  # fmt: skip
    return [Path(line.strip()).expanduser() for line in lines.splitlines() if line.strip()]


def _start(request: TraceImportRequest) -> None:
    if not request.files:
        raise InputError("No file is given.", "Give at least one file of traces.")
    params = request.to_json()
    title = f"Import of traces: {request.files[0].name}"
    job_id = jobs.submit(
        services.store(), person(), "import-traces", params, title, import_traces_key(params)
    )
    jobs.start(services.settings(), job_id)
    st.session_state[_JOB] = job_id


def trace_import_report(report: Mapping[str, Any]) -> None:
    """The report of an import, and the ways on."""
    st.header("Report")
    with st.grid(3):
        st.metric("New traces", f"{report['traces']:,}", border=True)
        st.metric("Here already", f"{report['known']:,}", border=True)
        st.metric("Rows left out", f"{report['rejected']:,}", border=True)
    by = ", ".join(f"{one_line(name, 80)}: {count:,}" for name, count in report["by"].items())
    st.text(by or "Nothing new.")
    if report["problems"]:
        problems_table(report["problems"], Path(report["problems_file"]), "traces")
    else:
        st.caption("No problems were found.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(
            "pages/traces.py", label="Read them on Traces", icon=":material/receipt_long:",
            query_params={"f_origin": "import"},
        )  # fmt: skip
        work_out_button("Work out all of them now", {"origin": "import"})
    work_out_progress()
