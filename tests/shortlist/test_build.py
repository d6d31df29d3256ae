"""Building: progress, cancelling, waiting, repeatable graphs, a full disk."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from core.errors import IndexFileError, StoreError
from core.shortlist import graph, growth
from core.shortlist.build import build_index
from core.shortlist.graph import GraphOptions
from core.shortlist.index import LabelIndex, status
from core.shortlist.manifest import GRAPH, read_progress, write_progress
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector


def test_progress_ends_complete_in_every_stage(home: Path) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    build_index(
        settings_of(home),
        make_dataset(home),
        HashEncoder(),
        on_progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)),
    )

    assert list(seen) == ["encode labels", "build graph", "choose ef"]
    for steps in seen.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


def test_the_manifest_says_what_was_measured(built: Built) -> None:
    manifest = built.manifest

    assert manifest.labels == 300
    assert manifest.encoder == "hash@1/bfloat16"
    assert manifest.recall_k == 50
    assert manifest.recall_at_k >= manifest.target
    assert manifest.ef >= 50
    assert manifest.peak_rss_mb > 0
    assert status(built.settings, "tiny").manifest == manifest


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_a_cancelled_build_keeps_whole_blocks(home: Path, blocks: int) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    done: list[int] = []

    manifest = build_index(
        settings,
        dataset,
        HashEncoder(),
        on_progress=lambda stage, encoded, total: done.append(encoded),
        cancelled=lambda: len(done) > blocks,
    )

    assert manifest is None
    assert status(settings, "tiny").encoded == blocks * 30
    rest = HashEncoder()
    assert build_index(settings, dataset, rest) is not None
    assert rest.labels_encoded == 300 - blocks * 30


def test_a_growing_index_is_followed(home: Path) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    opened: list[LabelIndex] = []
    coverage: list[int] = []

    def watch() -> None:
        if not opened and status(settings, "tiny").encoded:
            opened.append(LabelIndex.open(settings, dataset, HashEncoder().identity))
        for index in opened:
            index.refresh()
            coverage.append(index.coverage[0])

    build_index(settings, dataset, HashEncoder(before_block=watch))

    index = opened[0]
    assert coverage == [30 * block for block in range(1, 10)]
    assert index.partial
    assert index.refresh()
    assert not index.partial
    assert not index.refresh()
    assert index.search(text_vector("topic 8"), 3).rows[0].source == "hnsw"


def test_a_partial_index_gives_what_it_has(home: Path) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    calls: list[int] = []

    build_index(
        settings,
        dataset,
        HashEncoder(),
        on_progress=lambda stage, encoded, total: calls.append(encoded),
        cancelled=lambda: len(calls) > 1,
    )
    index = LabelIndex.open(settings, dataset, HashEncoder().identity)
    found = index.search(text_vector("topic 0"), 50)

    assert len(found.rows) == 30
    assert (found.searched, found.partial, index.identity) == (30, True, "partial:30")
    known, later = index.gold_ranks(text_vector("topic 0"), ["L00000", "L00001"])
    assert known.exact_rank == 1
    assert (later.in_vocabulary, later.exact_rank) == (True, None)
    assert len(index.nearest_wrong(["L00000"], 100)) == 29


def test_an_index_without_a_finished_block_is_none_yet(home: Path) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    calls: list[int] = []
    build_index(
        settings,
        dataset,
        HashEncoder(),
        on_progress=lambda stage, encoded, total: calls.append(encoded),
        cancelled=lambda: bool(calls),
    )

    with pytest.raises(IndexFileError, match="no index yet"):
        LabelIndex.open(settings, dataset, HashEncoder().identity)
    assert status(settings, "tiny").state == "none"


def test_one_thread_builds_the_same_graph_every_time(home: Path) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    options = GraphOptions(deterministic=True)
    hashes = set()
    for _ in range(2):
        manifest = build_index(settings, dataset, HashEncoder(), options=options)
        assert manifest is not None
        hashes.add(manifest.files[GRAPH].sha256)
        (home / "indexes" / "tiny" / GRAPH).unlink()

    assert len(hashes) == 1


def test_one_thread_copies_no_vectors_of_other_indexes(home: Path) -> None:
    settings, first = settings_of(home), make_dataset(home, name="first")
    assert build_index(settings, first, HashEncoder()) is not None
    copying, encoding = HashEncoder(), HashEncoder()

    copied = build_index(settings, make_dataset(home, name="second"), copying)
    options = GraphOptions(deterministic=True)
    encoded = build_index(settings, make_dataset(home, name="third"), encoding, options=options)

    assert copied is not None
    assert encoded is not None
    assert (copying.labels_encoded, copied.reused) == (0, 300)
    assert (encoding.labels_encoded, encoded.reused) == (300, 0)


def test_an_index_of_the_same_weights_in_another_number_format_is_kept(home: Path) -> None:
    class Exact(HashEncoder):
        @property
        def label_identity(self) -> str:
            return self.identity

    settings, dataset, exact = settings_of(home), make_dataset(home), Exact()
    manifest = build_index(settings, dataset, HashEncoder())

    assert build_index(settings, dataset, exact) == manifest
    assert exact.labels_encoded == 0


def test_the_most_memory_of_all_processes_of_a_build_is_told(home: Path) -> None:
    settings, dataset, blocks = settings_of(home), make_dataset(home), []
    folder = home / "indexes" / "tiny"
    assert build_index(
        settings, dataset, HashEncoder(before_block=lambda: blocks.append(1)),
        cancelled=lambda: len(blocks) > 4,
    ) is None  # fmt: skip
    progress = read_progress(folder)
    assert progress is not None
    assert progress.peak_rss_mb > 0
    write_progress(folder, replace(progress, peak_rss_mb=1e6))  # as if that process was larger

    manifest = build_index(settings, dataset, HashEncoder())

    assert manifest is not None
    assert manifest.peak_rss_mb == 1e6


def test_a_second_builder_waits_and_can_be_cancelled(home: Path) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    folder = home / "indexes" / "tiny"
    folder.mkdir(parents=True)
    stages: list[str] = []
    with FileLock(folder / ".build.lock"):
        manifest = build_index(
            settings,
            dataset,
            HashEncoder(),
            on_progress=lambda stage, done, total: stages.append(stage),
            cancelled=lambda: bool(stages),
        )

    assert manifest is None
    assert stages == ["wait for another build"]


def test_a_disk_that_fills_up_is_said_and_nothing_finished_is_lost(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, dataset = settings_of(home), make_dataset(home)
    write_at, writes = os.pwrite, []

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        writes.append(offset)
        if len(writes) > 70:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_at(descriptor, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(StoreError, match="No space left on device"):
            build_index(settings, dataset, HashEncoder())

    assert status(settings, "tiny").encoded == 60
    rest = HashEncoder()
    assert build_index(settings, dataset, rest) is not None
    assert rest.labels_encoded == 240


def test_a_graph_that_hnswlib_could_not_write_whole_is_not_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hnswlib ignores failed writes."""
    settings, dataset = settings_of(home), make_dataset(home)
    save = graph.save_graph

    class Truncated:
        def __init__(self, real: object) -> None:
            self.real = real

        def save_index(self, path: str) -> None:
            self.real.save_index(path)
            os.truncate(path, 100)

        def index_file_size(self) -> int:
            return self.real.index_file_size()

    monkeypatch.setattr(
        "core.shortlist.growth.save_graph", lambda path, real: save(path, Truncated(real))
    )

    with pytest.raises(StoreError, match="disk full"):
        build_index(settings, dataset, HashEncoder())
    assert not (home / "indexes" / "tiny" / GRAPH).exists()
    assert status(settings, "tiny").state == "partial"


def test_a_single_label_can_be_indexed(home: Path) -> None:
    settings, dataset = settings_of(home), make_dataset(home, labels=1)

    assert build_index(settings, dataset, HashEncoder()) is not None
    index = LabelIndex.open(settings, dataset, HashEncoder().identity)
    assert [row.label_id for row in index.search(text_vector("x"), 1).rows] == ["L00000"]


@pytest.mark.parametrize(("deterministic", "kept"), [(False, 128), (True, 0)])
def test_a_build_cancelled_while_the_graph_grows_keeps_what_is_grown(
    home: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool, kept: int
) -> None:
    monkeypatch.setattr(growth, "NODES_AT_ONCE", 64)
    settings, dataset = settings_of(home), make_dataset(home)
    options = GraphOptions(deterministic=deterministic)
    grown: list[int] = []

    def note(stage: str, done: int, total: int) -> None:
        if stage == "build graph":
            grown.append(done)

    def build(stop: int) -> object:
        return build_index(
            settings, dataset, HashEncoder(), options=options, on_progress=note,
            cancelled=lambda: max(grown, default=0) >= stop,
        )  # fmt: skip

    assert build(128) is None
    grown.clear()
    assert build(1000) is not None
    assert grown[0] == kept
