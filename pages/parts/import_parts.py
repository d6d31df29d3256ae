"""What both import forms have: uploaded files kept on disk, and the problems that were found."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.annotation.people import Role
from core.importing.problems import Kind
from core.importing.uploads import keep_uploads
from core.traces.inert import one_line
from pages.parts import services
from pages.parts.people import may, person_now

UPLOAD, NAMED = "Upload", "On this machine"
TYPES = ["jsonl", "json", "csv", "tsv", "parquet", "txt", "gz"]
_OWNER, _FILES = "import_owner", "import_files"


def ways() -> list[str]:
    """How this person may give files: those of the machine itself are for admins, as a look at one
    shows what is in it."""
    return [UPLOAD, NAMED] if may(Role.ADMIN) else [UPLOAD]


def kept_uploads(files: Sequence[Any]) -> list[Path]:
    """Where files of one uploader lie, written there beside each other once a visit."""
    owner = st.session_state.setdefault(_OWNER, uuid.uuid4().hex)
    known: dict[tuple[str, ...], list[Path]] = st.session_state.setdefault(_FILES, {})
    together = tuple(file.file_id for file in files)
    if together not in known or not all(path.is_file() for path in known[together]):
        named = [(file.name, file) for file in files]
        known[together] = keep_uploads(services.settings(), person_now(), owner, named)
    return known[together]


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
