"""Memory and time of an import as its documents grow: `python -m benchmarks.import_growth`.

Writes JSONL files of two sizes, imports each in a process of its own, and prints rows, megabytes,
seconds and the peak resident memory of that process.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LABELS = 50_000
ROWS = (100_000, 400_000)
WORDS = "the quick brown fox jumps over the lazy dog and runs away from it " * 12


def write(folder: Path, rows: int) -> tuple[Path, Path]:
    """Files of labels and of documents of about 0.8 kB each."""
    labels, documents = folder / "labels.jsonl", folder / f"documents-{rows}.jsonl"
    with labels.open("w", encoding="utf-8") as out:
        for n in range(LABELS):
            out.write(json.dumps({"id": f"L{n}", "name": f"the name of label {n}"}) + "\n")
    with documents.open("w", encoding="utf-8") as out:
        for n in range(rows):
            gold = [f"L{n * step % LABELS}" for step in (1, 7, 13)]
            out.write(json.dumps({"id": f"d{n}", "text": f"{n} {WORDS}", "gold": gold}) + "\n")
    return labels, documents


def measure(home: Path, labels: Path, documents: Path) -> None:
    """Imports in this process and prints one line."""
    from core.config import Settings
    from core.datasets.importing import ImportRequest, import_dataset

    start = time.perf_counter()
    made = import_dataset(
        Settings(home=home),
        ImportRequest("grown", labels, (documents,), replace=True),
        report=lambda *_: None,
        cancelled=lambda: False,
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = documents.stat().st_size / 1e6
    count = made.documents if made else 0
    print(f"{count:>9,} rows {size:>6,.0f} MB {seconds:>6.1f} s {peak:>6,.0f} MB peak", flush=True)


def main(arguments: list[str]) -> None:
    if len(arguments) == 3:
        home, labels, documents = (Path(one) for one in arguments)
        measure(home, labels, documents)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in ROWS:
            labels, documents = write(folder, rows)
            command = [sys.executable, "-m", "benchmarks.import_growth"]
            subprocess.run([*command, str(folder / "home"), labels, documents], check=True)
            documents.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
