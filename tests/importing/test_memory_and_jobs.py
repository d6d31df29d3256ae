"""Memory does not grow with the documents; the command line and jobs import by the same path."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from core.cli import app
from core.config import Settings
from core.datasets import files
from core.datasets.base import Document, Label
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.importing import readers
from tests.importing.files import LABELS, brought_in, documents, json_lines


def peak_of(home: Path, docs: Path, labels: Path) -> int:
    """Bytes that one import takes at most, by Python and by pyarrow."""
    pool = pa.proxy_memory_pool(pa.system_memory_pool())  # its peak begins at 0
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        brought_in(home, labels, docs, replace=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    return peak + pool.max_memory()


def json_file(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    return json_lines(path.with_suffix(".jsonl"), rows)


def packed_json(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    packed = path.with_suffix(".jsonl.gz")
    with gzip.open(packed, "wt", compresslevel=1, encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return packed


def csv_file(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    flat = [{**row, "gold": "|".join(row["gold"])} for row in rows]
    pd.DataFrame(flat).to_csv(path.with_suffix(".csv"), index=False)
    return path.with_suffix(".csv")


def parquet_file(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    pd.DataFrame(rows).to_parquet(path.with_suffix(".parquet"), row_group_size=512)
    return path.with_suffix(".parquet")


@pytest.mark.parametrize("write", [json_file, packed_json, csv_file, parquet_file])
def test_memory_does_not_grow_with_the_documents(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, Iterable[dict[str, Any]]], Path],
) -> None:
    """Of more text, less than a quarter is in memory at once."""
    monkeypatch.setattr(files, "BATCH_DOCUMENTS", 512)
    monkeypatch.setattr(readers, "BATCH_ROWS", 512)
    labels = json_lines(tmp_path / "l.jsonl", LABELS)

    def long(count: int) -> Iterator[dict[str, Any]]:
        return ({**row, "text": f"{row['text']} {row['id'] * 150}"} for row in documents(count))

    few, many = write(tmp_path / "few", long(2_000)), write(tmp_path / "many", long(8_000))
    more_text = sum(len(row["text"]) for row in list(long(8_000))[2_000:])
    peak_of(home, few, labels)  # what is loaded at the first import stays

    small, large = peak_of(home, few, labels), peak_of(home, many, labels)

    assert len(open_dataset(Settings(home=home), "mine")) == 8_000
    assert large - small < more_text / 4


def test_a_dataset_written_in_batches_is_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = About("b", "B", "", "", "", "")
    labels = [Label("x", "ex")]
    docs = [Document(f"d{n}", f"text {n}", ("x",)) for n in range(10)]
    write_dataset(home / "datasets" / "a", about, labels, docs)
    monkeypatch.setattr(files, "BATCH_DOCUMENTS", 3)
    write_dataset(home / "datasets" / "b", about, iter(labels), iter(docs))

    whole = open_dataset(Settings(home=home), "a")
    batched = open_dataset(Settings(home=home), "b")
    assert batched.table["text"].num_chunks == 4
    assert batched.table.equals(whole.table)
    assert batched.row_of("d9") == 9


def test_the_command_adds_reports_and_removes(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    docs = json_lines(tmp_path / "d.jsonl", [*documents(20), ["no object"]])
    given = ["data", "add", "mine", "--labels", str(labels), "--docs", str(docs), "--json"]
    run = CliRunner().invoke

    added = run(app, given)
    assert added.exit_code == 0, added.output
    data = json.loads(added.stdout)
    assert (data["name"], data["labels"], data["documents"], data["rejected"]) == ("mine", 5, 20, 1)
    assert [(p["kind"], p["count"], p["first"][0]["row"]) for p in data["problems"]] == [
        ("malformed rows", 1, 21)
    ]
    again = run(app, given)
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    assert run(app, [*given[:-1], "--column", "oops=x"]).exit_code == 1
    assert run(app, ["data", "remove", "mine", "--json"]).exit_code == 1
    assert json.loads(run(app, ["data", "remove", "mine", "--yes", "--json"]).stdout)["removed"]
    assert not (home / "datasets" / "mine").exists()
