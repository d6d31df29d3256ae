"""A box that finds one label of hundreds of thousands while words of its name, or its code, are
typed.

1. The browser holds the box and the list below it (box.js). Once typing rests for a moment, it
   tells Python the query; the fragment alone runs again, searches, and hands over what was found.
2. The picked label comes back as a trigger. Whatever the browser says is checked: it must be a
   label of the dataset, and none of the excluded.
3. The first time, the files of the search are made on a thread, and a caption says how far it is.

Names reach the browser as data and are put there as text, never as HTML.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import streamlit as st

from core.config import Settings
from core.datasets.base import Dataset
from core.errors import PhaseLensError, StoreError
from core.label_search.index import is_made
from core.label_search.search import Found, LabelSearch
from core.label_search.words import typed_parts
from core.traces.inert import neutralise
from pages.parts import errors, services
from pages.parts.address import draw_again

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "phaselens_label_search",
    html='<div class="label-search"></div>',
    css=(_HERE / "box.css").read_text(encoding="utf-8"),
    js=(_HERE / "box.js").read_text(encoding="utf-8"),
)
SHOWN = 20
LOOK_S = 0.4
AT_ONCE_S = 0.3  # a small label space is ready before a caption is worth drawing

OnPick = Callable[[str], None]


def label_search(
    dataset: Dataset,
    *,
    key: str,
    on_pick: OnPick,
    exclude: Collection[str] = (),
    label: str = "Find a label",
    focus: str = "",
    leave: bool = False,
) -> bool:
    """Draws the box. `on_pick` is called with the id of each label that is picked, as a widget's
    callback is, and then the whole page is drawn again. `exclude`: ids that are not offered.
    `focus`: each new word here is told in the page once, as the event "phaselens-label-search" with
    { box }, for whoever wants to give the box the focus; `leave`: it gives the focus up with each
    pick. Returns whether the box is drawn; else how far it is, or why it cannot be, is said."""
    making = _making(dataset)
    if making.error is not None:
        _opened.clear()  # the next look at the page tries again
        errors.card(making.error.what, making.error.fix)
    elif making.search is None:
        st.fragment(_wait, run_every=LOOK_S)(making)
    else:
        _box(
            dataset,
            making.search,
            key,
            frozenset(exclude),
            on_pick,
            {"label": label, "focus": focus, "leave": leave},
        )
    return making.search is not None


def can_search(dataset: Dataset) -> bool:
    """Whether the box is there or will be."""
    return _making(dataset).error is None


class _Making:
    """A search that is there (`search`), is being made (`done` of `total` labels), or cannot be
    (`error`)."""

    def __init__(self, settings: Settings, dataset: Dataset) -> None:
        self.search: LabelSearch | None = None
        self.error: PhaseLensError | None = None
        self.done, self.total = 0, len(dataset.labels)
        if is_made(settings, dataset):
            self._make(settings, dataset)
            return
        thread = Thread(target=self._make, args=(settings, dataset), daemon=True)
        thread.start()
        thread.join(AT_ONCE_S)

    def _make(self, settings: Settings, dataset: Dataset) -> None:
        try:
            self.search = LabelSearch.open(settings, dataset, self._report)
        except PhaseLensError as error:
            self.error = error
        finally:
            if self.search is None and self.error is None:  # nobody waits for ever
                self.error = StoreError(
                    "The search over labels could not be prepared.",
                    "The app's log has the reason; open the page again to try once more.",
                )

    def _report(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    @property
    def words(self) -> str:
        share = self.done / self.total if self.total else 0.0
        return f"The search over {self.total:,} labels is being prepared: {share:.0%}"


def _making(dataset: Dataset) -> _Making:
    now = services.settings()
    return _opened(now.home, dataset.info.index_name, dataset.labels.fingerprint, now, dataset)


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(
    home: Path, name: str, fingerprint: str, _settings: Settings, _dataset: Dataset
) -> _Making:
    return _Making(_settings, _dataset)


def _wait(making: _Making) -> None:
    if making.search is not None or making.error is not None:
        draw_again()
    st.caption(making.words)


@st.fragment
def _box(
    dataset: Dataset,
    search: LabelSearch,
    key: str,
    exclude: frozenset[str],
    on_pick: OnPick,
    drawn: Mapping[str, object],
) -> None:
    if st.session_state.pop(_picked_key(key), False):
        draw_again()  # what a pick changes may lie anywhere on the page
    query = _said(key, "query")
    _COMPONENT(
        key=key,
        data={
            **drawn,
            "query": query,
            "more": SHOWN,
            "found": [_shown(one, query) for one in search.search(query, SHOWN, exclude)],
        },
        default={"query": ""},
        on_query_change=lambda: None,
        on_picked_change=lambda: _picked(dataset, key, exclude, on_pick),
    )


def _shown(found: Found, query: str) -> dict[str, Any]:
    return {
        "id": found.label_id,
        "code": _pieces(found.label_id, query),
        "name": _pieces(found.name, query),
    }


def _pieces(text: str, query: str) -> list[list[Any]]:
    return [[neutralise(part), typed] for part, typed in typed_parts(text, query)]


def _picked(dataset: Dataset, key: str, exclude: frozenset[str], on_pick: OnPick) -> None:
    label_id = _said(key, "picked")
    if label_id in exclude or dataset.labels.row(label_id) is None:
        return
    st.session_state[_picked_key(key)] = True
    with errors.kept():
        on_pick(label_id)


def _said(key: str, name: str) -> str:
    """What the browser said, as text."""
    state = st.session_state.get(key)
    value = state.get(name) if hasattr(state, "get") else None
    return value if isinstance(value, str) else ""


def _picked_key(key: str) -> str:
    return f"{key}_was_picked"
