"""What goes wrong only once a run is under way, with the packaged encoder: the page and the
command line say it, what was saved stays, and the same request works once it is mended."""

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import local_person
from core.config import Settings, load_settings
from core.models.base import ModelKind
from core.shortlist.manifest import GRAPH
from db.models_added import remove_model
from db.session import open_store
from db.trace_views import TraceFilter, TraceState
from db.traces import count_of
from pages.parts import services
from tests.bad_input.conftest import RUN_TINY, SPOILT, add_system, spoilt_folder
from tests.cli.conftest import Cli
from tests.cli.test_real_models import change_a_label
from tests.models.fake_server import DONE, HEAD, Reply, chunk, says, says_then_hangs, serving
from tests.pages.conftest import Open, html_of, run, words_of
from tests.runs.tiny import write_tiny

pytestmark = pytest.mark.model

ANSWER = "Shortlist:\n1. disorder\nReasoning:\n1. keep: it fits\nAnswer: 1\n"
GOOD = says(HEAD, chunk(ANSWER, "stop"), DONE)
JUNK = says(HEAD, b"data: not json\n\n")
SILENT = says_then_hangs(HEAD)
HALF = says_then_hangs(HEAD, chunk("half an answer"))


@dataclass
class Server:
    """An endpoint whose behaviour the test changes while it runs."""

    reply: Reply = GOOD
    url: str = ""

    def __call__(self, *heard: object) -> None:
        self.reply(*heard)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    with serving(found) as (url, _):
        found.url = url
        yield found


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with the tiny dataset and its real index; one live worker for the whole file."""
    from core.datasets.catalogue import open_dataset
    from core.encoders import Encoder
    from core.shortlist.build import build_index

    home = tmp_path_factory.mktemp("ready")
    write_tiny(home)
    settings = Settings(home=home)
    build_index(settings, open_dataset(settings, "tiny"), Encoder.load(settings))
    yield home
    services._live_worker(settings.database, settings.home, settings).close()


@pytest.fixture(autouse=True)
def here(ready: Path, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home in the place of the test's own, and a server that behaves."""
    monkeypatch.setenv("PHASELENS_HOME", str(ready))
    server.reply = GOOD
    return ready


HASTE_S, PATIENCE_S = 2.0, 60.0  # for a server that hangs, and for one that answers


@pytest.fixture
def served(server: Server) -> Iterator[str]:
    """The name of a system that `server` serves."""
    add_system("served", ModelKind.ENDPOINT, server.url, PATIENCE_S)
    yield "served"
    forget("served")


def forget(system: str) -> None:
    store = open_store(load_settings())
    with store.write() as session:
        remove_model(session, local_person(), system)
    store.close()


def behave(server: Server, reply: Reply) -> None:
    """Has the server reply so. A hanging one is waited for only a little; a good one may take
    its time, as on a busy machine it does. The time limit is no part of a run's identity."""
    server.reply = reply
    forget("served")
    hangs = reply in (SILENT, HALF)
    add_system("served", ModelKind.ENDPOINT, server.url, HASTE_S if hangs else PATIENCE_S)


def saved(state: TraceState) -> int:
    with open_store(load_settings()).read() as session:
        return count_of(session, TraceFilter(state=state))


def ran(open_page: Open, system: str) -> AppTest:
    """Explore after a run of a tiny document by that system, when it has ended."""
    app = open_page("explore", dataset="tiny", system=system, k="5", n="2", document="doc03")
    app.button(key="explore_run").click()
    run(app)
    trace, deadline = app.session_state["explore_trace"], time.monotonic() + 300
    while (view := services.live_worker().view(trace)) is not None and view.running:
        assert time.monotonic() < deadline, view
        time.sleep(0.05)
    return run(app)


@pytest.mark.parametrize(
    ("reply", "said", "kept"),
    [
        (JUNK, "not a chat completion", ""),
        (SILENT, f"said nothing for {HASTE_S:g} seconds", ""),
        (HALF, "broke off before its answer", "half an answer"),
    ],
    ids=["junk", "hangs", "hangs half-way"],
)
def test_explore_tells_what_an_endpoint_did_and_keeps_what_there_is(
    open_page: Open, server: Server, served: str, reply: Reply, said: str, kept: str
) -> None:
    assert "alert" not in html_of(ran(open_page, served))
    done, failed = saved(TraceState.DONE), saved(TraceState.FAILED)
    behave(server, reply)
    drawn = html_of(app := ran(open_page, served))
    assert 'role="alert"' in drawn
    assert said in drawn
    assert kept in drawn
    assert "Waiting for" not in drawn
    assert "gold found" in words_of(app), "the shortlist stays"
    assert (saved(TraceState.DONE), saved(TraceState.FAILED)) == (done, failed + 1)
    stored = open_page("traces", trace=app.session_state["explore_trace"])
    assert said in html_of(stored)
    behave(server, GOOD)
    assert "alert" not in html_of(ran(open_page, served))


@pytest.mark.parametrize(
    ("reply", "said"), [(JUNK, "not a chat completion"), (HALF, "broke off")], ids=["junk", "hangs"]
)
def test_the_command_line_counts_what_an_endpoint_spoilt_and_asks_again(
    cli: Cli, server: Server, served: str, reply: Reply, said: str, request: pytest.FixtureRequest
) -> None:
    seed = str(zlib.crc32(request.node.name.encode()))  # a run of this test's own
    words = (*RUN_TINY, "--system", served, "--seed", seed, "--json", "--limit")
    assert cli(*words, "1").json["answered"] == 1
    behave(server, reply)
    spoilt = cli(*words, "2")
    assert spoilt.status == 1
    assert said in spoilt.stderr.splitlines()[-1]
    assert (spoilt.json["skipped_as_done"], spoilt.json["failed"]) == (1, 1)
    behave(server, GOOD)
    mended = cli(*words, "3")
    assert mended.status == 0
    assert mended.json["run"] == spoilt.json["run"]
    assert (mended.json["skipped_as_done"], mended.json["answered"]) == (1, 2)


@pytest.mark.parametrize(("how", "said"), SPOILT)
def test_explore_tells_what_is_wrong_with_a_model_folder(
    open_page: Open, tmp_path: Path, how: str, said: str
) -> None:
    add_system(how, ModelKind.LOCAL, str(spoilt_folder(tmp_path / "model", how)))
    drawn = html_of(ran(open_page, how))
    assert 'role="alert"' in drawn
    assert said in drawn


def test_explore_tells_that_an_endpoint_refuses(open_page: Open, dead_url: str) -> None:
    add_system("dead", ModelKind.ENDPOINT, dead_url)
    assert f"{dead_url} cannot be reached" in html_of(ran(open_page, "dead"))


@pytest.mark.parametrize("how", ["truncated", "foreign", "labels changed"])
def test_a_spoilt_index_is_told_and_a_build_mends_it_without_a_restart(
    open_page: Open, cli: Cli, here: Path, served: str, how: str
) -> None:
    done, graph = saved(TraceState.DONE), here / "indexes" / "tiny" / GRAPH
    if how == "labels changed":
        change_a_label(here)
    else:  # what a running worker has opened already it need not open again
        services.live_worker().close()
        size = graph.stat().st_size
        graph.write_bytes(graph.read_bytes()[:-100] if how == "truncated" else bytes(size))
    refused = cli("shortlist", "tiny", "--text", "heart", "--k", "3")
    assert (refused.status, refused.stdout) == (1, "")
    assert "phaselens index tiny" in refused.stderr.splitlines()[-1]
    drawn = html_of(ran(open_page, served))
    assert 'role="alert"' in drawn
    assert "phaselens index tiny" in drawn
    assert saved(TraceState.DONE) == done
    assert cli("index", "tiny", "--json").status == 0
    assert "alert" not in html_of(ran(open_page, served))
    assert saved(TraceState.DONE) == done + 1
