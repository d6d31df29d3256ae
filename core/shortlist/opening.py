"""What an index folder holds, read into memory; files that are not what was built are refused."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.datasets.base import Dataset
from core.encoders import same_weights
from core.errors import IndexFileError
from core.shortlist.changes import read_nodes, rows_of_nodes
from core.shortlist.exact import Mask, Rows, Vectors
from core.shortlist.graph import load_graph
from core.shortlist.manifest import (
    GRAPH,
    Manifest,
    Progress,
    check_contents,
    check_labels,
    damaged,
    read_manifest,
    read_progress,
    write_manifest,
)
from core.shortlist.vectors import encoded_mask, intact_blocks, map_vectors


@dataclass(frozen=True, slots=True)
class Opened:
    """A ready index (`manifest` and `graph`), or the finished part of one (`progress`).

    `vectors` `(labels, dim)` is memory-mapped; `mask` `(labels,)` says which rows are encoded;
    `row_of[node]` is the row of a node of the graph (None: the same number).
    """

    vectors: Vectors
    mask: Mask
    manifest: Manifest | None = None
    graph: Any = None
    row_of: Rows | None = None
    progress: Progress | None = None


def open_folder(
    folder: Path, dataset: Dataset, encoder: str, before: Opened | None = None
) -> Opened:
    """Reads a folder; `before` is what it held when it was last read.

    Raises IndexFileError when there is nothing yet, when it was made by another encoder or from
    other labels, and when a file is truncated or not the one that was built.
    """
    manifest = read_manifest(folder)
    if manifest is not None:
        return _ready(folder, dataset, encoder, manifest)
    return _partial(folder, dataset, encoder, before)


def _ready(folder: Path, dataset: Dataset, encoder: str, manifest: Manifest) -> Opened:
    _check_origin(folder, dataset, encoder, manifest.labels_fingerprint, manifest.encoder)
    checked = check_contents(folder, manifest)
    vectors = map_vectors(folder, manifest.labels, manifest.dim)
    graph = load_graph(folder / GRAPH, manifest)
    row_of = rows_of_nodes(read_nodes(folder, manifest))
    if checked != manifest:
        with contextlib.suppress(OSError):  # a read-only home: hashed again next time
            write_manifest(folder, checked)
    return Opened(vectors, np.ones(manifest.labels, dtype=np.bool_), checked, graph, row_of)


def _partial(folder: Path, dataset: Dataset, encoder: str, before: Opened | None) -> Opened:
    progress = read_progress(folder)
    if progress is None or not progress.finished:
        raise IndexFileError(
            f"The dataset {dataset.name} has no index yet.",
            f"Build it: `phaselens index {dataset.name}`, or the Jobs page.",
        )
    _check_origin(folder, dataset, encoder, progress.labels_fingerprint, progress.encoder)
    vectors = map_vectors(folder, progress.labels, progress.dim)
    known = before.progress.finished if before and before.progress else {}
    new = {b: sha for b, sha in progress.finished.items() if known.get(b) != sha}
    if len(intact_blocks(vectors, progress, new)) < len(new):
        raise damaged(folder, "its vectors are not those that were written")
    return Opened(vectors, encoded_mask(progress), progress=progress)


def _check_origin(
    folder: Path, dataset: Dataset, encoder: str, labels_fingerprint: str, built_by: str
) -> None:
    if labels_fingerprint != dataset.labels.fingerprint:
        check_labels(labels_fingerprint, dataset.info, folder)
        raise damaged(folder, "it was built from other labels than the dataset has now")
    if not same_weights(built_by, encoder):
        raise damaged(folder, f"it was built with {built_by}, not {encoder}")
