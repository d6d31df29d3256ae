"""Time and memory of an import of traces: `python -m benchmarks.trace_import [--traces 100000]`.

Writes a JSONL file of traces of about 4,000 tokens (16 kB) with words drawn as texts have them (a
Zipf law over 50,000), imports it in a process of its own into an empty store, then again, and
prints seconds, traces a second, the peak resident memory and the size of the store. The peer is a
plain `INSERT` of the same texts into SQLite's FTS5, one column and no other tables: what storing
and indexing the words takes at least.
"""

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TOKENS = 4_000
WORDS_A_TRACE = 2_700  # English has about 1.5 tokens a word with its signs
VOCABULARY = 50_000
LABELS = [{"id": f"L{n}", "name": f"topic {n}"} for n in range(1_000)]


def write(folder: Path, traces: int) -> Path:
    """The dataset's files, and the file of traces."""
    with (folder / "labels.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(label) + "\n" for label in LABELS)
    with (folder / "documents.jsonl").open("w", encoding="utf-8") as out:
        for n in range(traces):
            document = {"id": f"d{n}", "text": f"about topic {n % 1000}", "gold": [f"L{n % 1000}"]}
            out.write(json.dumps(document) + "\n")
    chance = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(chance.choice(letters, 2 + n % 9)) for n in range(VOCABULARY)]
    shares = 1 / np.arange(1, VOCABULARY + 1)
    shares /= shares.sum()
    path = folder / "traces.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for n in range(traces):
            drawn = chance.choice(VOCABULARY, WORDS_A_TRACE, p=shares)
            text = " ".join(words[at] for at in drawn)
            row = {
                "dataset": "grown", "document_id": f"d{n}", "system": f"model-{n % 3}",
                "trace": f"{text}. Answer: topic {n % 1000}", "answer": [f"L{n % 1000}"],
                "tokens": TOKENS,
            }  # fmt: skip
            out.write(json.dumps(row) + "\n")
    return path


def measure(home: Path, folder: Path) -> None:
    """Imports in this process and prints one line of JSON."""
    from core.config import Settings
    from core.datasets.importing import ImportRequest, import_dataset
    from core.trace_import import import_traces
    from core.traces.importing.request import TraceImportRequest
    from db.session import open_store

    settings = Settings(home=home)
    if not (home / "datasets" / "grown").exists():
        request = ImportRequest("grown", folder / "labels.jsonl", (folder / "documents.jsonl",))
        import_dataset(settings, request, report=lambda *_: None, cancelled=lambda: False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    made = import_traces(
        settings, open_store(settings), TraceImportRequest((folder / "traces.jsonl",)),
        report=lambda *_: None, cancelled=lambda: False,
    )  # fmt: skip
    assert made is not None
    print(
        json.dumps(
            {
                "new": made.traces,
                "known": made.known,
                "seconds": round(time.perf_counter() - start, 1),
                "mb_before": round(before),
                "mb_peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "store_mb": round((home / "phaselens.db").stat().st_size / 1e6),
            }
        ),
        flush=True,
    )


def peer(folder: Path) -> float:
    """Seconds of a bare FTS5 insert of the same texts."""
    start = time.perf_counter()
    with sqlite3.connect(folder / "peer.db") as store:
        store.execute("CREATE VIRTUAL TABLE words USING fts5(trace, prefix='2 3')")
        with (folder / "traces.jsonl").open(encoding="utf-8") as file:
            store.executemany(
                "INSERT INTO words VALUES (?)", ([json.loads(line)["trace"]] for line in file)
            )
    seconds = time.perf_counter() - start
    (folder / "peer.db").unlink()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="for the files: 6 GB for 100,000 traces")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure, asked.folder)
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        path = write(folder, asked.traces)
        print(f"{asked.traces:,} traces, {path.stat().st_size / 1e6:,.0f} MB")
        command = [sys.executable, "-m", "benchmarks.trace_import", "--folder", str(folder)]
        for _ in range(2):
            subprocess.run([*command, "--measure", str(folder / "home")], check=True)
        print(f"peer, FTS5 alone: {peer(folder):.1f} s")


if __name__ == "__main__":
    main()
