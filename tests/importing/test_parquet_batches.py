"""Parquet is read in parts of like size, whatever is in it; odd values cost their row."""

import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.importing.problems import Kind
from core.importing.readers import Bad, Format, Row, rows_of


def peak_of(path: Path) -> int:
    """Bytes of Python's that reading a file takes at most."""
    tracemalloc.start()
    try:
        count = sum(isinstance(row, Row) for row in rows_of(path, Format.PARQUET))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == pq.read_metadata(path).num_rows
    return peak


def test_rows_with_long_lists_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    offsets = [[at, at + 1] for at in range(1000)]
    kind = pa.list_(pa.list_(pa.int64()))
    table = pa.table({"token_offsets": pa.array([offsets] * 600, kind)})
    pq.write_table(table, tmp_path / "offsets.parquet")
    assert peak_of(tmp_path / "offsets.parquet") < 60_000_000, "all at once: about 100 MB"


def test_long_texts_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    texts = [f"{at} " * 100_000 for at in range(400)]
    pq.write_table(pa.table({"trace": texts}), tmp_path / "texts.parquet")
    assert peak_of(tmp_path / "texts.parquet") < 20_000_000, "all at once: 140 MB"


def test_rows_have_their_numbers_however_they_are_cut(tmp_path: Path) -> None:
    table = pa.table({"id": list(range(5000)), "gold": [["a"]] * 5000})
    pq.write_table(table, tmp_path / "d.parquet", row_group_size=700)
    rows = list(rows_of(tmp_path / "d.parquet", Format.PARQUET))
    assert [(row.number, row.place) for row in rows] == [(at + 1, at) for at in range(5000)]
    assert all(isinstance(row, Row) and row.values["id"] == row.place for row in rows)


def test_a_value_that_python_has_not_costs_its_row(tmp_path: Path) -> None:
    times = pa.array([0, 2**62, 0], pa.timestamp("us"))  # a year that no calendar has
    table = pa.table({"id": ["a", "b", "c"], "at": times})
    pq.write_table(table, tmp_path / "d.parquet")
    rows = list(rows_of(tmp_path / "d.parquet", Format.PARQUET))
    kinds = [row.kind if isinstance(row, Bad) else row.values["id"] for row in rows]
    assert kinds == ["a", Kind.MALFORMED, "c"]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), tmp_path / "d.parquet")
    assert list(rows_of(tmp_path / "d.parquet", Format.PARQUET)) == []
