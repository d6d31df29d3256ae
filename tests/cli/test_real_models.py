"""The commands with the packaged encoder and language model, on a dataset of 20 labels."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.config import load_settings
from core.models.catalogue import TEACHER
from core.models.packaged import ensure
from core.rerank.base import Bucket
from core.rerank.prompts import RATED_PROMPT
from db.runs import done_documents, list_runs, load_run, run_records
from db.session import open_store
from db.trace_queries import load_trace
from tests.cli.conftest import ROOT, Cli
from tests.runs.tiny import write_tiny

pytestmark = pytest.mark.model

RUN = ("run", "--dataset", "tiny", "--split", "test", "--k", "5", "--n", "3")
SHORT = ("--max-new-tokens", "24", "--json")
LONG = ("--max-new-tokens", "96", "--json")  # where a run must not end before it is stopped


@pytest.fixture(autouse=True)
def tiny(home: Path, shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny dataset beside the language model that the checkout has converted once."""
    with monkeypatch.context() as patch:
        patch.setenv("PHASELENS_HOME", str(shared_home))
        ensure(load_settings())
    write_tiny(home)
    (home / "models").symlink_to(shared_home / "models")


def test_a_run_is_as_its_system_was_trained_unless_told_otherwise(process: Cli) -> None:
    configs = []
    for told in ((), ("--method", "lexical", "--max-new-tokens", "8")):
        ran = process(*RUN, "--system", TEACHER, "--limit", "1", "--json", *told)
        assert ran.status == 0, ran.stderr
        with open_store(load_settings()).read() as session:
            configs.append(load_run(session, ran.json["run"]).summary.config)
    own, other = configs
    assert (own.method, own.decoding.max_new_tokens) == ("dense", 1024)
    assert own.prompt == RATED_PROMPT
    assert (other.method, other.decoding.max_new_tokens) == ("lexical", 8)


def finished(run: str) -> set[str]:
    with open_store(load_settings()).read() as session:
        return done_documents(session, run)


def test_index_measures_itself_and_searches_find_the_right_label(process: Cli) -> None:
    built = process("index", "tiny", "--json")
    assert built.status == 0, built.stderr
    assert {
        "labels",
        "seconds_encode",
        "seconds_build",
        "peak_rss_mb",
        "ef",
        "recall_at_k",
        "target",
        "curve",
        "load_s",
    } <= built.json.keys()
    assert built.json["labels"] == 20
    assert built.json["recall_at_k"] == 1.0
    assert process("index", "tiny", "--json").json["seconds_encode"] == built.json["seconds_encode"]
    found = process("shortlist", "tiny", "--document", "doc07", "--k", "4", "--json")
    assert found.status == 0, found.stderr
    assert found.json["items"][0]["id"] == "L07"
    assert [item["rank"] for item in found.json["items"]] == [1, 2, 3, 4]
    assert {"id", "name", "rank", "cosine", "exact_rank", "source"} <= set(found.json["items"][0])
    assert set(found.json["ms"]) == {"encode", "search"}


def test_a_run_killed_in_the_middle_goes_on_and_is_evaluated(process: Cli, home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "core.cli", *RUN, *SHORT],  # all 12; it is killed after 2
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as first:
        run, before = wait_for_documents(first, home, 2)
        os.killpg(first.pid, signal.SIGKILL)
    resumed = process(*RUN, *SHORT)
    assert resumed.status == 0, resumed.stderr
    assert resumed.json["run"] == run
    assert resumed.json["skipped_as_done"] >= len(before) > 0
    assert resumed.json["skipped_as_done"] + resumed.json["answered"] == 12
    assert resumed.json["tokens_per_second"] > 0
    assert len(finished(run)) == 12
    again = process(*RUN, *SHORT)
    assert (again.json["skipped_as_done"], again.json["answered"]) == (12, 0)

    evaluated = process("eval", run[:6], "--json")
    assert evaluated.status == 0, evaluated.stderr
    data = evaluated.json
    assert data["documents"] == 12
    for key in ("p", "r", "ndcg", "psp", "psndcg"):
        assert set(data[key] or dict.fromkeys(("1", "3", "5", "10"))) == {"1", "3", "5", "10"}
    assert sum(data["fates"].values()) == 12, "each gold label has one fate"
    assert sum(data["buckets"].values()) == 12, "each document is in one bucket"
    assert data["mean_tokens"] > 0
    assert data["mean_seconds"] > 0
    assert run in process("eval", run).stdout


def test_guided_answers_keep_to_the_format_and_are_marked(process: Cli) -> None:
    words = (*RUN, "--limit", "4", "--max-new-tokens", "160", "--guided", "--json")
    runs = [process(*words, "--batch-size", size).json for size in ("1", "4")]
    with open_store(load_settings()).read() as session:
        records = [list(run_records(session, run["run"])) for run in runs]
        traces = [load_trace(session, r.trace_id) for r in records[1]]
    alone, beside = ({r.document_id: set(r.selected) for r in some} for some in records)
    assert alone == beside
    assert {r.bucket for r in records[0]} <= {Bucket.OK, Bucket.MISSING_LABELS}
    for stored in traces:
        trace = stored.trace
        assert trace is not None
        assert trace.text.startswith("Shortlist:\n")
        assert trace.given
        assert trace.boundary is None
        assert all(phase.given for phase in trace.phases)


def test_side_by_side_alone_and_in_reference_mode_end_with_the_same_labels(
    process: Cli, home: Path
) -> None:
    words = (*RUN, "--limit", "5", "--max-new-tokens", "48", "--json")
    ways = {
        "alone": ("--batch-size", "1"),
        "beside": ("--batch-size", "3"),
        "reference": ("--mode", "reference"),
    }
    results = {}
    for way, options in ways.items():
        done = process(*words, *options)
        assert done.status == 0, done.stderr
        assert (done.json["answered"], done.json["failed"]) == (5, 0)
        results[way] = done.json
    assert [results[way]["batch_size"] for way in ways] == [1, 3, 8]
    assert [results[way]["mode"] for way in ways] == ["fast", "fast", "reference"]
    assert len({result["run"] for result in results.values()}) == 3
    with open_store(load_settings()).read() as session:
        selected = {
            way: {r.document_id: set(r.selected) for r in run_records(session, result["run"])}
            for way, result in results.items()
        }
        identities = {
            way: load_run(session, result["run"]).identity for way, result in results.items()
        }
    assert len(selected["alone"]) == 5
    assert selected["alone"] == selected["beside"] == selected["reference"]
    assert identities["beside"]["config"]["decoding"]["mode"] == "fast"
    assert identities["reference"]["config"]["decoding"]["prompt_lookup"] == 0
    again = process(*words, "--mode", "reference", "--batch-size", "2").json
    assert again["run"] == results["reference"]["run"], "drafts do not decide what is written"
    assert again["skipped_as_done"] == 5


def wait_for_documents(
    process: "subprocess.Popen[bytes]", home: Path, wanted: int
) -> tuple[str, set[str]]:
    """The run and its finished documents, as soon as there are so many."""
    deadline = time.monotonic() + 240
    store = None
    while time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        if (home / "phaselens.db").exists():
            store = store or open_store(load_settings())
            with store.read() as session:
                runs = list_runs(session)
            if runs and len(done := finished(runs[0].id)) >= wanted:
                return runs[0].id, done
        time.sleep(0.05)
    raise AssertionError("no document was finished in time")


def test_ctrl_c_stops_a_run_in_good_order(home: Path, process: Cli) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "core.cli", *RUN, *LONG],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        run, _ = wait_for_documents(running, home, 1)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert json.loads(out)["cancelled"] is True
    assert "Stopped" in err
    assert 1 <= len(finished(run)) < 12


def test_a_text_that_the_encoder_cannot_read_is_a_failed_document(process: Cli, home: Path) -> None:
    from core.datasets.base import Document, Split
    from core.datasets.files import About, write_dataset
    from tests.runs.tiny import LABELS

    documents = [
        Document("good", "a disorder of the heart", ("L01",), Split.TEST),
        Document("cyrillic", "сахарный диабет", ("L02",), Split.TEST),
    ]
    about = About("mixed", "Mixed", "made up for tests", "test", "none", "tests")
    write_dataset(home / "datasets" / "mixed", about, LABELS, documents)
    done = process("run", "--dataset", "mixed", "--split", "test", "--k", "5", "--n", "3", *SHORT)
    assert done.status == 1
    assert (done.json["answered"], done.json["failed"]) == (1, 1)
    assert done.json["failures"][0]["document"] == "cyrillic"
    assert "Cyrillic" in done.stderr
    evaluated = process("eval", done.json["run"], "--json").json
    assert (evaluated["documents"], evaluated["failed"]) == (1, 1)


@pytest.mark.parametrize("damage", ["truncated", "foreign", "labels changed"])
def test_a_spoilt_index_is_refused_said_and_mended(process: Cli, home: Path, damage: str) -> None:
    assert process("index", "tiny", "--json").status == 0
    graph = home / "indexes" / "tiny" / "hnsw.bin"
    if damage == "truncated":
        graph.write_bytes(graph.read_bytes()[:-100])
    elif damage == "foreign":
        graph.write_bytes(b"\0" * graph.stat().st_size)
    else:
        change_a_label(home)
    search = ("shortlist", "tiny", "--text", "heart", "--k", "3")
    for words in (search, (*RUN, *SHORT)) if damage == "truncated" else (search,):
        refused = process(*words)
        assert refused.status == 1
        assert "phaselens index tiny" in refused.stderr.splitlines()[-1]
        assert "Traceback" not in refused.stderr
    if damage != "foreign":  # of the right size: seen when it is opened, not by a glance
        assert "index" in process("doctor", "--json").json["problems"][0]["what"]
    assert process("index", "tiny", "--json").status == 0
    assert process(*search).status == 0


def change_a_label(home: Path) -> None:
    """Writes the dataset anew with one label renamed."""
    from core.datasets.base import Label
    from core.datasets.files import About, write_dataset
    from tests.runs.tiny import DOCUMENTS, LABELS

    about = About("tiny", "Tiny", "made up for tests", "test", "none", "tests")
    labels = [Label(LABELS[0].id, "another name"), *LABELS[1:]]
    write_dataset(home / "datasets" / "tiny", about, labels, DOCUMENTS)
