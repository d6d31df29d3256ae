"""Everything that decided a trace's text, as a table to read and as data to copy."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from core.traces.inert import neutralise, one_line
from db.trace_views import StoredTrace
from pages.parts.facts import facts
from pages.parts.times import local_time

ORIGINS = {"live": "live, from Explore", "batch": "batch run", "import": "imported from a file"}
LONG = 200  # characters; longer values (the prompt template) are shown in the data only


def provenance(stored: StoredTrace) -> None:
    """Draws when and where the trace came from, then its run's identity."""
    row = stored.summary
    facts(
        [
            ("Trace", row.id),
            ("Run", row.run_id or "not known: the run failed before anything was loaded"),
            ("Origin", ORIGINS.get(row.origin, row.origin)),
            ("Attempt", row.attempt),
            ("Started", local_time(row.created_at)),
            ("Ended", local_time(row.finished_at) or "not yet"),
        ],
        name="Where this trace came from",
    )
    if stored.identity is None or row.origin == "import":
        return
    st.caption("The run's identity: everything that decided the text. Equal identities write "
               "equal texts under greedy decoding.")  # fmt: skip
    facts(identity_rows(stored.identity), name="Identity of the run")
    st.code(
        neutralise(json.dumps(stored.identity, indent=2, sort_keys=True, ensure_ascii=False)),
        language=None,
        height=240,
    )


def identity_rows(identity: Mapping[str, Any]) -> list[tuple[str, object]]:
    """A nested identity as flat rows, "model / dtype"; long values are cut."""
    return [(" / ".join(path), _short(value)) for path, value in _leaves(identity, ())]


def _leaves(
    data: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in data.items():
        here = (*path, str(key).replace("_", " "))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        else:
            yield here, value


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    if len(text) <= LONG:
        return text
    return f"{one_line(text, LONG)} ({len(text):,} characters, whole below)"
