"""The Jobs page starts, follows, cancels and resumes long work, and shows what came of it."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.config import load_settings
from core.jobs.control import log_path
from core.models.catalogue import TEACHER
from db.jobs import JobState, JobView, Progress, add_job, beat, claim, end, load_job
from db.models import JobRow
from db.owners import this_owner
from db.runs import list_runs
from pages.parts.job_progress import progress_words
from pages.parts.times import duration
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of


def queue(kind: str = "index", title: str = "Index of icd", **params: object) -> str:
    with saved.store().write() as session:
        return add_job(session, kind, params or {"dataset": "icd"}, title)


def running(done: int = 100, total: int = 400, rate: float | None = 20.0) -> str:
    """A job in the hands of this very process."""
    job_id = queue()
    with saved.store().write() as session:
        claim(session, job_id, this_owner())
        beat(session, job_id, this_owner(), Progress("encode labels", done, total, rate, True))
    return job_id


def ended(state: JobState, **outcome: object) -> str:
    job_id = running()
    with saved.store().write() as session:
        end(session, job_id, this_owner(), state, **outcome)
    return job_id


def job(job_id: str) -> JobView:
    with saved.store().read() as session:
        return load_job(session, job_id)


def test_without_jobs_it_says_so(open_page: Open) -> None:
    said = words_of(open_page("jobs"))
    assert "Nothing is running." in said
    assert "No job has ended yet." in said


def test_a_running_job_shows_progress_rate_and_time_left(open_page: Open) -> None:
    running()
    (bar,) = open_page("jobs").get("progress")
    assert bar.value == 25
    assert bar.text == "Encode labels · 100 of 400 (25%) · 20 a second · about 15 s left"


def test_cancel_asks_the_job_to_stop(open_page: Open) -> None:
    job_id = running()
    app = open_page("jobs")
    app.button(key=f"cancel_{job_id}").click()
    run(app)
    assert job(job_id).state is JobState.CANCELLING
    assert app.button(key=f"cancel_{job_id}").disabled


def test_resume_starts_a_cancelled_job_again(open_page: Open, started_jobs: list[str]) -> None:
    job_id = ended(JobState.CANCELLED)
    app = open_page("jobs")
    app.button(key=f"resume_{job_id}").click()
    run(app)
    assert started_jobs == [job_id]
    assert job(job_id).state is JobState.QUEUED


def test_a_job_whose_process_was_killed_is_taken_up(
    open_page: Open, started_jobs: list[str]
) -> None:
    job_id = queue()
    with saved.store().write() as session:
        claim(session, job_id, "elsewhere:1:1")
        session.get(JobRow, job_id).heartbeat_at -= timedelta(minutes=5)
    open_page("jobs")
    assert started_jobs == [job_id]


def test_a_failed_job_says_why_and_shows_its_log(open_page: Open) -> None:
    job_id = ended(JobState.FAILED, error=("The <b>disk</b> is full.", "Make room."))
    log = log_path(load_settings(), job_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("line one\nthe last line", encoding="utf-8")
    app = open_page("jobs")
    assert "The &lt;b&gt;disk&lt;/b&gt; is full." in html_of(app)
    app.session_state[f"more_{job_id}"] = True
    assert any("the last line" in code.value for code in run(app).code)


def test_a_batch_run_is_submitted_with_its_choices(
    open_page: Open, started_jobs: list[str]
) -> None:
    app = open_page("jobs")
    app.selectbox(key="batch_split").select("test")
    app.number_input(key="batch_limit").set_value(7)
    app.number_input(key="batch_k").set_value(30)
    submit(app)
    made = job(started_jobs[0])
    assert (made.kind, made.params["split"], made.params["limit"]) == ("run", "test", 7)
    config = made.params["config"]
    assert (config["k"], config["system"]) == (30, TEACHER)
    assert config["decoding"]["max_new_tokens"] == 1024, "the system's own, as its method"
    assert config["method"] == "dense"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("batch_k", 0, "k is 0"),
        ("batch_k", -3, "k is -3"),
        ("batch_k", 80_000, "k is 80000"),
        ("batch_n", 51, "n is 51"),
        ("batch_tokens", 0, "The token limit is 0"),
    ],
)
def test_a_batch_run_that_cannot_be_is_refused(
    open_page: Open, started_jobs: list[str], field: str, value: int, said: str
) -> None:
    app = open_page("jobs")
    app.number_input(key=field).set_value(value)
    submit(app)
    assert said in html_of(app)
    assert started_jobs == []


def test_a_finished_run_leads_to_its_traces(open_page: Open) -> None:
    result = {
        "run": "abc", "documents": 5, "answered": 4, "skipped_as_done": 0, "failed": 1,
        "documents_per_second": 0.5, "tokens_per_second": 40.0,
        "failures": [{"document": "4280", "what": "It broke.", "fix": "Mend it."}],
    }  # fmt: skip
    job_id = queue("run", "base on icd", config={}, split=None, limit=5)
    with saved.store().write() as session:
        claim(session, job_id, this_owner())
        end(session, job_id, this_owner(), JobState.DONE, result=result)
    app = open_page("jobs")
    assert "5 documents · 4 answered" in words_of(app)
    assert any(link.value == "Its traces" for link in app.page_link)
    assert "Document 4280: It broke." in html_of(app)


def test_a_finished_study_shows_its_systems_and_leads_to_compare(open_page: Open) -> None:
    cells = {
        "teacher": {"adapter": "smoke-teacher"},
        "test/teacher/icd": {"example_f1": 0.5, "documents": 2, "run": "11"},
        "test/standard-0/icd": {"example_f1": 0.25, "documents": 2, "run": "22"},
        "test/base/icd": {"example_f1": None, "documents": 0, "run": "33"},
    }
    job_id = queue("distill", "Distillation, study smoke", preset="smoke")
    with saved.store().write() as session:
        claim(session, job_id, this_owner())
        end(session, job_id, this_owner(), JobState.DONE, result={"preset": "x", "cells": cells})
    app = open_page("jobs")
    table = app.dataframe[0].value
    assert table.loc["teacher", "icd"] == 0.5
    assert table.loc[["base"], "icd"].isna().all()
    (link,) = (link for link in app.page_link if link.value == "Compare them on icd")
    assert "runs=22%2C11" in link.proto.query_string


def test_a_training_is_started_from_the_page(open_page: Open, started_jobs: list[str]) -> None:
    app = open_page("jobs")
    app.text_input(key="training_name").set_value("Mine")
    app.button(key="training_start").click().run()
    assert "A study cannot be called &#x27;Mine&#x27;" in html_of(app)
    assert started_jobs == []
    app.text_input(key="training_name").set_value("mine")
    app.button(key="training_start").click().run()
    (job_id,) = started_jobs
    assert job(job_id).params == {
        "preset": "smoke", "teacher": None, "student": None, "called": "mine"
    }  # fmt: skip
    assert job(job_id).title == "Distillation, study mine"


def test_a_finished_run_is_evaluated_when_its_metrics_are_opened(open_page: Open) -> None:
    saved.save("4280", origin="batch")
    with saved.store().read() as session:
        run_id = list_runs(session)[0].id
    result = {"run": run_id, "documents": 1, "answered": 1, "skipped_as_done": 0, "failed": 0}
    job_id = queue("run", "base on icd", config={}, split=None, limit=1)
    with saved.store().write() as session:
        claim(session, job_id, this_owner())
        end(session, job_id, this_owner(), JobState.DONE, result=result)
    app = open_page("jobs")
    assert not app.dataframe
    app.session_state[f"metrics_{run_id}"] = True
    table = run(app).dataframe[0].value
    assert table.loc["P", "@1"] == 1.0
    assert table.loc["R", "@1"] == 0.5


def test_titles_are_shown_inert(open_page: Open) -> None:
    queue(title=saved.NASTY)
    app = open_page("jobs")
    assert "<img" not in html_of(app)
    assert any(saved.NASTY in element.value for element in app.text)


def test_progress_without_a_total_is_only_the_stage() -> None:
    assert progress_words(job(queue())) == "Queued"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_lengths_of_time_read_easily(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def submit(app: AppTest) -> None:
    app.button(key="batch_start").click()
    run(app)
