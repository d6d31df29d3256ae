"""Label search against its peers: hnswlib alone, faiss HNSW, usearch and exact search.

    phaselens bench shortlist [--dataset mesh] [--labels 200000] [--runs 3] [--json]

1. A random subset of a ready index's own label vectors is taken, with documents of the train
   splits as queries: one half to choose ef with, the other to measure with.
2. Each engine builds its index once, with the same vectors, order and threads, and the M and
   ef_construction of the ready index.
3. Each answers the first half at every ef; the smallest ef that reaches the target recall@50
   against exact search is taken (a row that ties with the 50th counts as found).
4. Each loads its index and answers the second half, one query at a time on one thread, and then
   in batches on all. This is done several times, the engines taking turns; medians and the lowest
   and highest values are told.

Steps 2 to 4 run in a new process each (benchmarks/engines.py). Last, the ready index of all the
labels is loaded and searched in the same way, at its own ef.
"""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bench_home import bench_settings, write_bench_dataset
from benchmarks.engines import ENGINES, Rows, Vectors, exact_rows, installed_version
from core.config import Settings
from core.datasets.base import Dataset
from core.datasets.catalogue import TRAIN, open_dataset
from core.encoders import Encoder
from core.errors import InputError
from core.shortlist.index import LabelIndex, status
from core.shortlist.manifest import Manifest

ROOT = Path(__file__).resolve().parent.parent
K = 50
EFS = (50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800)
PEERS = ("ours", "hnswlib", "faiss", "usearch", "exact")
BATCHES = {"batch_seconds": 2.0}  # how long batches are repeated
TIE = 1e-6  # cosines this near are equal: float32 sums differ by the order of their terms
MEASURED = (f"recall_at_{K}", "lost", "p50_ms", "p95_ms", "batch_per_s", "load_s", "memory_mb")
INSTALL = "pip install faiss-cpu usearch (or pip install -e '.[bench]')"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Data:
    """What all engines share."""

    folder: Path
    vectors: Vectors
    tune: Vectors
    test: Vectors
    options: dict[str, Any]

    def recalls(self, rows: Rows, queries: Vectors, floor: Vectors) -> npt.NDArray[np.float64]:
        """The share of the best K rows that was found for each query, in [0, 1].

        `floor`: the cosine of the K-th best row of each query.
        """
        hits = [
            min(K, int(np.sum(self.vectors[np.unique(found)] @ query >= lowest - TIE)))
            for found, query, lowest in zip(rows, queries, floor, strict=True)
        ]
        return np.array(hits) / K


def measure(
    settings: Settings,
    dataset_name: str,
    *,
    labels: int = 200_000,
    queries: int = 512,
    runs: int = 3,
    target: float = 0.98,
    engines: Sequence[str] = PEERS,
    full: bool = True,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Everything as plain data; an engine that is not installed is None. Raises InputError."""
    dataset = open_dataset(settings, dataset_name)
    check(settings, dataset, labels, queries, runs)
    encoder = Encoder.load(settings)
    index = LabelIndex.open(settings, dataset, encoder.identity)
    manifest = index.manifest
    if manifest is None:  # taken away since it was checked
        raise not_ready(index.dataset.info.index_name)
    shared = {
        "m": manifest.m,
        "ef_construction": manifest.ef_construction,
        "threads": settings.torch_threads(),
        "k": K,
    }
    with tempfile.TemporaryDirectory(prefix="phaselens-bench-") as name:
        say("encoding queries, taking label vectors")
        data = prepare(Path(name), settings, dataset, encoder, index, labels, queries, shared)
        there = [engine for engine in engines if installed_version(engine)]
        say(f"exact answers over {len(data.vectors):,} labels")
        tuned = {engine: tune(engine, data, target, say) for engine in there}
        result = {engine: tuned.get(engine) for engine in engines}
        found = take_turns(there, tuned, data, runs, say)
        for engine in there:
            result[engine] = {**tuned[engine], **found[engine]}
        ready = at_full_size(index, manifest, encoder, data, runs, say) if full else None
    return {
        "dataset": dataset_name,
        "labels": len(data.vectors),
        "labels_in_all": len(index.labels),
        "dim": int(data.vectors.shape[1]),
        "queries": len(data.test),
        "queries_for_ef": len(data.tune),
        "target": target,
        "runs": runs,
        **shared,
        "machine": machine(),
        "engines": result,
        "full": ready,
        "missing": INSTALL if len(there) < len(engines) else "",
    }


def check(settings: Settings, dataset: Dataset, labels: int, queries: int, runs: int) -> None:
    name = dataset.info.index_name
    if status(settings, name).state != "ready":
        raise not_ready(name)
    if labels < 1_000 or queries < 20 or runs < 1:
        raise InputError(
            "A benchmark needs at least 1,000 labels, 20 queries and one run.",
            "Ask for more, or leave the options away.",
        )


def not_ready(name: str) -> InputError:
    return InputError(
        f"The index of {name} is not ready.", f"Build it first: `phaselens index {name}`."
    )


def prepare(
    folder: Path,
    settings: Settings,
    dataset: Dataset,
    encoder: Encoder,
    index: LabelIndex,
    labels: int,
    queries: int,
    options: dict[str, Any],
) -> Data:
    """Writes vectors.npy, tune.npy, test.npy and the dataset of our own index."""
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(index.labels))[:labels])
    vectors = np.ascontiguousarray(index.vectors[chosen], dtype=np.float32)
    texts = train_texts(dataset, queries, rng)
    encoded = encoder.encode(texts, cache=False)
    half = len(encoded) // 2
    data = Data(folder, vectors, encoded[:half], encoded[half:], options)
    for name, array in (("vectors", vectors), ("tune", data.tune), ("test", data.test)):
        np.save(folder / f"{name}.npy", array)
    write_bench_dataset(bench_settings(folder, options["threads"]), len(vectors), half)
    return data


def train_texts(dataset: Dataset, count: int, rng: np.random.Generator) -> list[str]:
    """Texts of random training documents."""
    rows = np.array([row for split in TRAIN for row in dataset.rows_of(split)])
    if len(rows) < 20:
        raise InputError(
            f"{dataset.name} has {len(rows)} training documents, too few for queries.",
            "Use a dataset with more documents.",
        )
    return [dataset.document_at(int(row)).text for row in rng.permutation(rows)[:count]]


def tune(engine: str, data: Data, target: float, say: Say) -> dict[str, Any]:
    """Builds the index and chooses ef: the smallest that reaches the target, else the largest."""
    say(f"{engine}: building")
    built = in_new_process("build", engine, data, {})[0]
    efs = EFS if ENGINES[engine].tuned else (0,)
    say(f"{engine}: built in {built['build_s']:.1f} s; recall at {len(efs)} values of ef")
    told, rows = in_new_process(
        "search", engine, data, {"queries": "tune.npy", "efs": efs, "batch_seconds": 0}
    )
    floor = floors(data.vectors, data.tune)
    curve = []
    for search, found in zip(told["searches"], rows, strict=True):
        recalls = data.recalls(found, data.tune, floor)
        curve.append({**search, "recall": float(recalls.mean()), "lost": lost(recalls)})
    enough = [point for point in curve if point["recall"] >= target]
    ef = enough[0]["ef"] if enough else efs[-1]
    tuned = ENGINES[engine].tuned
    return {
        "version": installed_version(engine),
        **built,
        "ef": ef if tuned else None,
        "reached_target": bool(enough),
        "curve": curve if tuned else [],
    }


def floors(vectors: Vectors, queries: Vectors) -> Vectors:
    """The cosine of the K-th best label of each query `(queries,)`."""
    rows = exact_rows(vectors, queries, K)
    lowest: Vectors = np.einsum("qd,qd->q", vectors[rows[:, -1]], queries)
    return lowest


def take_turns(
    engines: Sequence[str], tuned: dict[str, dict[str, Any]], data: Data, runs: int, say: Say
) -> dict[str, dict[str, Any]]:
    """Engine -> medians over the runs, the spread, and recall on the test queries."""
    floor = floors(data.vectors, data.test)
    told: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    for run in range(runs):
        for engine in [*engines[run % len(engines) :], *engines[: run % len(engines)]]:
            say(f"run {run + 1} of {runs}: {engine}")
            efs = [tuned[engine]["ef"] or 0]
            one, rows = in_new_process(
                "search", engine, data, {"queries": "test.npy", "efs": efs, **BATCHES}
            )
            told[engine].append(one_run(one, data.recalls(rows[0], data.test, floor)))
    return {engine: in_the_middle(told[engine]) for engine in engines}


def one_run(told: dict[str, Any], recalls: npt.NDArray[np.float64]) -> dict[str, Any]:
    found = {f"recall_at_{K}": float(recalls.mean()), "lost": lost(recalls)}
    return {**told, **told["searches"][0], **found}


def lost(recalls: npt.NDArray[np.float64]) -> float:
    """The share of queries that found less than half of what they should, in [0, 1]."""
    return float((recalls < 0.5).mean())


def in_the_middle(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians over runs, and [lowest, highest] of each."""
    values = {name: [one[name] for one in told] for name in MEASURED}
    return {
        **{name: median(found) for name, found in values.items()},
        "spread": {name: [min(found), max(found)] for name, found in values.items()},
    }


def at_full_size(
    index: LabelIndex, manifest: Manifest, encoder: Encoder, data: Data, runs: int, say: Say
) -> dict[str, Any]:
    """The ready index over all its labels, at its own ef; built when it was built."""
    floor = floors(index.vectors, data.test)
    everything = Data(data.folder, index.vectors, data.tune, data.test, data.options)
    more = {
        "queries": "test.npy",
        "efs": [max(manifest.ef, K)],
        **BATCHES,
        "dataset": index.dataset.name,
        "encoder": encoder.identity,
    }
    told = []
    for run in range(runs):
        say(f"run {run + 1} of {runs}: the ready index, {len(index.labels):,} labels")
        one, rows = in_new_process("search", "ours_here", everything, more)
        told.append(one_run(one, everything.recalls(rows[0], data.test, floor)))
    return {
        "labels": len(index.labels),
        "ef": max(manifest.ef, K),
        "build_s": manifest.seconds_build,
        "encode_s": manifest.seconds_encode,
        "file_mb": sum(path.stat().st_size for path in index.folder.iterdir() if path.is_file())
        / 1e6,
        **in_the_middle(told),
    }


def in_new_process(
    action: str, engine: str, data: Data, more: dict[str, Any]
) -> tuple[dict[str, Any], npt.NDArray[np.int64]]:
    """(what benchmarks.engines told, rows found `(searches, queries, K)`)."""
    out = data.folder / "out.json"
    options = json.dumps({**data.options, **more})
    words = [sys.executable, "-m", "benchmarks.engines", action, engine, str(data.folder), options]
    done = subprocess.run([*words, str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise InputError(
            f"The engine {engine} failed to {action} ({last}).",
            f"See that its package works; peers come by {INSTALL}.",
        )
    rows = np.load(out.with_suffix(".npy")) if action == "search" else np.empty((0, 0, 0), np.int64)
    return json.loads(out.read_text(encoding="utf-8")), rows


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    import os

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return {"processor": name, "cores": os.cpu_count(), "python": platform.python_version()}
