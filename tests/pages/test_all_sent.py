"""A request that comes while the last messages of a run are on their way waits for them."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from pages.parts import all_sent


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppSession]:
    """One whose run is over, without having said so; `begun` is what it then began."""
    monkeypatch.setattr(AppSession, "request_rerun", AppSession.request_rerun)  # put back after
    all_sent.install.__wrapped__()
    made = AppSession.__new__(AppSession)
    requests = ScriptRequests()
    requests.on_scriptrunner_ready()  # nothing more was asked: the runner ends
    made._scriptrunner = SimpleNamespace(  # type: ignore[assignment]
        request_rerun=requests.request_rerun, _requests=requests
    )
    made._state = AppSessionState.APP_IS_RUNNING
    begun: list[RerunData] = []
    monkeypatch.setattr(made, "_create_scriptrunner", begun.append, raising=False)
    made.begun = begun  # type: ignore[attr-defined]
    yield made
    made._state = AppSessionState.SHUTDOWN_REQUESTED  # nothing is left to shut down


def test_a_request_waits_until_the_run_before_is_through(session: AppSession) -> None:
    async def ask() -> tuple[int, int]:
        session._event_loop = asyncio.get_running_loop()
        session.request_rerun(None)
        await asyncio.sleep(10 * all_sent.LOOK_S)
        before = len(session.begun)  # type: ignore[attr-defined]
        session._scriptrunner = None  # as when the last message has been taken in
        while not session.begun:  # type: ignore[attr-defined]
            await asyncio.sleep(all_sent.LOOK_S)
        return before, len(session.begun)  # type: ignore[attr-defined]

    assert asyncio.run(ask()) == (0, 1)


def test_a_session_that_is_shut_down_waits_for_nothing(session: AppSession) -> None:
    async def ask() -> None:
        session._event_loop = asyncio.get_running_loop()
        session._state = AppSessionState.SHUTDOWN_REQUESTED
        session.request_rerun(None)

    asyncio.run(ask())
    assert session.begun == []  # type: ignore[attr-defined]
