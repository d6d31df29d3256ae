"""Milliseconds from a text to its shortlist, in process, and seconds to load the index.

    python -m benchmarks.query [mesh] [--method two-step ...] [--k 50] [--texts 300] [--json]

1. Queries are dev documents, one at a time, never from the cache: the first 3 to 30 words of each
   ("short"), and those of 256 tokens or more whole ("abstract"; where a dataset has none, all).
2. For each kind: the search alone through LabelIndex at the index's ef, with the text's vector
   given; embedding and search together by dense retrieval, and by the dataset's default method.
   Ranks by exact search are left out, as in a batch run.
3. Load: LabelIndex.open in a process of its own, and its first search, files in the page cache.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import core  # noqa: F401  # sets OpenMP's waiting, before torch loads
from core.config import load_settings
from core.datasets.base import Dataset, Split
from core.datasets.catalogue import open_dataset
from core.encoders import MAX_TOKENS, Encoder
from core.shortlist.base import Method
from core.shortlist.index import LabelIndex
from core.shortlist.retriever import Retriever

DATASET, K, TEXTS, WARM = "mesh", 50, 300, 20
SHORTEST, WORDS = 3, 28  # short queries have 3 to 30 words
ROOT = Path(__file__).resolve().parents[1]


def measure(
    name: str = DATASET, methods: Sequence[Method] = (), k: int = K, texts: int = TEXTS
) -> dict[str, Any]:
    """`rows` [{query, texts, method ("" = the search alone), p50_ms, p95_ms}], and of what.

    `methods` empty: dense and the default. Raises IndexFileError without an index.
    """
    settings = load_settings()
    dataset, encoder = open_dataset(settings, name), Encoder.load(settings)
    retriever = Retriever.open(settings, dataset, encoder)
    k = min(k, len(dataset.labels))
    asked = tuple(dict.fromkeys(methods or (Method.DENSE, retriever.default)))
    if set(asked) != {Method.DENSE}:
        _ = retriever.lexical, retriever.families
    rows = []
    for kind, some in queries_of(dataset, encoder, texts).items():
        rows += [
            {"query": kind, "texts": len(some), **row} for row in timed(retriever, some, k, asked)
        ]
    return {
        "dataset": name,
        "labels": len(dataset.labels),
        "k": k,
        "ef": retriever.index.ef,
        "default": retriever.default.value,
        "threads": settings.torch_threads(),
        "encoder": encoder.identity,
        "rows": rows,
        **_in_a_fresh_process(name),
    }


def queries_of(dataset: Dataset, encoder: Encoder, most: int) -> dict[str, list[str]]:
    """Short queries and abstracts, at most so many of each, from dev documents."""
    texts = [dataset.document_at(row).text for row in dataset.rows_of(Split.DEV)]
    long = [text for text in texts if encoder.count_tokens([text])[0] >= MAX_TOKENS][:most]
    short = [
        " ".join(text.split()[: SHORTEST + at % WORDS]) for at, text in enumerate(texts[:most])
    ]
    return {"short": short, **({"abstract": long} if long else {"whole text": texts[:most]})}


def timed(
    retriever: Retriever, texts: Sequence[str], k: int, methods: Sequence[Method]
) -> list[dict[str, Any]]:
    """The search alone, then embedding and search by each method, over the same texts."""
    encode, index = retriever.encoder.encode, retriever.index
    vectors = encode(texts, cache=False)
    found = [
        {
            "method": "",
            **_times(len(texts), lambda at: index.search(vectors[at], k, exact_ranks=False)),
        }
    ]
    for method in methods:

        def whole(at: int, method: Method = method) -> object:
            (vector,) = encode([texts[at]], cache=False)
            return retriever.search(texts[at], vector, k, method=method, exact_ranks=False)

        found.append({"method": method.value, **_times(len(texts), whole)})
    return found


def load(name: str) -> dict[str, float]:
    """Seconds to open the index and for its first search, in this process."""
    settings = load_settings()
    dataset, identity = open_dataset(settings, name), Encoder.load(settings).identity
    start = time.perf_counter()
    index = LabelIndex.open(settings, dataset, identity)
    opened = time.perf_counter()
    index.search(index.vector(dataset.labels.id(0)), min(K, len(dataset.labels)), exact_ranks=False)
    return {"load_s": opened - start, "first_search_s": time.perf_counter() - opened}


def table(data: dict[str, Any]) -> str:
    """What was measured, in Markdown."""
    lines = [
        f"{data['dataset']}: {data['labels']:,} labels, k {data['k']}, ef {data['ef']}, default "
        f"{data['default']}, {data['threads']} threads. The index loads in {data['load_s']:.2f} s; "
        f"the first search takes {1000 * data['first_search_s']:.0f} ms.",
        "",
        "| query | texts | measured | p50 ms | p95 ms |",
        "| --- | ---: | --- | ---: | ---: |",
    ]
    for row in data["rows"]:
        what = f"embed and search, {row['method']}" if row["method"] else "search alone, dense"
        lines.append(
            f"| {row['query']} | {row['texts']} | {what} | {row['p50_ms']:.2f} | "
            f"{row['p95_ms']:.2f} |"
        )
    return "\n".join(lines)


def _times(count: int, run: Callable[[int], object]) -> dict[str, float]:
    for at in range(min(WARM, count)):
        run(at)
    ms = []
    for at in range(count):
        start = time.perf_counter()
        run(at)
        ms.append((time.perf_counter() - start) * 1000)
    p50, p95 = np.quantile(ms, [0.5, 0.95]).tolist()
    return {"p50_ms": p50, "p95_ms": p95}


def _in_a_fresh_process(name: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.query", name, "--load"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("dataset", nargs="?", default=DATASET)
    parser.add_argument("--method", action="append", type=Method, choices=list(Method))
    parser.add_argument("--k", type=int, default=K)
    parser.add_argument("--texts", type=int, default=TEXTS, help="of each kind, at most")
    parser.add_argument("--load", action="store_true", help="only load the index, in this process")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.load:
        print(json.dumps(load(given.dataset)))
        return
    data = measure(given.dataset, given.method or (), given.k, given.texts)
    print(json.dumps(data) if given.json else table(data))


if __name__ == "__main__":
    main()
