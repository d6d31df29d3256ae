"""A command whose job is unfinished: no option is passed over; a store may fail a while."""

import threading
from collections.abc import Iterator

import pytest

from core import jobs
from core.annotation.people import Person, local_person
from core.commands import foreground
from core.config import load_settings
from core.errors import StoreError
from core.jobs.kinds import index_key
from db.jobs import JobState, JobView, claim, load_job
from db.owners import new_owner
from db.session import Store, open_store
from tests.cli.conftest import Cli
from tests.runs.tiny import write_tiny


@pytest.fixture
def store(cli: Cli) -> Iterator[Store]:
    settings = load_settings()
    write_tiny(settings.home)
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def building(store: Store) -> str:
    """The job of an index build that a live process (this one) has begun without options."""
    job_id = jobs.submit(
        store, local_person(), "index", {"dataset": "tiny"}, "Index of tiny", index_key("tiny")
    )
    with store.write() as session:
        claim(session, job_id, new_owner())
    return job_id


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--rebuild",), "--rebuild"),
        (("--target", "0.99"), "--target"),
        (("--deterministic", "--m", "8"), "--deterministic, --m"),
        (("--ef-construction", "300"), "--ef-construction"),
    ],
)
def test_options_that_an_unfinished_build_lacks_are_refused(
    cli: Cli, building: str, option: tuple[str, ...], said: str
) -> None:
    refused = cli("index", "tiny", *option)
    assert refused.status == 1
    assert f"without {said} (job {building})" in refused.line


def test_ctrl_c_is_passed_on_also_after_the_store_failed(
    store: Store, building: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop, failed, cancelled = threading.Event(), threading.Event(), threading.Event()
    load, cancel = foreground._load, jobs.cancel

    def failing(store: Store, job_id: str) -> JobView:
        if not failed.is_set():
            failed.set()
            raise StoreError("The database is locked.", "Try again.")
        return load(store, job_id)

    def heard(store: Store, by: Person, job_id: str) -> JobView:
        try:
            return cancel(store, by, job_id)
        finally:
            cancelled.set()

    monkeypatch.setattr(foreground, "_load", failing)
    monkeypatch.setattr(jobs, "cancel", heard)
    with foreground.shown_progress(store, building, stop):
        assert failed.wait(30)
        stop.set()
        assert cancelled.wait(30)
    with store.read() as session:
        assert load_job(session, building).state == JobState.CANCELLING
    assert "The database is locked. The job goes on" in capsys.readouterr().err
