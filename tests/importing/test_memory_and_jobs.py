"""Memory does not grow with the documents; the command line and jobs import by the same path."""

import json
import tracemalloc
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.config import Settings
from core.datasets import files
from core.datasets.base import Document, Label
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from tests.importing.files import LABELS, brought_in, documents, json_lines


def peak_of(home: Path, docs: Path, labels: Path) -> int:
    tracemalloc.start()
    brought_in(home, labels, docs, replace=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_documents(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BATCH_DOCUMENTS", 2048)
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    few = json_lines(tmp_path / "few.jsonl", documents(5_000))
    many = json_lines(tmp_path / "many.jsonl", documents(40_000))
    peak_of(home, few, labels)  # what is loaded at the first import stays

    small, large = peak_of(home, few, labels), peak_of(home, many, labels)

    assert len(open_dataset(Settings(home=home), "mine")) == 40_000
    assert large < 2 * small


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
