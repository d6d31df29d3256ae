"""`phaselens bench`: real engines in real processes, over a few real vectors."""

import importlib.util
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmarks.rerank
import benchmarks.rerank_table
import benchmarks.shortlist
import core.commands.bench
from benchmarks import query as query_bench
from benchmarks import recall_bounds
from benchmarks.engines import ENGINES, exact_rows, installed_version
from benchmarks.rerank_subject import Choices
from benchmarks.shortlist import PEERS, Data, K, floors, lost
from benchmarks.shortlist_table import table
from benchmarks.store_growth import growth, growth_table, slope
from core.config import load_settings
from core.datasets.base import Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About
from core.datasets.tables import document_table, label_table, write_tables
from core.encoders import Encoder
from core.shortlist.base import Method
from core.shortlist.build import build_index
from tests.cli.conftest import Cli

ENGINE_KEYS = {"build_s", "load_s", "p50_ms", "p95_ms", "recall_at_50", "memory_mb", "batch_per_s"}


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.standard_normal((count, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    rng = np.random.default_rng(0)
    return Data(tmp_path, unit(rng, 600), unit(rng, 8), unit(rng, 8), {})


@pytest.mark.model
def test_every_engine_that_is_installed_is_measured_and_finds_what_exact_search_finds(
    cli: Cli, working_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks.shortlist, "BATCHES", {"batch_seconds": 0.1})
    words = ("--labels", "1000", "--queries", "24", "--runs", "1", "--encode-names", "0")

    shown = cli("bench", "shortlist", "--dataset", "icd", *words, "--json")

    assert shown.status == 0, shown.stderr
    found = shown.json
    assert found["engines"].keys() == set(PEERS)
    assert found["encode"] is None
    for name, engine in found["engines"].items():
        if installed_version(name) is None:
            assert engine is None
            assert "pip install" in found["missing"]
            continue
        assert engine.keys() >= ENGINE_KEYS, name
        assert engine["reached_target"], name
        assert engine["recall_at_50"] > 0.9, name
        assert 0 < engine["p50_ms"] <= engine["p95_ms"], name
        assert engine["file_mb"] > 1, name  # 1,000 vectors are 1.5 MB
    assert found["engines"]["exact"]["recall_at_50"] == 1
    assert found["full"]["labels"] == 74_044
    assert found["full"]["recall_at_50"] > 0.9
    lines = table(found)
    first = lines[2 : lines.index("", 2)]
    assert len(first) == 2 + len(PEERS) + 1
    assert any(line.startswith("| 800 | ") for line in lines)  # the curve, ef by ef
    assert not list(working_home.glob("indexes/bench"))  # nothing is left in the user's home


@pytest.mark.model
def test_traces_and_scores_are_measured_against_transformers(working_home: Path) -> None:
    parts = ("speed", "match", "batch", "scorer", "student")
    sizes = {"match_tokens": 24, "prompt_tokens": 100, "trace_tokens": 6, "candidates": 12}
    choices = Choices("icd", 2, 1, match=3, batch_size=2, parts=parts, **sizes)

    found = benchmarks.rerank.measure(load_settings(), choices)

    assert found["reference_identical"] is True
    assert found["fast_same_label_sets"] == found["batch_same_label_sets"] == 1
    assert found["scorer_candidates"] == 12
    assert found["scorer_max_error"] < 1e-3
    for key in (
        "speedup_over_generate",
        "guided_speedup",
        "first_token_ms",
        "scorer_speedup",
        "batch_speedup",
        "student_speedup",
    ):
        assert found[key] > 0, key
    assert found["live_share"] is None
    assert (found["student_layers"], found["teacher_layers"]) == (15, 30)
    if importlib.util.find_spec("llama_cpp") is None:
        assert found["ratio_to_llama_cpp"] is None
        assert "pip install llama-cpp-python" in found["missing"]
    else:
        assert found["ratio_to_llama_cpp"] > 0
    shown_table = "\n".join(benchmarks.rerank_table.table(found))
    assert "Reference mode is generate() token for token" in shown_table
    said: list[str] = []
    match = replace(choices, parts=("match",))
    assert benchmarks.rerank.measure(load_settings(), match, said.append)["answered"] <= 1
    assert not any("reference mode" in line for line in said)  # what was written is known


def test_a_part_that_is_not_there_is_refused(cli: Cli) -> None:
    shown = cli("bench", "rerank", "--parts", "speed,song")
    assert shown.status == 1
    assert "no part named 'song'" in shown.line


def test_recall_counts_ties_as_found_and_a_row_only_once(data: Data) -> None:
    exact = exact_rows(data.vectors, data.test, K)
    floor = floors(data.vectors, data.test)
    assert (data.recalls(exact, data.test, floor) == 1).all()
    assert (data.recalls(np.repeat(exact[:, :1], K, axis=1), data.test, floor) == 1 / K).all()
    wrong = np.stack([np.argsort(data.vectors @ query)[:K] for query in data.test])
    assert (data.recalls(wrong, data.test, floor) == 0).all()
    half = np.hstack([exact[:, : K // 2], wrong[:, : K // 2]])
    assert (data.recalls(half, data.test, floor) == 0.5).all()
    assert lost(np.array([1, 0.5, 0.48, 0])) == 0.5

    twins = Data(data.folder, np.vstack([data.vectors, data.vectors]), data.tune, data.test, {})
    copies = exact_rows(twins.vectors, data.test, K) % 600 + 600  # the second of each pair
    assert (twins.recalls(copies, data.test, floors(twins.vectors, data.test)) == 0.5).all()


def test_exact_rows_are_the_best_in_order(data: Data) -> None:
    for query, rows in zip(data.test, exact_rows(data.vectors, data.test, K), strict=True):
        assert rows.tolist() == np.argsort(-(data.vectors @ query), kind="stable")[:K].tolist()


def test_an_engine_that_is_not_installed_is_null_and_says_how_to_get_it() -> None:
    found = {
        "labels": 1, "labels_in_all": 2, "dataset": "icd", "dim": 384, "queries": 1, "k": 50,
        "m": 16, "ef_construction": 200, "threads": 2, "runs": 1, "target": 0.98,
        "queries_for_ef": 1, "machine": {"processor": "a", "cores": 2}, "full": None,
        "engines": {"faiss": None}, "missing": "pip install faiss-cpu",
    }  # fmt: skip
    lines = table(found)
    assert any("faiss | not installed" in line for line in lines)
    assert "pip install faiss-cpu" in lines[-1]


def test_away_from_a_checkout_it_says_so(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.commands.bench, "ROOT", tmp_path)
    for name in ("shortlist", "growth", "recall"):
        shown = cli("bench", name)
        assert shown.status == 1
        assert "checkout" in shown.line


def test_an_index_that_is_missing_is_named(cli: Cli) -> None:
    words = ("bench", "shortlist", "--dataset", "icd", "--json")
    shown = cli(*words, "--encode-names", "0")
    assert shown.status == 1
    assert "phaselens index icd" in shown.json["error"]["fix"]
    without_names = cli(*words)  # the names that would be encoded are those of mesh
    assert without_names.status == 1
    assert "mesh" in without_names.json["error"]["what"]


@pytest.mark.model
def test_recall_is_measured_for_every_method_and_kept(cli: Cli, working_home: Path) -> None:
    words = ("bench", "recall", "icd", "--split", "dev", "--documents", "6")

    rows = cli(*words, "--json").json["rows"]

    assert {row["method"] for row in rows} == set(Method)
    assert all(0 <= row["recall"]["50"]["mean"] <= 1 for row in rows)
    assert len(list(working_home.glob("bench/recall/*"))) == len(rows)
    shown = cli(*words)
    assert shown.stdout.startswith("| dataset | method |")
    assert "icd: dense" not in shown.stderr  # known already


@pytest.mark.model
def test_queries_are_timed_whole_and_the_index_is_loaded_in_a_process_of_its_own(
    working_home: Path,
) -> None:
    found = query_bench.measure("icd", [Method.DENSE, Method.SENTENCES], texts=4)

    kinds = {(row["query"], row["method"]) for row in found["rows"]}
    assert {method for _, method in kinds} == {"", "dense", "sentences"}
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in found["rows"])
    alone, dense = (next(r for r in found["rows"] if r["method"] == m) for m in ("", "dense"))
    assert alone["p50_ms"] < dense["p50_ms"]  # which embeds too
    assert found["load_s"] > 0
    assert query_bench.table(found).count("\n| ") == 1 + len(found["rows"]) + 1


@pytest.mark.model
def test_what_bounds_recall_is_printed_for_labels_with_parents(home: Path) -> None:
    settings = load_settings()
    labels = [Label(f"h{h}", f"organ{h}") for h in range(6)]
    labels += [
        Label(f"h{h}q{q}", f"organ{h}/{trouble}", parents=(f"h{h}",))
        for h in range(6)
        for q, trouble in enumerate(("failure", "pain"))
    ]
    documents = [
        Document(
            f"{split}{h}", f"Failure of the organ{h}. It was seen.", (f"h{h}q0", f"h{h}"), split
        )
        for h in range(6)
        for split in (Split.TRAIN_TEACHER, Split.DEV)
    ]
    about = About("tree", "Tree", "Labels for tests.", "synthetic", "CC0", "tests")
    tables = label_table(labels), document_table(documents)
    write_tables(home / "datasets" / "tree", about, *tables)
    build_index(settings, open_dataset(settings, "tree"), Encoder.load(settings))

    found = recall_bounds.measure("tree", 6)

    assert [(row["half"], row["method"]) for row in found["rows"]] == [
        (half, method.value) for half in ("first", "other") for method in Method
    ]
    bounds = found["bounds"]
    assert bounds["gold labels that are pairs"] == 0.5
    assert bounds["pairs of a heading, mean"] == 2
    assert bounds["gold pairs whose qualifier stands in the text"] == 1
    assert bounds["gold headings that stand in the text as spelled"] == 1
    assert bounds["tree: recall if the best 50 families gave all members"] == 1
    assert bounds["frequent headings"] == 6
    assert "| other: two-step | " in recall_bounds.table(found)


def test_recall_is_of_one_split(cli: Cli) -> None:
    shown = cli("bench", "recall", "--split", "all")
    assert shown.status == 1
    assert "--split dev or test" in shown.line


def test_every_engine_names_the_package_it_needs() -> None:
    assert set(PEERS) < ENGINES.keys()
    assert installed_version("hnswlib")
    assert installed_version("ours")


def test_the_exponent_is_the_power_that_times_grow_with() -> None:
    for power in (0, 0.5, 1, 2):
        points = [{"traces": n, "p50_ms": 3 * n**power, "p95_ms": 0.0} for n in (10, 20, 40, 80)]
        assert slope(points) == pytest.approx(power)


def test_growth_times_every_query_at_four_sizes() -> None:
    said: list[str] = []

    data = growth(80, 3, said.append)

    assert len(said) == 4
    for curve in data["curves"].values():
        assert [point["traces"] for point in curve["points"]] == [10, 20, 40, 80]
        assert math.isfinite(curve["exponent"])
    assert "page: a fate" in data["curves"]
    assert len(growth_table(data)) == 2 + len(data["curves"])
    json.dumps(data)
