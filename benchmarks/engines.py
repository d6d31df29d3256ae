"""One search engine in a process of its own: builds an index, or loads it and answers queries.

    python -m benchmarks.engines build|search ENGINE FOLDER OPTIONS OUT

FOLDER holds vectors.npy, unit rows `(labels, dim)`, and queries.npy, unit rows `(queries, dim)`;
OPTIONS is JSON. Every engine has the same vectors in float32, the same order of insertion, M and
ef_construction, and answers with rows of vectors.npy. OUT gets the times in JSON, and beside it
the rows found, `(searches, queries, k)`.

A process of its own makes the memory honest: it is what the process grew by, from before the
index was loaded until after all queries were answered, so pages of mapped files that were read
count too.
"""

import importlib
import importlib.metadata
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import psutil

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

WARM_UP = 20  # queries answered before the clock starts
SEED = 100


class Engine(ABC):
    """What is measured. `package`: what must be installed, and whose version is told."""

    package: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]  # imported before anything is measured
    tuned: ClassVar[bool] = True  # has an ef

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self.folder = folder
        self.m: int = options["m"]
        self.ef_construction: int = options["ef_construction"]
        self.threads: int = options["threads"]

    def vectors(self) -> Vectors:
        """The label vectors in memory."""
        vectors: Vectors = np.load(self.folder / "vectors.npy")
        return vectors

    @property
    def file(self) -> Path:
        return self.folder / f"{type(self).__name__}.index"

    @abstractmethod
    def prepare(self) -> None:
        """Imports and reads what a build needs, outside the time."""

    @abstractmethod
    def build(self) -> float | None:
        """Builds and keeps the index in memory; seconds where it measures itself."""

    @abstractmethod
    def save(self) -> int:
        """Writes it; gives its bytes on disk."""

    @abstractmethod
    def load(self) -> None: ...

    @abstractmethod
    def set_ef(self, ef: int) -> None: ...

    @abstractmethod
    def search(self, query: Vectors, k: int) -> Rows:
        """Rows `(k,)` for one query `(dim,)`, best first, by one thread."""

    @abstractmethod
    def search_many(self, queries: Vectors, k: int) -> Rows:
        """Rows `(n, k)` by all threads."""


def order_of(count: int) -> Rows:
    """The order in which every engine gets the rows: random, as ours has it."""
    return np.random.default_rng(SEED).permutation(count)


class Hnswlib(Engine):
    """hnswlib alone, by inner product: of unit vectors, the cosine."""

    package = "hnswlib"
    modules = ("hnswlib",)

    def prepare(self) -> None:
        import hnswlib

        self._data = self.vectors()
        self._order = order_of(len(self._data))
        self.index = hnswlib.Index(space="ip", dim=self._data.shape[1])

    def build(self) -> None:
        self.index.init_index(
            max_elements=len(self._data),
            M=self.m,
            ef_construction=self.ef_construction,
            random_seed=SEED,
        )
        self.index.add_items(self._data[self._order], self._order, num_threads=self.threads)

    def save(self) -> int:
        self.index.save_index(str(self.file))
        return self.file.stat().st_size

    def load(self) -> None:
        import hnswlib

        shape = np.load(self.folder / "vectors.npy", mmap_mode="r").shape
        self.index = hnswlib.Index(space="ip", dim=shape[1])
        self.index.load_index(str(self.file), max_elements=shape[0])

    def set_ef(self, ef: int) -> None:
        self.index.set_ef(ef)

    def search(self, query: Vectors, k: int) -> Rows:
        rows, _ = self.index.knn_query(query[None, :], k=k, num_threads=1)
        return rows[0].astype(np.int64)

    def search_many(self, queries: Vectors, k: int) -> Rows:
        rows, _ = self.index.knn_query(queries, k=k, num_threads=self.threads)
        return rows.astype(np.int64)


class Faiss(Engine):
    """faiss IndexHNSWFlat by inner product. It numbers rows as they are added."""

    package = "faiss-cpu"
    modules = ("faiss",)
    index: Any  # faiss.Index: its own class for HNSW when built, the general one when read

    def prepare(self) -> None:
        import faiss

        self._order = order_of(len(np.load(self.folder / "vectors.npy", mmap_mode="r")))
        self._data = self.vectors()[self._order]
        faiss.omp_set_num_threads(self.threads)
        self.index = faiss.IndexHNSWFlat(self._data.shape[1], self.m, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = self.ef_construction

    def build(self) -> None:
        self.index.add(self._data)

    def save(self) -> int:
        import faiss

        faiss.write_index(self.index, str(self.file))
        return self.file.stat().st_size

    def load(self) -> None:
        import faiss

        self.index = faiss.read_index(str(self.file))
        self._order = order_of(self.index.ntotal)

    def set_ef(self, ef: int) -> None:
        self.index.hnsw.efSearch = ef

    def search(self, query: Vectors, k: int) -> Rows:
        import faiss

        faiss.omp_set_num_threads(1)
        return self._order[self.index.search(query[None, :], k)[1][0]]

    def search_many(self, queries: Vectors, k: int) -> Rows:
        import faiss

        faiss.omp_set_num_threads(self.threads)
        return self._order[self.index.search(queries, k)[1]]


class Usearch(Engine):
    """usearch with float32 vectors (its default would be a shorter format)."""

    package = "usearch"
    modules = ("usearch.index",)
    index: Any  # usearch.index.Index

    def prepare(self) -> None:
        from usearch.index import Index

        self._data = self.vectors()
        self._order = order_of(len(self._data))
        self.index = Index(
            ndim=self._data.shape[1],
            metric="cos",
            dtype="f32",
            connectivity=self.m,
            expansion_add=self.ef_construction,
        )

    def build(self) -> None:
        self.index.add(self._order, self._data[self._order], threads=self.threads)

    def save(self) -> int:
        self.index.save(str(self.file))
        return self.file.stat().st_size

    def load(self) -> None:
        from usearch.index import Index

        self.index = Index.restore(str(self.file))

    def set_ef(self, ef: int) -> None:
        self.index.expansion_search = ef

    def search(self, query: Vectors, k: int) -> Rows:
        return self.index.search(query, k, threads=1).keys.astype(np.int64)

    def search_many(self, queries: Vectors, k: int) -> Rows:
        return self.index.search(queries, k, threads=self.threads).keys.astype(np.int64)


class Exact(Engine):
    """Every row, by numpy's matrix product and a partial sort: no index at all."""

    package = "numpy"
    modules = ("threadpoolctl",)
    tuned = False

    def prepare(self) -> None: ...

    def build(self) -> None: ...

    def save(self) -> int:
        return (self.folder / "vectors.npy").stat().st_size

    def load(self) -> None:
        self._data = self.vectors()

    def set_ef(self, ef: int) -> None: ...

    def search(self, query: Vectors, k: int) -> Rows:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return best(self._data @ query, k)

    def search_many(self, queries: Vectors, k: int) -> Rows:
        return exact_rows(self._data, queries, k)


class Ours(Engine):
    """PhaseLens: LabelIndex over the made-up dataset of benchmarks.bench_home in FOLDER."""

    package = "phaselens"
    modules = ("hnswlib", "core.shortlist.build", "core.shortlist.index", "benchmarks.bench_home")

    def prepare(self) -> None:
        from benchmarks.bench_home import Encoded, bench_settings

        self._settings = bench_settings(self.folder, self.threads)
        self._encoder = Encoded(self.folder)

    def build(self) -> float:
        from benchmarks.bench_home import NAME
        from core.datasets.catalogue import open_dataset
        from core.shortlist.build import build_index
        from core.shortlist.graph import GraphOptions

        dataset = open_dataset(self._settings, NAME)
        options = GraphOptions(m=self.m, ef_construction=self.ef_construction, threads=self.threads)
        manifest = build_index(self._settings, dataset, self._encoder, options=options)
        if manifest is None:
            raise RuntimeError("The build was cancelled, though nobody asked for it.")
        return manifest.seconds_build

    def save(self) -> int:
        from benchmarks.bench_home import NAME

        folder = self._settings.indexes_dir / NAME
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def load(self) -> None:
        from benchmarks.bench_home import IDENTITY, NAME, bench_settings
        from core.datasets.catalogue import open_dataset
        from core.shortlist.index import LabelIndex

        settings = bench_settings(self.folder, self.threads)
        self.index = LabelIndex.open(settings, open_dataset(settings, NAME), IDENTITY)

    def set_ef(self, ef: int) -> None:
        self._ef = ef

    def search(self, query: Vectors, k: int) -> Rows:
        return self.index.search_rows(query, k, self._ef)[0]

    def search_many(self, queries: Vectors, k: int) -> Rows:
        return self.index.search_rows_many(queries, k, self._ef)[0]


class OursHere(Ours):
    """PhaseLens: the ready index of a dataset in the user's own home folder, never built here."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        super().__init__(folder, options)
        self.dataset: str = options["dataset"]
        self.identity: str = options["encoder"]

    def load(self) -> None:
        from core.config import load_settings
        from core.datasets.catalogue import open_dataset
        from core.shortlist.index import LabelIndex

        settings = load_settings()
        self.index = LabelIndex.open(settings, open_dataset(settings, self.dataset), self.identity)


ENGINES: dict[str, type[Engine]] = {
    "ours": Ours,
    "hnswlib": Hnswlib,
    "faiss": Faiss,
    "usearch": Usearch,
    "exact": Exact,
    "ours_here": OursHere,
}


def best(scores: Vectors, k: int) -> Rows:
    """The k rows of highest score, best first."""
    rows = np.argpartition(-scores, k - 1)[:k]
    return rows[np.argsort(-scores[rows], kind="stable")]


def exact_rows(vectors: Vectors, queries: Vectors, k: int) -> Rows:
    """Rows `(n, k)` by exact search, some queries at a time: bounds memory."""
    step = max(1, 2**26 // len(vectors))
    found = [
        best(column, k)
        for start in range(0, len(queries), step)
        for column in np.ascontiguousarray((vectors @ queries[start : start + step].T).T)
    ]
    return np.stack(found)


def installed_version(engine: str) -> str | None:
    """The version of an engine's package, or None where it is not installed."""
    try:
        return importlib.metadata.version(ENGINES[engine].package)
    except importlib.metadata.PackageNotFoundError:
        return None


def rss_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def built(engine: Engine) -> dict[str, Any]:
    before_rss = rss_mb()
    engine.prepare()
    before = time.perf_counter()
    own = engine.build()
    seconds = time.perf_counter() - before
    return {
        "build_s": seconds if own is None else own,
        "build_peak_mb": peak_mb() - before_rss,
        "file_mb": engine.save() / 1e6,
    }


def searched(engine: Engine, options: dict[str, Any], out: Path) -> dict[str, Any]:
    """Loads, then answers all queries one at a time at each ef, and in batches at the last."""
    queries: Vectors = np.load(engine.folder / options["queries"])
    k: int = options["k"]
    before_rss, before = rss_mb(), time.perf_counter()
    engine.load()
    data: dict[str, Any] = {"load_s": time.perf_counter() - before, "searches": []}
    found = []
    for ef in options["efs"]:
        engine.set_ef(ef)
        rows, milliseconds = one_by_one(engine, queries, k)
        found.append(rows)
        data["searches"].append(
            {
                "ef": ef,
                "p50_ms": float(np.percentile(milliseconds, 50)),
                "p95_ms": float(np.percentile(milliseconds, 95)),
            }
        )
    data["memory_mb"] = rss_mb() - before_rss
    if options["batch_seconds"]:
        data["batch_per_s"] = batch_rate(engine, queries, k, options["batch_seconds"])
    np.save(out.with_suffix(".npy"), np.stack(found))
    return data


def one_by_one(engine: Engine, queries: Vectors, k: int) -> tuple[Rows, list[float]]:
    for query in queries[:WARM_UP]:
        engine.search(query, k)
    rows, milliseconds = [], []
    for query in queries:
        before = time.perf_counter()
        found = engine.search(query, k)
        milliseconds.append((time.perf_counter() - before) * 1e3)
        rows.append(found)
    return np.stack(rows), milliseconds


def batch_rate(engine: Engine, queries: Vectors, k: int, at_least: float) -> float:
    """Queries a second when all come at once, on all threads; repeated for so many seconds."""
    engine.search_many(queries, k)
    done, before = 0, time.perf_counter()
    while (seconds := time.perf_counter() - before) < at_least:
        engine.search_many(queries, k)
        done += len(queries)
    return done / seconds


def main(words: Sequence[str]) -> None:
    action, name, folder, options, out = words
    chosen = json.loads(options)
    engine = ENGINES[name](Path(folder), chosen)
    for module in engine.modules:
        importlib.import_module(module)
    data = built(engine) if action == "build" else searched(engine, chosen, Path(out))
    Path(out).write_text(json.dumps(data), encoding="utf-8")


def peak_mb() -> float:
    """The most memory this process ever had. Linux counts it anew for a new program only in
    /proc; getrusage would tell the parent's where that is more."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main(sys.argv[1:])
