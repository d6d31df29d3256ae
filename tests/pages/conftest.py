"""The app as AppTest runs it, from its entry point."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from core.config import Settings
from core.datasets.base import LabelSpace
from core.datasets.catalogue import open_dataset
from core.shortlist.index import IndexStatus
from pages.parts import index_notice, services
from tests.pages.explore_fakes import FakeWorker, tiny_dataset

APP = Path(__file__).resolve().parents[2] / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def runs_app_py(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest forgets before each run that the app calls st.navigation, and would run a page
    alone because its folder is named pages/; a server remembers from its first run on
    (tests/pages/test_entry.py is about that one)."""
    begin = PagesManager.__init__

    def begin_with_navigation(self: PagesManager, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begin_with_navigation)


@pytest.fixture
def open_page() -> Open:
    """`open_page("traces", trace="ID")`: the app with that page open and that address; `who`: the
    name of the person at it."""

    def opened(page: str, who: str = "", **address: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params.update(address)
        app.session_state["annotator_name"] = who  # AppTest has no cookies to read it from
        app.switch_page(f"pages/{page}.py")
        return run(app)

    return opened


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorker]:
    """Explore over a tiny dataset, a ready index and a worker that the test moves on."""
    fake = FakeWorker()
    dataset = tiny_dataset(tmp_path / "tiny")
    monkeypatch.setattr(services, "dataset", lambda name: dataset)
    monkeypatch.setattr(services, "live_worker", lambda: fake)
    monkeypatch.setattr(index_notice, "status", lambda *_: IndexStatus("ready", 5, 5))
    return fake


@pytest.fixture
def explore(worker: FakeWorker, open_page: Open) -> Open:
    """`explore(k="3")`: the page with that address; k and n fit the tiny dataset."""

    def opened(**address: str) -> AppTest:
        return open_page("explore", **{"k": "4", "n": "3", **address})

    return opened


def run(app: AppTest) -> AppTest:
    """Runs the app; a page that crashes fails the test with its own words."""
    app.run()
    assert not app.exception, [(e.value, e.stack_trace) for e in app.exception]
    return app


def html_of(app: AppTest) -> str:
    """Everything that the page draws as HTML."""
    return "\n".join(str(element.value) for element in app.html)


def words_of(app: AppTest) -> str:
    """Everything that the page says in Markdown, captions, plain text and titles."""
    kinds = (app.markdown, app.caption, app.text, app.title, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.fixture
def started_jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the jobs that a process would have been started for; none is."""
    started: list[str] = []

    def spawned(settings: object, job_id: str, command: object) -> int:
        started.append(job_id)
        return 1

    monkeypatch.setattr("core.jobs.control._spawn", spawned)
    return started


@pytest.fixture(scope="session")
def icd_labels(tmp_path_factory: pytest.TempPathFactory) -> LabelSpace:
    """The labels of the icd dataset."""
    return open_dataset(Settings(home=tmp_path_factory.mktemp("icd")), "icd").labels
