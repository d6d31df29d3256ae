"""What every page works with, opened once a process: settings, store, datasets, live worker.

Everything is cached by the home folder and database it belongs to, so that two homes in one
process (as in the tests) never share anything. Nothing here imports torch.
"""

from pathlib import Path

import streamlit as st

from core.annotation.people import Person, local_person
from core.config import Settings, load_settings
from core.datasets.base import Dataset
from core.datasets.catalogue import open_dataset
from core.datasets.files import INFO_FILE
from core.jobs.kinds import RESULTS_KEY, bring_in_results, fetch_key, index_key
from core.live.client import LiveWorker
from core.models.catalogue import systems_from
from core.systems import RunConfig, System
from db.jobs import JobState, JobView, last_job, load_job, unfinished_job
from db.models_added import added_models
from db.session import Store, open_store
from db.traces import interrupt_running

FIRST_DATASET = "icd"


def settings() -> Settings:
    """The settings as the environment and phaselens.toml have them now."""
    return load_settings()


def store() -> Store:
    """The open store. Raises StoreError."""
    now = settings()
    return _store(now.database, now.home, now)


def live_worker() -> LiveWorker:
    """The one process that owns the models; it starts with the first example."""
    now = settings()
    return _live_worker(now.database, now.home, now)


def dataset(name: str) -> Dataset:
    """A dataset, built on its first use and opened again when its files were written anew.

    Raises UnknownNameError, DataError.
    """
    now = settings()
    try:
        written = (now.datasets_dir / name / INFO_FILE).stat().st_mtime_ns
    except (OSError, ValueError):  # not built yet, or no name of a file: it is looked at there
        written = 0
    return _dataset(now.home, name, written, now)


def systems() -> list[System]:
    """Every system to choose from, base first. Raises StoreError."""
    with store().read() as session:
        return systems_from(settings(), added_models(session))


def prepare() -> None:
    """With `prepare` set (as `make app` does): once a process, takes up jobs that were left
    over, builds the first dataset's index and loads the model, all in other processes."""
    now = settings()
    if now.prepare:
        _prepare(now.database, now.home, now)


@st.cache_resource(max_entries=8, show_spinner=False)
def _store(url: str, home: Path, _settings: Settings) -> Store:
    return open_store(_settings)


@st.cache_resource(max_entries=8, show_spinner=False)
def _live_worker(url: str, home: Path, _settings: Settings) -> LiveWorker:
    return LiveWorker(_settings)


@st.cache_resource(max_entries=16, show_spinner="Opening the dataset ...")
def _dataset(home: Path, name: str, written: int, _settings: Settings) -> Dataset:
    return open_dataset(_settings, name)


@st.cache_resource(max_entries=8, show_spinner=False)
def _prepare(url: str, home: Path, _settings: Settings) -> bool:
    from core import jobs
    from core.shortlist.index import status

    with store().write() as session:
        interrupt_running(session)
    jobs.resume_abandoned(_settings, store())
    with store().read() as session:
        last = last_job(session, index_key(FIRST_DATASET))
    stopped = last is not None and last.state is JobState.CANCELLED  # by the user: stays so
    if status(_settings, FIRST_DATASET).state != "ready" and not stopped:
        build_index(local_person(), FIRST_DATASET)  # PhaseLens itself, whoever came first
    bring_in_results(_settings)
    live_worker().warm(RunConfig(FIRST_DATASET, systems()[0].name, systems()[0].prompt))
    return True


def build_index(by: Person, name: str, options: dict[str, int] | None = None) -> str:
    """Starts the index build of a dataset in a process of its own; returns the job's id.

    `options`: fields of GraphOptions that are not as the index has them.

    A build that is already queued or running is returned instead, also where it was started for
    another dataset with the same labels. Raises NotAllowedError, StoreError, JobError.
    """
    from core import jobs

    key = index_key(_index_of(name))
    params = {"dataset": name, **({"options": options} if options else {})}
    job_id = jobs.submit(store(), by, "index", params, f"Index of {name}", unique_key=key)
    jobs.start(settings(), job_id)
    return job_id


def index_job(name: str) -> JobView | None:
    """The unfinished index build of a dataset, or None. Raises StoreError, JobError.

    One whose process was killed is given to a new process first: who watches a build never
    waits for nobody.
    """
    return _unfinished(index_key(_index_of(name)))


def results_job() -> JobView | None:
    """The unfinished loading of the results that ship, or None. Raises StoreError, JobError."""
    return _unfinished(RESULTS_KEY)


def results_waiting() -> list[str]:
    """Datasets that are there, and over which results ship that the store has not. Raises
    StoreError."""
    from core.study.pack_parts import dataset_of
    from core.study.shipped import waiting

    return sorted({dataset_of(part) for part in waiting(settings(), store())})


def failed_results_job() -> JobView | None:
    """The last load of the results that ship, where it has failed. Raises StoreError."""
    with store().read() as session:
        job = last_job(session, RESULTS_KEY)
    return job if job is not None and job.state is JobState.FAILED else None


def _unfinished(key: str) -> JobView | None:
    with store().read() as session:
        job = unfinished_job(session, key)
    taken = None if job is None else _taken_up(job)
    return None if taken is None or taken.finished else taken


def watched_job(job_id: str) -> JobView:
    """A job as it stands. One whose process was killed is given to a new process first.

    Raises UnknownNameError, StoreError, JobError.
    """
    with store().read() as session:
        job = load_job(session, job_id)
    return _taken_up(job)


def _taken_up(job: JobView) -> JobView:
    from core import jobs

    if not job.abandoned:
        return job
    jobs.resume_abandoned(settings(), store())
    with store().read() as session:
        return load_job(session, job.id)


def _index_of(name: str) -> str:
    """The name of the index that serves a dataset: its own while it is not there yet."""
    from core.datasets.files import INFO_FILE, read_info

    folder = settings().datasets_dir / name
    return read_info(folder).index_name if (folder / INFO_FILE).is_file() else name


def fetch_dataset(by: Person, name: str) -> str:
    """Starts the fetch of a built-in dataset in a process of its own; returns the job's id.

    One that is already queued or running is returned instead. Raises NotAllowedError, StoreError,
    JobError.
    """
    from core import jobs

    job_id = jobs.submit(
        store(), by, "fetch", {"dataset": name}, f"Fetch of {name}", unique_key=fetch_key(name)
    )
    jobs.start(settings(), job_id)
    return job_id


def fetch_job(name: str) -> JobView | None:
    """The last fetch of a dataset, finished or not, or None. Raises StoreError."""
    with store().read() as session:
        return last_job(session, fetch_key(name))
