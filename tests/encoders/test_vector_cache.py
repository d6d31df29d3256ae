"""The cache is bounded, shared and never in the way."""

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.vector_cache import VectorCache


def vector(value: float) -> np.ndarray:
    return np.full(4, value, dtype=np.float32)


def key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_what_was_put_is_found_by_another_process(tmp_path: Path) -> None:
    VectorCache(tmp_path / "v.db", 4).put({key(1): vector(0.1)})

    found = VectorCache(tmp_path / "v.db", 4).get([key(1), key(2)])

    assert list(found) == [key(1)]
    np.testing.assert_array_equal(found[key(1)], vector(0.1))


def test_it_stays_bounded_and_drops_the_oldest(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.db", 4, most=100)
    for number in range(150):
        cache.put({key(number): vector(number)})

    found = cache.get([key(number) for number in range(150)])

    assert len(found) <= 100
    assert key(149) in found
    assert key(0) not in found


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    def write(start: int) -> None:
        cache = VectorCache(tmp_path / "v.db", 4)
        for number in range(start, start + 20):
            cache.put({key(number): vector(number)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(0, 80, 20)))

    assert len(VectorCache(tmp_path / "v.db", 4).get([key(n) for n in range(80)])) == 80


def test_a_damaged_file_is_begun_again_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "v.db").write_bytes(b"not a database" * 100)
    cache = VectorCache(tmp_path / "v.db", 4)

    with caplog.at_level(logging.WARNING):
        assert cache.get([key(1)]) == {}
    assert "cannot be used" in cache.problem
    assert caplog.records
    cache.put({key(1): vector(1)})
    assert key(1) in cache.get([key(1)])


def test_a_locked_cache_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = VectorCache(tmp_path / "v.db", 4)
    cache.put({key(1): vector(1)})
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **options: connect(path, **{**options, "timeout": 0.0})
    )
    other = connect(tmp_path / "v.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        cache.put({key(2): vector(2)})
    finally:
        other.close()

    assert "locked" in cache.problem
    assert key(1) in cache.get([key(1), key(2)])


def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    cache = VectorCache(tmp_path / "file" / "v.db", 4)

    cache.put({key(1): vector(1)})

    assert cache.get([key(1)]) == {}
    assert "cannot be used" in cache.problem


def test_vectors_of_another_width_are_not_given(tmp_path: Path) -> None:
    VectorCache(tmp_path / "v.db", 8).put({key(1): np.zeros(8, np.float32)})

    assert VectorCache(tmp_path / "v.db", 4).get([key(1)]) == {}
