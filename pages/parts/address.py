"""The choices of a page in its address, so that a link shows the same thing.

1. `read` gives what a new address asks for: a link that was opened, or back and forward.
2. `write` puts the choices of this run into the address.

A click, or the tick of a fragment, can leave the browser before it has taken over the address
written last, and then comes with the one before. Such an echo is passed over: it comes together
with a changed input, or is a run that the page asked for itself, by `draw_again`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

ECHO_S = 10.0
_OWN_RUN = "address_own_run"


def draw_again() -> NoReturn:
    """Runs the script once more. Pages call this and not `st.rerun` (tests/pages/test_address.py
    looks): on a page with an address, that run could be taken for a link that was opened."""
    st.session_state[_OWN_RUN] = True
    st.rerun()
    raise AssertionError("st.rerun ends the run")


@dataclass(frozen=True)
class Address:
    """`names`: the parameters; `prefixes`: how the session keys of the page's inputs begin."""

    page: str
    names: Sequence[str]
    prefixes: tuple[str, ...]

    def read(self) -> dict[str, str] | None:
        """The parameters, when they are not the ones written last, else None."""
        own = bool(st.session_state.pop(_OWN_RUN, False))
        found = self._now()
        if (
            not found
            or found == st.session_state.get(self._key("written"))
            or self._echo(found, own)
        ):
            return None
        st.session_state[self._key("written")] = found
        return dict(found)

    def write(self, values: Mapping[str, object]) -> None:
        """Makes the address name these; "" and None are left out."""
        state = st.session_state
        wanted = {name: str(v) for name, v in values.items() if v not in ("", None)}
        written = state.get(self._key("written"))
        if written is not None and written != wanted:
            replaced = state.get(self._key("replaced"), [])
            state[self._key("replaced")] = [*replaced[-9:], (written, time.monotonic())]
        if self._now() != wanted:
            st.query_params.from_dict(wanted)
        state[self._key("written")] = wanted
        state[self._key("inputs")] = self._inputs()

    def _key(self, what: str) -> str:
        return f"address_{self.page}_{what}"

    def _now(self) -> dict[str, str]:
        return {name: st.query_params[name] for name in self.names if name in st.query_params}

    def _inputs(self) -> dict[str, object]:
        return {
            str(name): value
            for name, value in st.session_state.items()
            if str(name).startswith(self.prefixes)
        }

    def _echo(self, address: dict[str, str], own: bool) -> bool:
        just_now = time.monotonic() - ECHO_S
        replaced = st.session_state.get(self._key("replaced"), [])
        before = st.session_state.get(self._key("inputs"), {})
        changed = own or any(
            value is not False and value != before.get(name)
            for name, value in self._inputs().items()
        )
        return changed and any(old == address and when >= just_now for old, when in replaced)


def whole(text: str) -> int | None:
    """A whole number of at most 9 digits, or None."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
