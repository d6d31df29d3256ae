"""What is known already: vectors of the same names, and a graph of nearly the same labels.

A vector depends on the name and the encoder alone, so it is copied wherever a ready index of this
home holds the same name: datasets that share labels, a union of datasets, a dataset whose labels
changed a little. Names are compared by 16-byte hashes, which lie beside the vectors.

When labels of a ready index change, its graph is kept: nodes of names that are gone are marked
deleted (they still lead the way, but are never found), new names are added. After many changes
the graph is grown anew.
"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.atomic import new_file, new_folder
from core.errors import IndexFileError
from core.shortlist.exact import Rows, Vectors
from core.shortlist.manifest import (
    MANIFEST,
    NAMES,
    NODES,
    Manifest,
    check_contents,
    damaged,
    read_manifest,
    write_manifest,
)
from core.shortlist.vectors import map_vectors

Hashes = npt.NDArray[np.uint64]  # (n, 2)

PREVIOUS = "previous"
CHANGED_SHARE = 0.2  # more changes than this share of the labels: the graph is grown anew


def name_hashes(names: Sequence[str]) -> Hashes:
    """BLAKE2b of each name, `(n, 2)`."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=16).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Writes a .npy file, whole or not at all."""
    with new_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def read_array(folder: Path, name: str, shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
    """A .npy file of the index. Raises IndexFileError when it is not what it should be."""
    try:
        array: npt.NDArray[Any] = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(folder, f"{name} cannot be read ({error})") from error
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise damaged(folder, f"{name} has shape {array.shape}, not {shape}")
    return array


def read_nodes(folder: Path, manifest: Manifest) -> Rows | None:
    """The graph's node of each row `(labels,)`, or None where they are the same numbers."""
    if NODES not in manifest.files:
        return None
    nodes: Rows = read_array(folder, NODES, (manifest.labels,), "<i8")
    return nodes


def rows_of_nodes(nodes: Rows | None) -> Rows | None:
    """The row of each node; -1 for nodes of labels that are gone."""
    if nodes is None:
        return None
    rows: Rows = np.full(int(nodes.max()) + 1, -1, dtype=np.int64)
    rows[nodes] = np.arange(len(nodes))
    return rows


@dataclass(frozen=True, slots=True)
class Source:
    """A ready index whose vectors can be copied; hashes are sorted by their first half."""

    vectors: Vectors
    hashes: Hashes
    rows: Rows

    @classmethod
    def read(cls, folder: Path, encoder: str) -> "Source | None":
        """None where there is no whole index of this encoder that knows its names."""
        try:
            manifest = read_manifest(folder)
            if manifest is None or manifest.encoder != encoder or NAMES not in manifest.files:
                return None
            check_contents(folder, manifest)
            vectors = map_vectors(folder, manifest.labels, manifest.dim)
            hashes: Hashes = read_array(folder, NAMES, (manifest.labels, 2), "<u8")
        except IndexFileError:
            return None  # its own page says what is wrong with it; here it only saves time
        rows = np.argsort(hashes[:, 0], kind="stable")
        return cls(vectors, hashes[rows], rows)

    def find(self, wanted: Hashes) -> Rows:
        """A row of each wanted name, or -1."""
        at = np.searchsorted(self.hashes[:, 0], wanted[:, 0])
        at = np.minimum(at, len(self.rows) - 1)
        same = (self.hashes[at] == wanted).all(axis=1)
        found: Rows = np.where(same, self.rows[at], -1)
        return found


def sources(folder: Path, encoder: str) -> list[Source]:
    """Indexes of this home that know some names: the one before the change, then its siblings."""
    siblings = sorted(path.parent for path in folder.parent.glob(f"*/{MANIFEST}"))
    folders = [folder / PREVIOUS, *(path for path in siblings if path != folder)]
    return [found for path in folders if (found := Source.read(path, encoder)) is not None]


def keep_previous(folder: Path, manifest: Manifest) -> None:
    """Keeps the index aside while it is brought up to date, at the cost of no copy where the file
    system has hard links."""
    with new_folder(folder / PREVIOUS) as kept:
        for name in manifest.files:
            _link(folder / name, kept / name)
        write_manifest(kept, manifest)


def drop_previous(folder: Path) -> None:
    (folder / PREVIOUS / MANIFEST).unlink(missing_ok=True)  # first: it names the other files
    shutil.rmtree(folder / PREVIOUS, ignore_errors=True)


def _link(path: Path, to: Path) -> None:
    try:
        os.link(path, to)
    except OSError:  # no hard links here
        shutil.copy2(path, to)


@dataclass(frozen=True, slots=True)
class Update:
    """How to turn the previous graph into one of the new labels: `nodes` `(labels,)` for every
    row; the nodes of rows `added` are new, those in `removed` are no longer wanted."""

    manifest: Manifest
    nodes: Rows
    added: Rows
    removed: Rows


def find_update(
    folder: Path, hashes: Hashes, encoder: str, m: int, ef_construction: int
) -> Update | None:
    """The update of the previous index to the labels with these name `hashes`, or None where
    there is none, it is of another encoder or other options, or too much changed."""
    before = folder / PREVIOUS
    try:
        manifest = read_manifest(before)
        if manifest is None or NAMES not in manifest.files:
            return None
        wanted = (encoder, m, ef_construction)
        if (manifest.encoder, manifest.m, manifest.ef_construction) != wanted:
            return None
        check_contents(before, manifest)
        old: Hashes = read_array(before, NAMES, (manifest.labels, 2), "<u8")
        nodes = read_nodes(before, manifest)
    except IndexFileError:
        return None  # damaged: the graph is grown anew
    old_nodes = np.arange(manifest.labels) if nodes is None else nodes
    kept_new, kept_old = _matched(hashes, old)
    added = np.setdiff1d(np.arange(len(hashes)), kept_new)
    removed = np.setdiff1d(old_nodes, old_nodes[kept_old])
    if len(added) + len(removed) + manifest.deleted > CHANGED_SHARE * len(hashes):
        return None
    new_nodes = np.empty(len(hashes), dtype=np.int64)
    new_nodes[kept_new] = old_nodes[kept_old]
    new_nodes[added] = manifest.labels + manifest.deleted + np.arange(len(added))
    return Update(manifest, new_nodes, added, removed)


def _matched(new: Hashes, old: Hashes) -> tuple[Rows, Rows]:
    """Rows of new and old names that are the same, each row at most once."""
    _, codes = np.unique(np.concatenate([new[:, 0], old[:, 0]]), return_inverse=True)
    new_keys, old_keys = _numbered(codes[: len(new)]), _numbered(codes[len(new) :])
    _, rows, old_rows = np.intersect1d(new_keys, old_keys, return_indices=True)
    same = new[rows, 1] == old[old_rows, 1]
    return rows[same].astype(np.int64), old_rows[same].astype(np.int64)


def _numbered(codes: Rows) -> Rows:
    """Different numbers for the first, second, ... row of a code; the same in every call."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(codes) else order
    nth = np.arange(len(codes)) - np.repeat(first, np.diff(np.r_[first, len(codes)]))
    out = np.empty(len(codes), dtype=np.int64)
    out[order] = ordered * (1 << 32) + nth
    return out
