"""A home folder for our own index over vectors that are there already.

The labels are row numbers, and the documents are the queries that ef is chosen with, so that
core's own build is measured from the vectors on, without the time of encoding.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.config import Settings
from core.datasets.base import Document, Label, Split
from core.datasets.files import About, write_dataset

NAME = "bench"
IDENTITY = "ready-made@0/float32"
Vectors = npt.NDArray[np.float32]


def bench_settings(folder: Path, threads: int) -> Settings:
    return Settings(home=folder / "home", database_url="", threads=threads)


def write_bench_dataset(settings: Settings, labels: int, documents: int) -> None:
    """Labels and documents named by their row; all documents are training documents."""
    write_dataset(
        settings.datasets_dir / NAME,
        About(NAME, "Bench", "Row numbers in the place of names.", "benchmark", "", ""),
        [Label(f"{row:09d}", f"{row:09d}") for row in range(labels)],
        [
            Document(f"{row:09d}", f"{row:09d}", (f"{row % labels:09d}",), Split.TRAIN_TEACHER)
            for row in range(documents)
        ],
    )


class Encoded:
    """Stands for the encoder: gives vectors.npy by label name, tune.npy by document text."""

    def __init__(self, folder: Path) -> None:
        self._labels: Vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self._texts: Vectors = np.load(folder / "tune.npy")
        self.dim = int(self._labels.shape[1])

    @property
    def identity(self) -> str:
        return IDENTITY

    @property
    def label_identity(self) -> str:
        return IDENTITY

    def encode(self, texts: Sequence[str], *, cache: bool = True) -> Vectors:
        return self._texts[[int(text) for text in texts]]

    def encode_labels(
        self, texts: Sequence[str], cancelled: Callable[[], bool] = lambda: False
    ) -> Vectors:
        return np.array(self._labels[[int(text) for text in texts]])
