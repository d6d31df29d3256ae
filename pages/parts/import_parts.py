"""What both import forms have: uploaded files kept on disk, and the problems that were found."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.importing.problems import Kind
from core.importing.uploads import keep_upload
from core.traces.inert import one_line
from pages.parts import services

TYPES = ["jsonl", "json", "csv", "tsv", "parquet", "txt", "gz"]
_OWNER, _FILES = "import_owner", "import_files"


def kept_upload(file: Any) -> Path:
    """Where an uploaded file lies, written there once a visit."""
    owner = st.session_state.setdefault(_OWNER, uuid.uuid4().hex)
    known: dict[str, Path] = st.session_state.setdefault(_FILES, {})
    if file.file_id not in known or not known[file.file_id].is_file():
        known[file.file_id] = keep_upload(services.settings(), owner, file.name, file)
    return known[file.file_id]


def problems_table(problems: Sequence[Mapping[str, Any]], path: Path, name: str) -> None:
    """Problems by kind with their first rows; all of them as a CSV file, where it is there."""
    rows = [
        {
            "Problem": problem["kind"],
            "Count": problem["count"],
            "Rows left out": "yes" if problem["rejected"] else "no",
            "File": one_line(place["file"]),
            "Row": place["row"],
            "Value": one_line(place["value"], 200),
        }
        for problem in problems
        if problem["kind"] != Kind.REPEATED  # told by a figure of its own
        for place in problem["first"]
    ]
    if rows:
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, height=min(38 + 35 * len(rows), 400),
            alt="Problems by kind, with the first rows of each",
        )  # fmt: skip
    if rows and path.is_file():
        st.download_button(
            "All problems as CSV", path.read_bytes, file_name=f"{name}-problems.csv",
            mime="text/csv", icon=":material/download:", key=f"import_problems_{name}",
        )  # fmt: skip
