"""Buttons that a page asks (`if press.button(...):`), whose press is not lost.

A press that Streamlit's own `if st.button(...)` is to see is gone when the script is given up for a
newer request before it comes to that line, which on a busy machine happens to every quick hand.
Here the press is noted in the session by a callback, and forgotten once the script has come to it,
or has ended, or an error has come up before it: what was pressed then is not what stands there now.
"""

import time
from typing import Any

import streamlit as st

_MARK = "pressed_"
FORGOTTEN_S = 60.0  # a page that was left before it came to the button does not act later


def button(label: str, *, key: str, **options: Any) -> bool:
    """Draws it; whether it was pressed since the script last came here. `options`: those of
    `st.button`, but for its callback."""
    st.button(label, key=key, on_click=_note, args=(key,), **options)
    return _pressed(key) and not options.get("disabled")


def form_submit_button(label: str, *, key: str, **options: Any) -> bool:
    """The same for a form."""
    st.form_submit_button(label, key=key, on_click=_note, args=(key,), **options)
    return _pressed(key) and not options.get("disabled")


def forget() -> None:
    """All presses that the script has not come to."""
    for key in [key for key in st.session_state if str(key).startswith(_MARK)]:
        del st.session_state[key]


def _note(key: str) -> None:
    st.session_state[_mark(key)] = time.monotonic()


def _pressed(key: str) -> bool:
    when = st.session_state.pop(_mark(key), None)
    return when is not None and time.monotonic() - when < FORGOTTEN_S


def _mark(key: str) -> str:
    return f"{_MARK}{key}"
