"""The filters of the Traces page. They live in the address, so a filtered list can be linked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.rerank.base import Bucket, Fate
from core.traces.inert import one_line
from db.trace_views import FilterChoices, TraceFilter, TraceState
from pages.parts.flag_bar import CHOICES

PAGE_KEY = "f_page"
ORDER_KEY = "f_order"
TEXT_KEY = "f_text"
ANY_FLAG = "Any flag"
PHASES = {"with phases": True, "without phases": False}
SINCE = {
    "last hour": timedelta(hours=1),
    "last day": timedelta(days=1),
    "last week": timedelta(weeks=1),
    "last 30 days": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One filter: its key in the address, label and options."""

    key: str
    label: str
    options: Sequence[str]


def fields(choices: FilterChoices) -> list[Field]:
    return [
        Field("f_dataset", "Dataset", _with_asked("f_dataset", choices.datasets)),
        Field("f_system", "System", _with_asked("f_system", choices.systems)),
        Field("f_state", "State", [str(s) for s in TraceState]),
        Field("f_bucket", "Output format", [str(b) for b in Bucket]),
        Field("f_fate", "A gold label was", [str(f) for f in Fate]),
        Field("f_phases", "Phases", list(PHASES)),
        Field("f_flag", "Flag", [*(c.name for c in CHOICES.values()), ANY_FLAG]),
        Field("f_since", "Started in the", list(SINCE)),
        Field("f_run", "Run", _with_asked("f_run", choices.runs)),
    ]


def _with_asked(key: str, known: Sequence[str]) -> list[str]:
    """The known values and the one asked for: a link to a run that has only just begun, or to
    none at all, must not silently list everything."""
    asked = _value(key)
    return [*known, *([asked] if asked and asked not in known else [])]


def filter_bar(choices: FilterChoices) -> TraceFilter:
    """Draws search and filters and returns what they say."""
    with st.container(border=True, key="trace_filters"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Search the text of documents, labels and traces",
                key=TEXT_KEY,
                type="search",
                bind="query-params",
                max_chars=300,
                placeholder='Words, or "an exact phrase"',
                on_change=to_first_page,
                width="stretch",
            )
            st.button(
                "Clear filters",
                icon=":material/filter_alt_off:",
                disabled=not active(choices),
                on_click=clear,
                args=(choices,),
                key="f_clear",
            )
        with st.grid("auto", min_column_width=190, gap="small"):
            for field in fields(choices):
                st.selectbox(
                    field.label,
                    list(field.options),
                    index=None,
                    placeholder="Any",
                    key=field.key,
                    format_func=lambda value: one_line(str(value), 60),
                    bind="query-params",
                    on_change=to_first_page,
                )
    return chosen()


def chosen() -> TraceFilter:
    """The filter as the widgets or the address have it, also while another view is drawn."""
    flags = {c.name: verdict for verdict, c in CHOICES.items()} | {ANY_FLAG: "any"}
    since = SINCE.get(_value("f_since") or "")
    return TraceFilter(
        dataset=_value("f_dataset"),
        system=_value("f_system"),
        state=_value("f_state"),
        bucket=_value("f_bucket"),
        fate=_value("f_fate"),
        has_phases=PHASES.get(_value("f_phases") or ""),
        flag=flags.get(_value("f_flag") or ""),
        run_id=_value("f_run"),
        since=datetime.now(UTC) - since if since else None,
        text=_value(TEXT_KEY),
    )


def _value(key: str) -> str | None:
    value = st.session_state.get(key, st.query_params.get(key))
    return str(value) if value else None


def active(choices: FilterChoices) -> bool:
    """Whether anything is filtered at all."""
    return any(_value(key) for key in _keys(choices))


def clear(choices: FilterChoices) -> None:
    """A callback: takes every filter away."""
    for key in _keys(choices):
        st.session_state[key] = "" if key == TEXT_KEY else None
    to_first_page()


def _keys(choices: FilterChoices) -> list[str]:
    return [TEXT_KEY, *(field.key for field in fields(choices))]


def to_first_page() -> None:
    st.session_state[PAGE_KEY] = 1
