"""A request that comes while the last messages of a run are on their way waits for them."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from pages.parts import all_sent


class Session(AppSession):
    """One whose run is over without having said so. `begun`: what it began since; `waiting`: what
    its event loop is to do later."""

    def __init__(self) -> None:
        requests = ScriptRequests()
        requests.on_scriptrunner_ready()  # nothing more was asked: the runner ends
        self._scriptrunner = SimpleNamespace(  # type: ignore[assignment]
            request_rerun=requests.request_rerun, _requests=requests
        )
        self._state = AppSessionState.APP_IS_RUNNING
        self.waiting: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._event_loop = SimpleNamespace(  # type: ignore[assignment]
            call_later=lambda _, what, *arguments: self.waiting.append((what, arguments))
        )
        self.begun: list[RerunData] = []

    def _create_scriptrunner(self, initial_rerun_data: RerunData) -> None:
        self.begun.append(initial_rerun_data)

    def look(self) -> None:
        """The event loop comes to what waits."""
        for what, arguments in [self.waiting.pop() for _ in list(self.waiting)]:
            what(*arguments)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(AppSession, "request_rerun", AppSession.request_rerun)  # put back after
    all_sent.install.__wrapped__()
    made = Session()
    yield made
    made._state = AppSessionState.SHUTDOWN_REQUESTED  # nothing is left to shut down


def test_a_request_waits_until_the_run_before_is_through(session: Session) -> None:
    session.request_rerun(None)
    session.look()
    assert session.begun == []
    session._scriptrunner = None  # as when the last message has been taken in
    session.look()
    assert len(session.begun) == 1
    assert session.waiting == []


def test_a_session_that_is_shut_down_waits_for_nothing(session: Session) -> None:
    session._state = AppSessionState.SHUTDOWN_REQUESTED
    session.request_rerun(None)
    assert session.begun == []
    assert session.waiting == []
