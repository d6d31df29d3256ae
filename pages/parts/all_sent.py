"""What a run of the script has drawn arrives, whatever is asked for as it ends.

A request that comes when a run is over, but its last messages are still to be sent on, begins a
runner of its own, and Streamlit leaves out what the one before had left (it says so at
`AppSession.request_rerun`). A page that loses the timer of a fragment that way stands still for
ever. Here such a request waits until all is sent.
"""

from functools import cache, wraps

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

LOOK_S = 0.005  # how often a request that waits looks


@cache
def install() -> None:
    """Changes Streamlit in this process, once. Raises AttributeError with a Streamlit that has no
    such method."""
    begin = AppSession.request_rerun

    @wraps(begin)
    def when_sent(self: AppSession, client_state: ClientState | None) -> None:
        if _sending(self):
            self._event_loop.call_later(LOOK_S, self.request_rerun, client_state)
        else:
            begin(self, client_state)

    AppSession.request_rerun = when_sent  # type: ignore[method-assign]


def _sending(session: AppSession) -> bool:
    """Whether its runner takes no more requests, and has not said yet that it is through. A session
    that is shut down waits for nothing."""
    runner = session._scriptrunner
    return (
        runner is not None
        and session._state != AppSessionState.SHUTDOWN_REQUESTED
        and runner._requests._state is ScriptRequestType.STOP
    )
