"""A callback that has begun runs to its end, and none is left out, whatever is clicked meanwhile.

At each call of its own, a look into `st.session_state` included, Streamlit asks whether there is a
newer request and gives up what it is doing. For a script that is right: it is drawn again. For a
callback it is not: what was typed counts as taken in by then, so a save that is given up between
two lines is never made, and nobody is told. Streamlit means to mend this itself (its pull request
16763, "Session-owned rerun mailbox"); until then it does not ask while it takes in what was typed.

The other half is in .streamlit/config.toml: without `fastReruns` requests wait in one queue, in
which clicks are kept, where else each new one ends the runner of the one before. What stays so is
that a click asked for inside the script (`if st.button(...)`) is gone when the script is given up
before that line: pages/parts/press.py is for those.
"""

from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequest, ScriptRequests
from streamlit.runtime.state.safe_session_state import SafeSessionState

_taking_in = ContextVar("taking_in_what_was_typed", default=False)


@cache
def install() -> None:
    """Changes Streamlit in this process, once. Raises AttributeError with a Streamlit that has no
    such methods."""
    take_in, ask = SafeSessionState.on_script_will_rerun, ScriptRequests.on_scriptrunner_yield

    @wraps(take_in)
    def whole(self: SafeSessionState, *args: Any, **named: Any) -> None:
        token = _taking_in.set(True)
        try:
            take_in(self, *args, **named)
        finally:
            _taking_in.reset(token)

    @wraps(ask)
    def later(self: ScriptRequests) -> ScriptRequest | None:
        return None if _taking_in.get() else ask(self)

    SafeSessionState.on_script_will_rerun = whole  # type: ignore[method-assign]
    ScriptRequests.on_scriptrunner_yield = later  # type: ignore[method-assign]
