"""What is exported can be imported again: the same rows, and so the same traces."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.errors import InputError
from core.trace_export import export_traces
from db.session import Store, open_store
from db.trace_views import TraceFilter
from tests.traces.importing.brought import GOOD, brought_in, lines, rows_file, with_dataset

ROWS: list[dict[str, Any]] = [
    GOOD,
    {**GOOD, "answer": []},
    {k: v for k, v in GOOD.items() if k != "answer"},
    {**GOOD, "document_id": "own", "text": "its own text", "gold": ["L1", "L9"]},
    {**GOOD, "token_offsets": [[0, 4], [4, 9]], "tokens": 2, "seconds": 0.25,
     "finish_reason": "max_tokens", "candidates": ["L1", "topic 3"]},
    {**GOOD, "trace": "  <b>bold</b> \u202e \ud7ff \u0007 $x$ \u2028 \r\n end  "},
    {"dataset": "mine", "document_id": "d1", "system": "r1", "reasoning_content": " hm ",
     "content": "Answer: topic 1\n"},
]  # fmt: skip


def exported(store: Store, path: Path, filter: TraceFilter | None = None) -> Path:
    count = export_traces(
        store, filter or TraceFilter(), path, report=lambda *_: None, cancelled=lambda: False
    )
    assert count is not None
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_file_of_traces_comes_back_as_it_was(home: Path, tmp_path: Path, suffix: str) -> None:
    settings = with_dataset(home, tmp_path)
    store = open_store(settings)
    brought_in(settings, rows_file(tmp_path, ROWS), store=store)
    out = exported(store, tmp_path / f"out{suffix}")
    assert brought_in(settings, out, store=store).known == len(ROWS), "every one is known"
    elsewhere = with_dataset(tmp_path / "elsewhere", tmp_path)
    other = open_store(elsewhere)
    assert brought_in(elsewhere, out, store=other).traces == len(ROWS)
    first = exported(store, tmp_path / "first.jsonl")
    second = exported(other, tmp_path / "second.jsonl")
    assert first.read_bytes() == second.read_bytes()
    for given, back in zip(ROWS, lines(first), strict=True):
        assert back == given, json.dumps(given)


def test_only_what_the_filter_leaves_is_exported(home: Path, tmp_path: Path) -> None:
    settings: Settings = with_dataset(home, tmp_path)
    store = open_store(settings)
    brought_in(settings, rows_file(tmp_path, ROWS), store=store)
    out = exported(store, tmp_path / "r1.jsonl", TraceFilter(system="r1"))
    assert [row["system"] for row in lines(out)] == ["r1"]


def test_a_file_of_no_known_kind_is_refused_and_a_cancelled_export_leaves_none(
    home: Path, tmp_path: Path
) -> None:
    settings = with_dataset(home, tmp_path)
    store = open_store(settings)
    brought_in(settings, rows_file(tmp_path, [GOOD]), store=store)
    with pytest.raises(InputError, match="no format"):
        exported(store, tmp_path / "out.txt")
    out = tmp_path / "out.jsonl"
    stopped = export_traces(
        store, TraceFilter(), out, report=lambda *_: None, cancelled=lambda: True
    )
    assert stopped is None
    assert not out.exists()
