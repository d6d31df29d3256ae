"""A job that is watched where it was begun goes on, also when its process has died."""

import socket

from core import jobs
from db.jobs import JobState, JobView, add_job, claim, load_job
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run

NO_PROCESS = 2**22 + 1  # above every pid there can be


def abandoned() -> str:
    """An import of files that are not there, whose process is gone."""
    params = {"name": "gone", "labels": "/nowhere/labels.csv", "documents": ["/nowhere/docs.csv"]}
    owner = f"{socket.gethostname().replace(':', '_')}:{NO_PROCESS}:1"
    with saved.store().write() as session:
        job_id = add_job(session, "import", params, "Import of gone")
        assert claim(session, job_id, owner).state is JobState.RUNNING
    return job_id


def ended(job_id: str) -> JobView:
    return list(jobs.watch(saved.store(), job_id))[-1]


def test_a_job_whose_process_died_is_taken_up_and_ends_on_the_page(open_page: Open) -> None:
    page = open_page("data", data_tab="Import")
    job_id = page.session_state["import_job"] = abandoned()
    with saved.store().read() as session:
        assert load_job(session, job_id).abandoned
    run(page)
    job = ended(job_id)
    assert (job.state, job.attempts) == (JobState.FAILED, 2)
    assert job.error is not None
    run(page)
    assert job.error[0] in html_of(page)
