"""The filters of the Traces page. They live in the address, so a filtered list can be linked; under
a name, as a slice, other pages and the command line use them too."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.annotation.people import Role
from core.rerank.base import Bucket, Fate
from core.traces.base import BoundarySource
from core.traces.inert import one_line
from db.slices import MAX_NAME, Slice, delete_slice, save_slice, slices
from db.trace_asked import F1S, LENGTHS, NAMES, PHASES, SINCE, filter_of
from db.trace_views import FilterChoices, TraceFilter, TraceState
from pages.parts import errors, services
from pages.parts.flag_bar import FLAG_NAMES
from pages.parts.people import person, why_not

PAGE_KEY = "f_page"
ORDER_KEY = "f_order"
TEXT_KEY = "f_text"
# As options show them and addresses have them: what they are called inside.
FLAGS = {**{name: verdict for verdict, name in FLAG_NAMES.items()}, "Any flag": "any"}
ORIGINS = ("live", "batch", "import")


@dataclass(frozen=True, slots=True)
class Field:
    """One filter: its name in the address (after "f_"), label and options."""

    name: str
    label: str
    options: Sequence[str]

    @property
    def key(self) -> str:
        return f"f_{self.name}"


def fields(choices: FilterChoices) -> tuple[list[Field], list[Field]]:
    """Those always shown, and those behind "More filters"."""
    first = [
        Field("dataset", "Dataset", _with_asked("dataset", choices.datasets)),
        Field("system", "System", _with_asked("system", choices.systems)),
        Field("fate", "A gold label was", [str(f) for f in Fate]),
        Field("f1", "F1", list(F1S)),
        Field("phases", "Phases", list(PHASES)),
        Field("flag", "Flag", list(FLAGS)),
    ]
    more = [
        Field("bucket", "Output format", [str(b) for b in Bucket]),
        Field("boundary", "Boundary by", [str(s) for s in BoundarySource]),
        Field("length", "Length", list(LENGTHS)),
        Field("state", "State", [str(s) for s in TraceState]),
        Field("origin", "Origin", list(ORIGINS)),
        Field("since", "Started in the", list(SINCE)),
        Field("run", "Run", _with_asked("run", choices.runs)),
    ]
    return first, more


def _with_asked(name: str, known: Sequence[str]) -> list[str]:
    """The known values and the one asked for: a link to a run that has only just begun, or to
    none at all, must not silently list everything."""
    asked = _value(f"f_{name}")
    return [*known, *([asked] if asked and asked not in known else [])]


def filter_bar(choices: FilterChoices) -> TraceFilter:
    """Draws search, filters and slices, and returns what they say."""
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
            with st.popover("Slices", icon=":material/bookmark:"):
                _slices()
            st.button(
                "Clear filters",
                icon=":material/filter_alt_off:",
                disabled=not active(),
                on_click=clear,
                key="f_clear",
            )
        first, more = fields(choices)
        _grid(first)
        used = sum(bool(_value(field.key)) for field in more)
        title = f"More filters ({used} set)" if used else "More filters"
        with st.expander(title, expanded=used > 0):
            _grid(more)
    return chosen()


def _grid(some: Sequence[Field]) -> None:
    with st.grid("auto", min_column_width=165, gap="small"):
        for field in some:
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


def _slices() -> None:
    """The saved slices, and saving what is filtered now as one."""
    with errors.kept():
        with services.store().read() as session:
            known = slices(session)
        st.caption(
            "A slice is these filters under a name, for other pages and the command line too."
        )
        no = why_not(Role.ANNOTATOR)
        for one in known:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    one_line(one.name, 60), key=f"slice_{one.name}", type="tertiary",
                    icon=":material/bookmark:", on_click=_apply, args=(one,),
                    help=one_line(slice_words(one), 300), width="stretch",
                )  # fmt: skip
                st.button(
                    "Delete", key=f"slice_delete_{one.name}", type="tertiary",
                    icon=":material/delete:", on_click=_delete, args=(one.name,),
                    disabled=bool(no), help=no or None,
                )  # fmt: skip
        st.text_input("Name", key="slice_name", max_chars=MAX_NAME, placeholder="lost in reasoning")
        st.button(
            "Save these filters", icon=":material/bookmark_add:", key="slice_save",
            disabled=bool(no) or not active(), help=no or None, on_click=_save,
        )  # fmt: skip


def slice_words(one: Slice) -> str:
    """What a slice filters, in words."""
    return ", ".join(f"{name}: {value}" for name, value in one.asked.items())


def _apply(one: Slice) -> None:
    clear()
    names = {verdict: name for name, verdict in FLAGS.items()}
    for name, value in one.asked.items():
        st.session_state[f"f_{name}"] = names.get(value, value) if name == "flag" else value


def _save() -> None:
    with errors.kept(), services.store().write() as session:
        save_slice(session, person(), str(st.session_state.get("slice_name", "")), asked())
        st.session_state["slice_name"] = ""


def _delete(name: str) -> None:
    with errors.kept(), services.store().write() as session:
        delete_slice(session, person(), name)


def asked() -> dict[str, str]:
    """The filter in words, as the widgets or the address have it."""
    values = {name: _value(f"f_{name}") for name in NAMES}
    values["flag"] = FLAGS.get(values["flag"] or "")
    return {name: value for name, value in values.items() if value}


def chosen() -> TraceFilter:
    """The filter as the widgets or the address have it, also while another view is drawn."""
    return filter_of(asked())


def _value(key: str) -> str | None:
    value = st.session_state.get(key, st.query_params.get(key))
    return str(value) if value else None


def active() -> bool:
    """Whether anything is filtered at all."""
    return bool(asked())


def clear() -> None:
    """A callback: takes every filter away."""
    for name in NAMES:
        st.session_state[f"f_{name}"] = "" if name == "text" else None
    to_first_page()


def to_first_page() -> None:
    st.session_state[PAGE_KEY] = 1
