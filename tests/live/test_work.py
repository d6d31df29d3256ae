"""One example in the worker where all goes wrong while it loads: nothing of it is ever lost."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core import jobs
from core.annotation.people import local_person
from core.config import Settings
from core.datasets.base import Document
from core.errors import ModelError
from core.events import Event, Failed, Stopped
from core.jobs.kinds import index_key
from core.live.messages import Start, Warm, Warmed
from core.live.worker import Worker
from core.models.base import ModelKind, ModelSpec
from core.runs import run_batch
from core.systems import RunConfig
from db.models_added import add_model
from db.trace_views import StoredTrace, TraceState
from db.traces import load_trace
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of

DOCUMENT = Document("d7", "about topic 7", ("L00007",))
TRACE = "0123456789abcdef"


def config(system: str = "base") -> RunConfig:
    return RunConfig("tiny", system, "{document}\n{candidates}", k=5, n=3)


@dataclass
class Bench:
    """A worker in this process, and the app's end of its pipe."""

    worker: Worker
    app: Connection

    def work(self, system: str = "base", cancel_after: float | None = None) -> list[Event]:
        """Has it do one example, and gives the last that it told."""
        cancel = self.worker.cancels[TRACE] = threading.Event()
        if cancel_after is not None:
            threading.Timer(cancel_after, cancel.set).start()
        self.worker.work(Start(TRACE, config(system), DOCUMENT))
        return self.heard()

    def heard(self) -> list[Event]:
        told = []
        while self.app.poll():
            told.append(self.app.recv()[1])
        return told

    def stored(self) -> StoredTrace:
        with self.worker.toolbox.store.read() as session:
            return load_trace(session, TRACE)

    def add(self, name: str, kind: ModelKind, location: str) -> str:
        spec = ModelSpec(name, kind, location, served_model="m", timeout_s=60)
        with self.worker.toolbox.store.write() as session:
            add_model(session, local_person(), spec)
        return name


@pytest.fixture
def settings(home: Path) -> Settings:
    make_dataset(home)
    return settings_of(home)


@pytest.fixture
def bench(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    app, theirs = Pipe()
    worker = Worker(settings, theirs)
    monkeypatch.setattr(worker.toolbox, "encoder", HashEncoder)
    yield Bench(worker, app)
    app.close()
    theirs.close()
    worker.toolbox.store.close()


@pytest.fixture
def index_is_coming(bench: Bench, settings: Settings) -> None:
    """A build that has been asked for and has written nothing yet."""
    store, key = bench.worker.toolbox.store, index_key("tiny")
    jobs.submit(store, local_person(), "index", {"dataset": "tiny"}, "Index", key)


@pytest.fixture
def deaf_url() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


def test_what_keeps_an_example_from_loading_is_stored_with_it(bench: Bench) -> None:
    told = bench.work()  # there is no index, and none is coming
    assert isinstance(told[-1], Failed)
    stored = bench.stored()
    assert stored.summary.state == TraceState.FAILED
    assert stored.error == (told[-1].what, told[-1].fix)
    assert stored.document == DOCUMENT
    assert stored.identity is None


def test_a_model_folder_that_is_not_there_is_stored_as_the_failure_it_is(
    bench: Bench, tmp_path: Path, settings: Settings
) -> None:
    from core.datasets.catalogue import open_dataset
    from core.shortlist.build import build_index

    build_index(settings, open_dataset(settings, "tiny"), HashEncoder())  # type: ignore[arg-type]
    bench.work(bench.add("gone", ModelKind.LOCAL, str(tmp_path / "nowhere")))
    assert bench.stored().summary.state == TraceState.FAILED
    assert "nowhere" in bench.stored().error[0]  # type: ignore[index]


@pytest.mark.usefixtures("index_is_coming")
@pytest.mark.parametrize("after", [0.0, 0.5], ids=["before its turn", "while it waits"])
def test_an_example_cancelled_while_the_index_starts_is_stored_as_cancelled(
    bench: Bench, after: float
) -> None:
    assert bench.work(cancel_after=after)[-1] == Stopped()
    assert bench.stored().summary.state == TraceState.CANCELLED
    assert bench.stored().error is None


def test_cancel_reaches_a_server_that_does_not_answer(
    bench: Bench, settings: Settings, deaf_url: str
) -> None:
    from core.datasets.catalogue import open_dataset
    from core.shortlist.build import build_index

    build_index(settings, open_dataset(settings, "tiny"), HashEncoder())  # type: ignore[arg-type]
    system = bench.add("deaf", ModelKind.ENDPOINT, deaf_url)  # its time limit is a minute
    began = time.monotonic()
    assert bench.work(system, cancel_after=0.5)[-1] == Stopped()
    assert time.monotonic() - began < 30
    assert bench.stored().summary.state == TraceState.CANCELLED


@pytest.mark.usefixtures("index_is_coming")
def test_warming_loads_the_model_also_while_there_is_no_index_yet(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    monkeypatch.setattr(bench.worker.toolbox, "model", lambda spec, cancelled: loaded.append(spec))
    bench.worker.warm(Warm(config()))
    assert [spec.kind for spec in loaded] == [ModelKind.PACKAGED]
    assert bench.heard() == [Warmed(None)]  # type: ignore[comparison-overlap]


def test_a_model_that_cannot_be_warmed_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ModelError("It is broken.", "Mend it.")

    monkeypatch.setattr(bench.worker.toolbox, "model", broken)
    bench.worker.warm(Warm(config()))
    assert bench.heard() == [Warmed(Failed("It is broken.", "Mend it."))]  # type: ignore[comparison-overlap]


def test_cancel_reaches_a_batch_whose_server_does_not_answer(
    bench: Bench, settings: Settings, deaf_url: str
) -> None:
    system, cancel = bench.add("deaf", ModelKind.ENDPOINT, deaf_url), threading.Event()
    threading.Timer(0.5, cancel.set).start()
    began, store = time.monotonic(), bench.worker.toolbox.store
    batch = run_batch(settings, store, config(system), None, 1, lambda *_: None, cancel.is_set)
    assert batch.cancelled
    assert time.monotonic() - began < 30  # its time limit is a minute
