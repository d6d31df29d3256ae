"""Builds a label index; killed at any point, it goes on where it was.

1. Encode the labels block by block into vectors.npy; a block counts once it is on the disk and
   named in progress.json with its hash. Names that a ready index of this home holds already are
   copied from it.
2. Grow the HNSW graph (hnswlib; Malkov and Yashunin, arXiv 1603.09320), with checkpoints; where
   labels changed a little, change the graph there is.
3. Choose ef for the target recall against exact search, on training documents (see autopilot).
4. Write manifest.json. Only then is the index "ready".
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from filelock import FileLock, Timeout

from core.config import Settings
from core.datasets.base import Dataset
from core.datasets.catalogue import open_dataset
from core.encoders import same_weights
from core.errors import IndexFileError, StoreError
from core.shortlist.autopilot import TARGET_RECALL, Tuned, train_texts, tune
from core.shortlist.changes import (
    PREVIOUS,
    Hashes,
    Update,
    drop_previous,
    find_update,
    keep_previous,
    name_hashes,
    read_nodes,
    rows_of_nodes,
    sources,
    write_array,
)
from core.shortlist.exact import Rows, Vectors
from core.shortlist.graph import (
    EF_CONSTRUCTION,
    Cancelled,
    GraphOptions,
    M,
    OnProgress,
    digest,
    empty_graph,
    load_graph,
    read_graph,
)
from core.shortlist.growth import Growth, clear_growth, grow
from core.shortlist.manifest import (
    GRAPH,
    MANIFEST,
    NAMES,
    NODES,
    PROGRESS,
    VECTORS,
    FileStamp,
    Manifest,
    Progress,
    check_contents,
    index_folder,
    peak_rss_mb,
    read_manifest,
    read_progress,
    write_manifest,
    write_progress,
)
from core.shortlist.vectors import (
    create_vectors,
    intact_blocks,
    map_vectors,
    write_block,
)

BLOCK_ROWS = 2048

WAIT, ENCODE = "wait for another build", "encode labels"


class LabelEncoder(Protocol):
    """What a build needs of an encoder (see core.encoders.Encoder)."""

    dim: int

    @property
    def label_identity(self) -> str: ...

    def encode(self, texts: Sequence[str], *, cache: bool = True) -> Vectors: ...

    def encode_labels(self, texts: Sequence[str], cancelled: Cancelled = ...) -> Vectors: ...


def build_index(
    settings: Settings,
    dataset: Dataset,
    encoder: LabelEncoder,
    *,
    on_progress: OnProgress = lambda stage, done, total: None,
    cancelled: Cancelled = lambda: False,
    options: GraphOptions | None = None,
) -> Manifest | None:
    """Builds, finishes, updates or repairs the index of a dataset; at once when it is good already.

    A dataset that shares another's labels shares its index too. Files that are damaged or foreign
    are replaced; finished blocks are kept, and so is what other labels have in common with these.
    `on_progress(stage, done, total)`. Gives None when cancelled; what is finished stays.
    Raises StoreError when the disk is full or the folder cannot be written.
    """
    if dataset.info.labels_of:  # ef is chosen with documents of the dataset that owns the labels
        dataset = open_dataset(settings, dataset.info.labels_of)
    options = options or GraphOptions()
    if not options.threads:
        options = replace(options, threads=settings.torch_threads())
    build = _Build(
        index_folder(settings, dataset.name), dataset, encoder, options, on_progress, cancelled
    )
    try:
        with _only_builder(build.folder, on_progress, cancelled) as alone:
            if not alone:
                return None
            return build.ready() or build.run()
    except OSError as error:
        raise StoreError(
            f"The index cannot be written to {build.folder} ({error.strerror or error}).",
            "Make room on the disk or allow writing there, and start again: it goes on where "
            "it stopped.",
        ) from error


@dataclass(frozen=True, slots=True)
class _Graph:
    """A graph in memory, and how it came to be. `nodes` as in nodes.npy."""

    graph: Any
    nodes: Rows | None
    deleted: int
    growth: Growth


@dataclass(frozen=True, slots=True)
class _Build:
    """One build of one folder, which nobody else builds in meanwhile."""

    folder: Path
    dataset: Dataset
    encoder: LabelEncoder
    options: GraphOptions
    on_progress: OnProgress
    cancelled: Cancelled

    @property
    def target(self) -> float:
        return TARGET_RECALL if self.options.target is None else self.options.target

    def ready(self) -> Manifest | None:
        """The manifest when every file is whole (all are hashed) and what is wanted; else removes
        it, so that nobody reads the index while it is repaired or brought up to date."""
        try:
            manifest = read_manifest(self.folder)
            if manifest is None:
                return None
            manifest = check_contents(self.folder, manifest, trust_times=False)
        except IndexFileError:
            # Damaged: built again, which is what was asked for.
            (self.folder / MANIFEST).unlink(missing_ok=True)
            return None
        options = self.options
        known = same_weights(manifest.encoder, self.encoder.label_identity)  # as opening asks
        if known and not options.rebuild:
            if manifest.labels_fingerprint != self.dataset.labels.fingerprint:
                keep_previous(self.folder, manifest)
            elif options.same_graph(manifest.m, manifest.ef_construction, manifest.deterministic):
                if options.target in (None, manifest.target):
                    write_manifest(self.folder, manifest)
                    return manifest
                return self._tuned_anew(manifest)
        (self.folder / MANIFEST).unlink(missing_ok=True)
        return None

    def run(self) -> Manifest | None:
        self._clear_leftovers()
        progress = self._resumed() or self._begun()
        encoded = self._encode(progress)
        if encoded is None:
            return None
        hashes = self._hashes()
        write_array(self.folder / NAMES, hashes)
        vectors = map_vectors(self.folder, encoded.labels, encoded.dim)
        grown = self._grown(encoded, vectors, hashes)
        if grown is None:
            return None
        start = time.monotonic()
        tuned = self._tune(grown.graph, grown.nodes, vectors)
        if tuned is None:
            return None
        seconds_tune = time.monotonic() - start
        return self._finish(encoded, grown, tuned, seconds_tune)

    def _resumed(self) -> Progress | None:
        """The progress of an earlier attempt on the same labels, intact blocks only; or None."""
        try:
            progress = read_progress(self.folder)
            if progress is None:
                return None
            fresh = self._no_progress()
            if replace(progress, finished={}, seconds=0.0, reused=0, peak_rss_mb=0.0) != fresh:
                return None
            vectors = map_vectors(self.folder, progress.labels, progress.dim)
            return replace(progress, finished=intact_blocks(vectors, progress))
        except IndexFileError:
            return None  # damaged: encoded anew

    def _begun(self) -> Progress:
        (self.folder / PROGRESS).unlink(missing_ok=True)  # first: never to speak of the new file
        progress = self._no_progress()
        create_vectors(self.folder, progress.labels, progress.dim)
        write_progress(self.folder, progress)
        return progress

    def _no_progress(self) -> Progress:
        labels = len(self.dataset.labels)
        return Progress(
            labels=labels,
            labels_fingerprint=self.dataset.labels.fingerprint,
            encoder=self.encoder.label_identity,
            dim=self.encoder.dim,
            blocks=-(-labels // BLOCK_ROWS),
            finished={},
        )

    def _encode(self, progress: Progress) -> Progress | None:
        self.on_progress(ENCODE, progress.encoded, progress.labels)
        if len(progress.finished) == progress.blocks:
            return progress
        # Vectors that were encoded beside other names can differ in their last digits.
        known = [] if self.options.deterministic else sources(self.folder, progress.encoder)
        for block in range(progress.blocks):
            if block in progress.finished:
                continue
            start = time.monotonic()
            names = self.dataset.labels.names(range(block, progress.labels, progress.blocks))
            vectors = np.empty((len(names), progress.dim), dtype=np.float32)
            missing = np.arange(len(names))
            hashes = name_hashes(names)
            for source in known:
                found = source.find(hashes[missing])
                vectors[missing[found >= 0]] = source.vectors[found[found >= 0]]
                missing = missing[found < 0]
            if len(missing):
                texts = [names[at] for at in missing.tolist()]
                fresh = self.encoder.encode_labels(texts, self.cancelled)
                if len(fresh) < len(texts):
                    return None
                vectors[missing] = fresh
            if self.cancelled():
                return None
            sha256 = write_block(self.folder, block, progress.blocks, vectors)
            reused = len(names) - len(missing)
            seconds = time.monotonic() - start
            progress = progress.with_block(block, sha256, seconds, reused, peak_rss_mb())
            write_progress(self.folder, progress)
            self.on_progress(ENCODE, progress.encoded, progress.labels)
        return progress

    def _hashes(self) -> Hashes:
        labels = self.dataset.labels
        parts = [
            name_hashes(labels.names(range(start, min(len(labels), start + 65_536))))
            for start in range(0, len(labels), 65_536)
        ]
        return np.concatenate(parts)

    def _grown(self, encoded: Progress, vectors: Vectors, hashes: Hashes) -> _Graph | None:
        """The finished graph; the previous one brought up to date where that is possible."""
        options = self.options
        m, ef_construction = options.m or M, options.ef_construction or EF_CONSTRUCTION
        # The same labels give the same graph only when it is grown from nothing.
        update = None
        if not (options.deterministic or options.rebuild):
            update = find_update(self.folder, hashes, encoded.encoder, m, ef_construction)
        rows = np.arange(encoded.labels) if update is None else update.added
        nodes = np.arange(encoded.labels) if update is None else update.nodes
        kind = update.manifest.fingerprint if update else options.deterministic
        plan = digest(
            kind, m, ef_construction, options.seed, version("hnswlib"), encoded.labels_fingerprint,
            *(sha for _, sha in sorted(encoded.finished.items())),
        )  # fmt: skip

        def begin() -> Any:
            if update is None:
                return empty_graph(encoded.dim, encoded.labels, options)
            return _without(self.folder, update, encoded.dim)

        grown = grow(
            self.folder, plan, begin, vectors, rows, nodes, options,
            self.on_progress, self.cancelled,
        )  # fmt: skip
        if grown is None:
            return None
        deleted = update.manifest.deleted + len(update.removed) if update else 0
        return _Graph(grown.graph, nodes if update else None, deleted, grown.growth)

    def _tune(self, graph: Any, nodes: Rows | None, vectors: Vectors) -> Tuned | None:
        texts = train_texts(self.dataset)
        queries = self.encoder.encode(texts) if texts else vectors[:0]
        return tune(
            graph, rows_of_nodes(nodes), vectors, queries, self.target, self.on_progress,
            self.cancelled,
        )  # fmt: skip

    def _tuned_anew(self, manifest: Manifest) -> Manifest | None:
        """The same index with ef chosen for another target."""
        vectors = map_vectors(self.folder, manifest.labels, manifest.dim)
        graph = load_graph(self.folder / GRAPH, manifest)
        tuned = self._tune(graph, read_nodes(self.folder, manifest), vectors)
        if tuned is None:
            return None
        manifest = replace(manifest, **_measured(tuned), target=self.target)
        write_manifest(self.folder, manifest)
        return manifest

    def _finish(
        self, encoded: Progress, grown: _Graph, tuned: Tuned, seconds_tune: float
    ) -> Manifest:
        options, growth = self.options, grown.growth
        names = [VECTORS, NAMES]
        if grown.nodes is not None:
            write_array(self.folder / NODES, grown.nodes)
            names.append(NODES)
        files = {name: FileStamp.of(self.folder / name) for name in names}
        manifest = Manifest(
            dataset=self.dataset.name,
            labels=encoded.labels,
            labels_fingerprint=encoded.labels_fingerprint,
            encoder=encoded.encoder,
            dim=encoded.dim,
            m=options.m or M,
            ef_construction=options.ef_construction or EF_CONSTRUCTION,
            seed=options.seed,
            deterministic=options.deterministic,
            target=self.target,
            seconds_encode=round(encoded.seconds, 2),
            seconds_build=round(growth.seconds, 2),
            seconds_tune=round(seconds_tune, 2),
            peak_rss_mb=round(max(peak_rss_mb(), encoded.peak_rss_mb, growth.peak_rss_mb), 1),
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            hnswlib=version("hnswlib"),
            files={**files, GRAPH: growth.stamp},
            reused=encoded.reused,
            deleted=grown.deleted,
            unreached=growth.unreached,
            **_measured(tuned),
        )
        (self.folder / growth.file).replace(self.folder / GRAPH)
        write_manifest(self.folder, manifest)
        clear_growth(self.folder)
        drop_previous(self.folder)
        if grown.nodes is None:
            (self.folder / NODES).unlink(missing_ok=True)
        return manifest

    def _clear_leftovers(self) -> None:
        """Removes temporary files of builds that were killed."""
        for path in (*self.folder.glob(".*.tmp"), *self.folder.glob(".*.old")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _without(folder: Path, update: Update, dim: int) -> Any:
    """The previous graph with room for the new nodes; those that are gone are marked."""
    room = update.manifest.labels + update.manifest.deleted + len(update.added)
    graph = read_graph(folder / PREVIOUS / GRAPH, dim, room)
    for node in update.removed.tolist():
        graph.mark_deleted(node)
    return graph


def _measured(tuned: Tuned) -> dict[str, Any]:
    """What the autopilot found, as fields of the manifest."""
    chosen = tuned.chosen
    return {
        "ef": tuned.ef,
        "recall_k": tuned.k,
        "recall_at_k": round(chosen.recall, 5) if chosen else None,
        "recall_low": round(chosen.low, 5) if chosen else None,
        "recall_high": round(chosen.high, 5) if chosen else None,
        "lost": round(chosen.lost, 5) if chosen else None,
        "queries": tuned.queries,
        "target_met": tuned.target_met,
        "curve": tuned.as_recorded(),
    }


@contextmanager
def _only_builder(folder: Path, on_progress: OnProgress, cancelled: Cancelled) -> Iterator[bool]:
    """Waits for other processes that build here; yields False when cancelled meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".build.lock")
    while not cancelled():
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            on_progress(WAIT, 0, 0)
            continue
        try:
            yield True
        finally:
            lock.release()
        return
    yield False
