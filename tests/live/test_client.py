"""The app's end of the worker process, where there is no worker to talk to."""

from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.base import Document
from core.errors import JobError
from core.events import Failed
from core.live.client import LiveWorker
from core.live.inside_questions import Attend, Overview, RightLabels
from core.live.questions import About, Question
from core.systems import RunConfig

CONFIG = RunConfig("icd", "base", "{document} {candidates}")


def test_a_worker_that_cannot_be_started_leaves_no_example_that_seems_to_run(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "logs").write_text("a file where the worker's log folder should be")
    worker = LiveWorker(Settings(home=home))
    with pytest.raises(JobError, match="cannot be started"):
        worker.start(local_person(), CONFIG, Document("0030", "Salmonella", ()))
    assert worker.busy is None
    with pytest.raises(JobError):
        worker.warm(CONFIG)
    assert not worker.warming


def test_a_failed_answer_stays_until_it_is_asked_for(home: Path) -> None:
    worker = LiveWorker(Settings(home=home))
    question = Question(About.SHORTLISTS, "icd", Document("0030", "Salmonella", ()), 50)
    failure = Failed("The index is damaged.", "Rebuild it.")
    assert not worker.answered(question)
    with worker._lock:
        worker._answered(question, failure)
    assert worker.answered(question)
    assert worker.answered(question)  # who only waits takes nothing away
    assert worker.ask(question) == failure
    assert not worker.answered(question)  # the next to ask has it tried again


def test_many_answers_of_one_kind_push_out_none_of_another(home: Path) -> None:
    worker, failure = LiveWorker(Settings(home=home)), Failed("what", "fix")
    overview = Overview("t", RightLabels.GOLD)
    rows = [Attend("t", at) for at in range(Attend.kept + 3)]
    with worker._lock:
        worker._answered(overview, failure)
        for row in rows:
            worker._answered(row, failure)
    assert worker.answered(overview)
    assert [worker.answered(row) for row in rows] == [False] * 3 + [True] * Attend.kept
