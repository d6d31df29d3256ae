"""Errors stay on the page until the reader dismisses them, each with what happened and the fix.

1. Code that can fail runs inside `with kept():`, or calls `keep(error)`: in a page, a callback
   or a fragment. The error is remembered for the session and the page is drawn again.
2. app.py calls `place()` once a run, above every page: it draws all that were not dismissed.
3. Dismiss takes one away. While its cause lasts, it comes back.

The words may contain text of documents, labels or models, so they are escaped, never Markdown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from core.errors import PhaseLensError
from core.traces.inert import inert_html
from pages.parts import press
from pages.parts.address import draw_again

_KEPT = "kept_errors"
_COUNT = "kept_errors_count"
_DRAWN = 5  # the newest; the others wait, counted, until some are dismissed

# Works on a light and a dark page: tints over whatever is behind, text in the page's own colour.
_CARD = (
    '<div role="alert" style="background: rgba(255, 75, 75, 0.10); '
    "border-left: 3px solid rgb(255, 75, 75); border-radius: 0.4rem; "
    'padding: 0.6rem 0.9rem; overflow-wrap: anywhere">'
    '<div style="font-weight: 600; white-space: pre-wrap">{what}</div>'
    '<div style="white-space: pre-wrap">{fix}</div></div>'
)


@dataclass(frozen=True, slots=True)
class KeptError:
    """One error as shown; `number` counts up through the session."""

    number: int
    what: str
    fix: str


def kept_errors() -> list[KeptError]:
    """The errors not dismissed yet, oldest first."""
    return list(st.session_state.get(_KEPT, []))


def keep(error: PhaseLensError) -> None:
    """Shows an error until it is dismissed, by drawing the page again.

    Does nothing when the same words are shown already, so a fragment that fails at every tick
    does not redraw the page for ever.
    """
    shown = kept_errors()
    if any((e.what, e.fix) == (error.what, error.fix) for e in shown):
        return
    number = st.session_state.get(_COUNT, 0) + 1
    st.session_state[_COUNT] = number
    st.session_state[_KEPT] = [*shown, KeptError(number, error.what, error.fix)]
    press.forget()
    draw_again()


@contextmanager
def kept() -> Iterator[None]:
    """Keeps a PhaseLensError raised inside; the code after the block goes on without it."""
    try:
        yield
    except PhaseLensError as error:
        keep(error)


def place() -> None:
    """Draws the errors not dismissed yet. app.py calls it once a run, above the page."""
    shown = kept_errors()
    if len(shown) > _DRAWN:
        st.text(f"{len(shown) - _DRAWN} earlier errors are shown once some of these are dismissed.")
    for error in shown[-_DRAWN:]:
        text, button = st.columns([12, 1], vertical_alignment="center")
        with text:
            card(error.what, error.fix)
        button.button(
            "Dismiss",
            key=f"dismiss_error_{error.number}",
            icon=":material/close:",
            type="tertiary",
            on_click=_dismiss,
            args=(error.number,),
        )


def card(what: str, fix: str = "") -> None:
    """An error that belongs to its place on the page, for as long as it is true."""
    st.html(_CARD.format(what=inert_html(what), fix=inert_html(fix)))


def _dismiss(number: int) -> None:
    st.session_state[_KEPT] = [e for e in kept_errors() if e.number != number]
