"""Milliseconds from what was typed to the labels found, against plain ways to find the same.

    python -m benchmarks.label_search [mesh] [--names 150] [--runs 3] [--baseline 40] [--json]

1. Queries are what a person types: of sampled names, a word in the middle or the start and each of
   its beginnings from one character up; two words of a name, each cut; and codes, letter by letter.
2. Each run asks all of them in another order, in process, 20 labels each: core.label_search.
3. Beside it, a sample of the same queries: a Python list of folded names looked through with
   `startswith` and `in`; SQLite LIKE over the same names; and pyarrow's match_substring
   (core.datasets.label_search, which the Data page uses).
4. The index is made anew in memory, for its time, and looked at on the disk, for its size.
"""

import argparse
import json
import os
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.config import load_settings
from core.datasets.base import LabelSpace
from core.datasets.catalogue import open_dataset
from core.datasets.label_search import search_labels
from core.label_search.index import build_index, search_folder
from core.label_search.search import LabelSearch
from core.label_search.words import folded, words_of

DATASET, NAMES, RUNS, BASELINE, LIMIT = "mesh", 150, 3, 40, 20
LONGEST_WORD = 12  # typed letter by letter; beyond that nothing new is found

Ask = Callable[[str], object]


def measure(
    name: str = DATASET, names: int = NAMES, runs: int = RUNS, baseline: int = BASELINE
) -> dict[str, Any]:
    """`rows` [{what, run, queries, p50_ms, p95_ms, p99_ms, max_ms, cpu_p95_ms}], the seconds of the
    build, the bytes. The CPU's time is what remains where other work holds the cores."""
    settings = load_settings()
    dataset = open_dataset(settings, name)
    start, cpu = time.perf_counter(), time.process_time()
    build_index(dataset.labels)
    built = {"build_s": time.perf_counter() - start, "build_cpu_s": time.process_time() - cpu}
    search = LabelSearch.open(settings, dataset)
    start = time.perf_counter()
    search = LabelSearch.open(settings, dataset)
    built["open_ms"] = (time.perf_counter() - start) * 1000
    asked = queries_of(dataset.labels, names)
    rows = []
    for run in range(runs):
        random.Random(run).shuffle(asked)
        rows.append({"what": "search", "run": run + 1, **_times(asked, search.search)})
    some = random.Random(0).sample(asked, min(baseline, len(asked)))
    rows.append({"what": "search, the same queries as below", "run": 1,
                 **_times(some, search.search)})  # fmt: skip
    for what, ask in _plain_ways(dataset.labels).items():
        rows.append({"what": what, "run": 1, **_times(some, ask)})
    folder = search_folder(settings, dataset)
    return {
        "dataset": name,
        "labels": len(dataset.labels),
        "bytes": sum(file.stat().st_size for file in folder.iterdir()),
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "niceness": os.nice(0),
        **built,
        "rows": rows,
    }


def queries_of(labels: LabelSpace, names: int) -> list[str]:
    """What is typed, character by character, to find sampled labels; the same for each call."""
    chance = random.Random(0)
    found: list[str] = []
    for row in chance.sample(range(len(labels)), min(names, len(labels))):
        words = words_of(labels.name(row))
        if not words:
            continue
        word = chance.choice(words)[:LONGEST_WORD]
        found += [word[:end] for end in range(1, len(word) + 1)]
        first, second = (chance.choice(words) for _ in range(2))
        typed = f"{first} {second[:LONGEST_WORD]}"
        found += [typed[:end] for end in range(len(first) + 2, len(typed) + 1)]
        found.append(f"{second[:3]} {first[:3]}")
        label_id = labels.id(row)[:LONGEST_WORD]
        found += [label_id[:end] for end in range(1, len(label_id) + 1)]
    return found


def _plain_ways(labels: LabelSpace) -> dict[str, Ask]:
    names = [folded(labels.name(row)) for row in range(len(labels))]
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE label (name TEXT)")
    store.executemany("INSERT INTO label VALUES (?)", ((name,) for name in names))

    def python(query: str) -> list[str]:
        words, start = words_of(query), folded(query)
        first = [name for name in names if name.startswith(start)]
        rest = (name for name in names if all(word in name for word in words))
        return sorted([*first, *rest], key=len)[:LIMIT]

    def like(query: str) -> list[Any]:
        words = words_of(query)
        where = " AND ".join("name LIKE ?" for _ in words)
        return store.execute(
            f"SELECT name FROM label WHERE {where} ORDER BY length(name) LIMIT {LIMIT}",
            [f"%{word}%" for word in words],
        ).fetchall()

    return {
        "Python, startswith and in": python,
        "SQLite LIKE, in memory": like,
        "pyarrow match_substring": lambda query: search_labels(labels, query),
    }


def _times(queries: Sequence[str], ask: Ask) -> dict[str, float]:
    ms, cpu = [], []
    for query in queries:
        start, busy = time.perf_counter(), time.thread_time()
        ask(query)
        cpu.append((time.thread_time() - busy) * 1000)
        ms.append((time.perf_counter() - start) * 1000)
    p50, p95, p99 = np.quantile(ms, [0.5, 0.95, 0.99]).tolist()
    cpu_p95 = float(np.quantile(cpu, 0.95))
    return {"queries": len(ms), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": max(ms),
            "cpu_p95_ms": cpu_p95}  # fmt: skip


def table(data: dict[str, Any]) -> str:
    """What was measured, in Markdown."""
    lines = [
        f"{data['dataset']}: {data['labels']:,} labels. The index has {data['bytes'] / 1e6:.1f} MB "
        f"and is made in {data['build_s']:.1f} s ({data['build_cpu_s']:.1f} s of one core); opened "
        f"in {data['open_ms']:.0f} ms. {data['cores']} cores, load {data['load']:.1f}, niceness "
        f"{data['niceness']}.",
        "",
        "| what | run | queries | p50 ms | p95 ms | p99 ms | max ms | CPU p95 ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in data["rows"]:
        shown = ("p50", "p95", "p99", "max", "cpu_p95")
        numbers = " | ".join(f"{row[f'{one}_ms']:.2f}" for one in shown)
        lines.append(f"| {row['what']} | {row['run']} | {row['queries']:,} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("dataset", nargs="?", default=DATASET)
    parser.add_argument("--names", type=int, default=NAMES, help="labels that are typed")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--baseline", type=int, default=BASELINE, help="queries of the plain ways")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    data = measure(given.dataset, given.names, given.runs, given.baseline)
    print(json.dumps(data) if given.json else table(data))


if __name__ == "__main__":
    main()
