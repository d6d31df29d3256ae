"""The job process of an index build, killed while the graph grows, goes on where it was."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from core import jobs
from core.annotation.people import local_person
from core.datasets.catalogue import open_dataset
from core.shortlist.growth import GROWTH
from core.shortlist.index import LabelIndex, status
from db.jobs import JobState, JobView, load_job
from db.session import Store, open_store
from tests.shortlist.job_worker import COMMAND
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector

PATIENCE_S = 60.0


def added(folder: Path) -> int:
    """Nodes in the last checkpoint."""
    try:
        return int(json.loads((folder / GROWTH).read_text(encoding="utf-8"))["added"])
    except (OSError, ValueError):
        return 0


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def load(store: Store, job_id: str) -> JobView:
    with store.read() as session:
        return load_job(session, job_id)


def test_a_killed_index_job_goes_on_from_the_last_checkpoint_of_its_graph(home: Path) -> None:
    settings = settings_of(home)
    make_dataset(home)
    store = open_store(settings)
    job_id = jobs.submit(
        store, local_person(), "index", {"dataset": "tiny"}, "Index of tiny", "index:tiny"
    )
    pid = jobs.start(settings, job_id, command=COMMAND)
    assert pid is not None
    folder = home / "indexes" / "tiny"
    until(lambda: added(folder) >= 128)
    os.kill(pid, signal.SIGKILL)
    until(lambda: load(store, job_id).abandoned)
    before = added(folder)
    assert 128 <= before < 300
    assert status(settings, "tiny").state == "partial"

    assert jobs.resume_abandoned(settings, store, command=COMMAND) == [job_id]
    until(lambda: load(store, job_id).finished)

    assert load(store, job_id).state == JobState.DONE
    assert (home / "began.txt").read_text().split() == ["0", str(before)]
    index = LabelIndex.open(settings, open_dataset(settings, "tiny"), HashEncoder().identity)
    assert index.search(text_vector("topic 7"), 1).rows[0].label_id == "L00007"
    assert not list(folder.glob("hnsw.*.part"))
