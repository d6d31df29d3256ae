"""The label vectors of an index: one float32 file in row order, filled block by block."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.atomic import new_file
from core.errors import StoreError
from core.shortlist.manifest import VECTORS, Progress, damaged

Vectors = npt.NDArray[np.float32]


def create_vectors(folder: Path, labels: int, dim: int) -> None:
    """A new, empty vector file. Old readers keep the file that they have mapped."""
    with new_file(folder / VECTORS) as path:
        header = {"descr": "<f4", "fortran_order": False, "shape": (labels, dim)}
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + labels * dim * 4)


def map_vectors(folder: Path, labels: int, dim: int) -> Vectors:
    """The vector file, memory-mapped `(labels, dim)`. Raises IndexFileError when it is missing,
    truncated or something else."""
    path = folder / VECTORS
    try:
        vectors: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise damaged(folder, f"{VECTORS} is missing") from error
    except (OSError, ValueError, EOFError) as error:
        raise damaged(folder, f"{VECTORS} cannot be read ({error})") from error
    if not isinstance(vectors, np.memmap) or vectors.dtype != np.dtype("<f4"):
        raise damaged(folder, f"{VECTORS} is not a file of float32 vectors")
    if vectors.shape != (labels, dim):
        raise damaged(folder, f"{VECTORS} has shape {vectors.shape}, not {(labels, dim)}")
    return vectors


def write_block(folder: Path, block: int, blocks: int, vectors: Vectors) -> str:
    """Writes rows block, block + blocks, ... and waits for the disk; gives their SHA-256.

    Plain writes, not a memory map: on a full disk a map would kill the process.
    Raises StoreError when the disk is full or the file cannot be written.
    """
    path = folder / VECTORS
    size = 4 * vectors.shape[1]
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    try:
        with path.open("r+b") as file:
            start = _data_offset(path)
            for at, row in enumerate(rows):
                os.pwrite(file.fileno(), row.tobytes(), start + (block + at * blocks) * size)
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(
            f"The index cannot be written to {path} ({error.strerror}).",
            "Make room on the disk and start the build again: it goes on where it stopped.",
        ) from error
    return hash_of(rows)


def hash_of(rows: Vectors) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows, dtype="<f4").tobytes()).hexdigest()


def intact_blocks(
    vectors: Vectors, progress: Progress, among: Mapping[int, str] | None = None
) -> dict[int, str]:
    """The finished blocks (or those of them in `among`) whose bytes are those written."""
    return {
        block: sha256
        for block, sha256 in (progress.finished if among is None else among).items()
        if hash_of(vectors[block :: progress.blocks]) == sha256
    }


def encoded_mask(progress: Progress) -> npt.NDArray[np.bool_]:
    """Which rows are encoded, `(labels,)`."""
    mask = np.zeros(progress.labels, dtype=np.bool_)
    for block in progress.finished:
        mask[block :: progress.blocks] = True
    return mask


def _data_offset(path: Path) -> int:
    mapped: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    return int(mapped.offset)
