"""The address of what Explore shows: dataset, document, system, k, n and trace.

The address names every choice, defaults too, so that a link shows the same thing after a
default has changed. Each choice lives in session state under its key here:

1. `read` takes over an address that is new: a link that was opened, or back and forward in the
   browser. Names that do not exist are kept as errors, and the default stands.
2. `write` puts the choices of this run into the address.

A click can leave the browser before it has taken over the address written last, and then comes
with the one before. Taken for a link, that would undo what was chosen in between. So an address
that was replaced a moment ago and comes together with a changed input is an echo, and passed
over; back and forward change no input.
"""

import time
from dataclasses import dataclass

import streamlit as st

NAMES = ("dataset", "document", "system", "k", "n", "trace")
ECHO_S = 10.0
_WRITTEN = "explore_link"
_REPLACED = "explore_link_replaced"  # [(address, when it was replaced)], latest last
_INPUTS = "explore_link_inputs"  # every input as it was when the address was written
_OWN_KEYS = (_WRITTEN, _REPLACED, _INPUTS)


def key(name: str) -> str:
    """The session state key of a choice."""
    return f"explore_{name}"


@dataclass(frozen=True, slots=True)
class Link:
    """What a new address asks for; "" or None where it does not say."""

    dataset: str = ""
    document: str = ""
    system: str = ""
    k: int | None = None
    n: int | None = None
    trace: str = ""


def read() -> Link | None:
    """What the address asks for when it is not the one written last, else None."""
    found = _address()
    if not found or found == st.session_state.get(_WRITTEN) or _is_echo(found):
        return None
    st.session_state[_WRITTEN] = found
    return Link(
        dataset=found.get("dataset", ""),
        document=found.get("document", ""),
        system=found.get("system", ""),
        k=_whole(found.get("k", "")),
        n=_whole(found.get("n", "")),
        trace=found.get("trace", ""),
    )


def write(link: Link) -> None:
    """Makes the address name these choices; "" and None are left out."""
    wanted = {name: str(getattr(link, name)) for name in NAMES}
    wanted = {name: value for name, value in wanted.items() if value not in ("", "None")}
    written = st.session_state.get(_WRITTEN)
    if written is not None and written != wanted:
        replaced = st.session_state.get(_REPLACED, [])
        st.session_state[_REPLACED] = [*replaced[-9:], (written, time.monotonic())]
    if _address() != wanted:
        st.query_params.from_dict(wanted)
    st.session_state[_WRITTEN] = wanted
    st.session_state[_INPUTS] = _inputs()


def _address() -> dict[str, str]:
    return {name: st.query_params[name] for name in NAMES if name in st.query_params}


def _inputs() -> dict[str, object]:
    """The page's inputs as they are now: its choices, its text, and the button just pressed."""
    return {
        str(name): value
        for name, value in st.session_state.items()
        if str(name).startswith("explore_") and name not in _OWN_KEYS
    }


def _is_echo(address: dict[str, str]) -> bool:
    """Whether a changed input brought along an address that was replaced a moment ago."""
    just_now = time.monotonic() - ECHO_S
    replaced = any(
        old == address and when >= just_now for old, when in st.session_state.get(_REPLACED, [])
    )
    before = st.session_state.get(_INPUTS, {})
    # A button is True in the run that its press causes, and False again in the next.
    changed = any(
        value is not False and value != before.get(name) for name, value in _inputs().items()
    )
    return replaced and changed


def _whole(text: str) -> int | None:
    """A whole number of at most 9 digits, or None."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
