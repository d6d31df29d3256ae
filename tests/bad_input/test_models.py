"""Model folders and endpoints that cannot be used: refused by the page and the command line
before a job is made, a model added or a trace begun."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import local_person
from core.config import load_settings
from core.models.base import ModelKind
from db.jobs import count_jobs
from db.models_added import added_models
from db.runs import list_runs
from db.session import open_store
from tests.bad_input.conftest import RUN_TINY, SPOILT, add_system, refused, spoilt_folder
from tests.cli.conftest import Cli
from tests.models.fake_server import says, says_then_hangs, serving, status
from tests.pages.conftest import Open, html_of, run

PAGE_OF_HTML = status(200, "<html><body>Welcome</body></html>", "text/html")
BAD_ENDPOINTS = [
    ("refuses", "cannot be reached"),
    ("hangs", "said nothing for 1 seconds"),
    ("junk", "not a chat completion"),
    ("no http", "cannot be reached"),
]


def bad_server(how: str, dead_url: str) -> AbstractContextManager[tuple[str, object]]:
    """(base URL, requests) of an endpoint that behaves like this whatever is asked."""
    match how:
        case "refuses":
            return nullcontext((dead_url, ()))
        case "hangs":
            return serving(says_then_hangs(), models=None)
        case "junk":
            return serving(says(PAGE_OF_HTML), models=None)
        case _:
            return serving(says(b"\x00\xff\xfe not http at all"), models=None)


def nothing_was_made() -> None:
    """No job, no run."""
    with open_store(load_settings()).read() as session:
        assert count_jobs(session) == 0
        assert list_runs(session) == []


def on_settings(open_page: Open, kind: ModelKind, fields: dict[str, str]) -> AppTest:
    """Settings after "Test and add"."""
    app = open_page("settings")
    app.get_by_key("model_kind").set_value(kind)
    run(app)
    for key, value in fields.items():
        app.text_input(key=key).set_value(value)
    if kind is ModelKind.ENDPOINT:
        app.number_input(key="model_timeout").set_value(1.0)
    app.button(key="model_add").click()
    return run(app)


def not_added(app: AppTest, said: str) -> None:
    assert said in html_of(app)
    assert 'role="alert"' in html_of(app)
    with open_store(load_settings()).read() as session:
        assert list(added_models(session)) == []


def start_batch(open_page: Open, system: str) -> AppTest:
    """Jobs after "Start run" of that system over the tiny dataset."""
    app = open_page("jobs")
    app.selectbox(key="batch_system").select(system)
    app.selectbox(key="batch_dataset").select("tiny")
    app.number_input(key="batch_k").set_value(5)
    app.number_input(key="batch_n").set_value(2)
    app.button(key="batch_start").click()
    return run(app)


@pytest.mark.parametrize(("how", "said"), SPOILT)
def test_settings_refuses_a_folder_that_is_no_model(
    open_page: Open, tmp_path: Path, how: str, said: str
) -> None:
    folder = spoilt_folder(tmp_path / "model", how)
    fields = {"model_name": "mine", "model_path": str(folder)}
    not_added(on_settings(open_page, ModelKind.LOCAL, fields), said)


@pytest.mark.parametrize(("how", "said"), BAD_ENDPOINTS)
def test_settings_refuses_an_endpoint_that_does_not_answer(
    open_page: Open, dead_url: str, how: str, said: str
) -> None:
    with bad_server(how, dead_url) as (url, _):
        fields = {"model_name": "mine", "model_url": url, "model_served": "m"}
        not_added(on_settings(open_page, ModelKind.ENDPOINT, fields), said)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("how", "said"), SPOILT)
def test_a_run_with_a_folder_spoilt_since_is_refused_everywhere(
    cli: Cli, open_page: Open, started_jobs: list[str], tmp_path: Path, how: str, said: str
) -> None:
    add_system("mine", ModelKind.LOCAL, str(spoilt_folder(tmp_path / "model", how)))
    refused(cli(*RUN_TINY, "--system", "mine"), said, str(tmp_path))
    assert said in html_of(start_batch(open_page, "mine"))
    assert started_jobs == []
    nothing_was_made()


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("how", "said"), BAD_ENDPOINTS)
def test_a_run_with_an_endpoint_that_does_not_answer_is_refused_everywhere(
    cli: Cli, open_page: Open, started_jobs: list[str], dead_url: str, how: str, said: str
) -> None:
    with bad_server(how, dead_url) as (url, _):
        add_system("served", ModelKind.ENDPOINT, url, timeout_s=1 if how == "hangs" else 60)
        refused(cli(*RUN_TINY, "--system", "served"), said, url)
        assert said in html_of(start_batch(open_page, "served"))
    assert started_jobs == []
    nothing_was_made()


@pytest.mark.usefixtures("tiny")
def test_a_system_that_was_removed_since_is_refused(
    open_page: Open, started_jobs: list[str]
) -> None:
    from db.models_added import remove_model

    add_system("gone", ModelKind.HUB, "owner/name")
    app = open_page("jobs")
    app.selectbox(key="batch_system").select("gone")
    with open_store(load_settings()).write() as session:
        remove_model(session, local_person(), "gone")
    app.button(key="batch_start").click()
    assert "no system named" in html_of(run(app))
    assert started_jobs == []
