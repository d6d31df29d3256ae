"""The app's end of the worker process, where there is no worker to talk to."""

from pathlib import Path

import pytest

from core.config import Settings
from core.datasets.base import Document
from core.errors import JobError
from core.live.client import LiveWorker
from core.systems import RunConfig

CONFIG = RunConfig("icd", "base", "{document} {candidates}")


def test_a_worker_that_cannot_be_started_leaves_no_example_that_seems_to_run(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "logs").write_text("a file where the worker's log folder should be")
    worker = LiveWorker(Settings(home=home))
    with pytest.raises(JobError, match="cannot be started"):
        worker.start(CONFIG, Document("0030", "Salmonella", ()))
    assert worker.busy is None
    with pytest.raises(JobError):
        worker.warm(CONFIG)
    assert not worker.warming
