"""What HNSW's build options give on a dataset's own vectors, at several numbers of labels.

    python -m benchmarks.index_scale mesh --sizes 100000,663973 --m 16 --ef-construction 100,200

For each size (a random subset of the encoded labels) and option: seconds to grow the graph, and MB
of it, in memory as in its file; nodes out of reach; the ef that the autopilot chooses, with
recall@50, the share of queries that found less than half, and milliseconds of one search. Queries
are training documents, and recall is that of the half which did not choose ef. Nothing is kept.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from core.config import load_settings
from core.datasets.catalogue import open_dataset
from core.encoders import Encoder
from core.shortlist.autopilot import TARGET_RECALL, train_texts, tune
from core.shortlist.exact import Rows, Vectors
from core.shortlist.graph import GraphOptions, empty_graph, save_graph, unreached
from core.shortlist.growth import NODES_AT_ONCE
from core.shortlist.index import LabelIndex

SEED = 0


def measure(
    dataset_name: str,
    sizes: Sequence[int],
    ms: Sequence[int],
    ef_constructions: Sequence[int],
    orders: Sequence[str] = ("random",),
    target: float = TARGET_RECALL,
) -> dict[str, Any]:
    """Rows [{labels, m, ef_construction, order, build_s, file_mb, unreached, ef, recall, low, high,
    lost, p50_ms, p95_ms}], and what they were measured on."""
    settings = load_settings()
    dataset = open_dataset(settings, dataset_name)
    encoder = Encoder.load(settings)
    vectors, mask = LabelIndex.open(settings, dataset, encoder.identity).encoded
    encoded = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    queries = encoder.encode(train_texts(dataset))
    rows = []
    for size in sizes:
        chosen = np.sort(np.random.default_rng(SEED).permutation(encoded)[:size])
        subset = np.asarray(vectors[chosen])
        for m, ef_construction, order in product(ms, ef_constructions, orders):
            options = GraphOptions(m, ef_construction, threads=settings.torch_threads())
            rows.append({**_row(subset, queries, options, order, target), "order": order})
            print(json.dumps(rows[-1]), file=sys.stderr)
    return {
        "dataset": dataset_name,
        "queries": len(queries),
        "threads": settings.torch_threads(),
        "target": target,
        "rows": rows,
    }


def _row(
    vectors: Vectors, queries: Vectors, options: GraphOptions, order: str, target: float
) -> dict[str, Any]:
    graph = empty_graph(vectors.shape[1], len(vectors), options)
    nodes = _ordered(vectors, order)
    start = time.perf_counter()
    for at in range(0, len(nodes), NODES_AT_ONCE):
        part = nodes[at : at + NODES_AT_ONCE]
        graph.add_items(vectors[part], part, num_threads=options.growing_threads)
    seconds = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.bin"
        save_graph(path, graph)
        size, lost = path.stat().st_size, len(unreached(path))
    tuned = tune(
        graph, None, vectors, queries, target, lambda stage, done, total: None, lambda: False
    )
    assert tuned is not None  # nobody cancels
    point = tuned.chosen
    return {
        "labels": len(vectors),
        "m": options.m,
        "ef_construction": options.ef_construction,
        "build_s": round(seconds, 1),
        "file_mb": round(size / 1e6),
        "unreached": lost,
        "ef": tuned.ef,
        **(
            {
                name: round(getattr(point, name), 4)
                for name in ("recall", "low", "high", "lost", "p50_ms", "p95_ms")
            }
            if point
            else {}
        ),
    }


def _ordered(vectors: Vectors, order: str) -> Rows:
    """In which order the rows are added: random, as in the file, or sparse regions first."""
    random: Rows = np.random.default_rng(SEED).permutation(len(vectors))
    if order == "random":
        return random
    if order == "file":
        return np.arange(len(vectors))
    landmarks = vectors[random[:4096]]
    density = np.concatenate(
        [
            np.partition(vectors[at : at + 8192] @ landmarks.T, -8, axis=1)[:, -8:].mean(axis=1)
            for at in range(0, len(vectors), 8192)
        ]
    )
    return np.argsort(density, kind="stable")


def lines(data: dict[str, Any]) -> list[str]:
    """The table, in Markdown."""
    out = [
        f"{data['dataset']}, {data['queries']} training documents, {data['threads']} threads, "
        f"target {data['target']}",
        "",
        "| labels | M | ef_construction | order | build s | MB | out of reach | ef | recall@50 | "
        "below half | p50 ms | p95 ms |",
        "| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for row in data["rows"]:
        out.append(
            f"| {row['labels']:,} | {row['m']} | {row['ef_construction']} | {row['order']} | "
            f"{row['build_s']:.0f} | {row['file_mb']:,} | {row['unreached']} | {row['ef']} | "
            f"{row['recall']:.4f} ({row['low']:.4f} to {row['high']:.4f}) | {row['lost']:.2%} | "
            f"{row['p50_ms']:.2f} | {row['p95_ms']:.2f} |"
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--sizes", default="50000,100000")
    parser.add_argument("--m", default="16,24,32")
    parser.add_argument("--ef-construction", default="100,200,400")
    parser.add_argument("--orders", default="random", help="of: random, file, sparse")
    parser.add_argument("--target", type=float, default=TARGET_RECALL)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    data = measure(
        given.dataset,
        [int(size) for size in given.sizes.split(",")],
        [int(m) for m in given.m.split(",")],
        [int(ef) for ef in given.ef_construction.split(",")],
        given.orders.split(","),
        given.target,
    )
    print(json.dumps(data) if given.as_json else "\n".join(lines(data)))


if __name__ == "__main__":
    main()
