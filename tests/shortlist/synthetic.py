"""A small dataset and an encoder that needs no model, for tests of the index itself."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from core.config import Settings
from core.datasets.base import Dataset, Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset

DIM = 16


def settings_of(home: Path) -> Settings:
    return Settings(home=home, threads=1)


def make_dataset(home: Path, labels: int = 300, name: str = "tiny", tag: str = "") -> Dataset:
    """`labels` labels; for every tenth a training document and one for choices; `tag` changes
    all names."""
    about = About(name, "Tiny", "Synthetic labels for tests.", "synthetic", "CC0", "tests")
    ids = [f"L{row:05d}" for row in range(labels)]
    documents = [
        Document(f"{split}{row}", f"about topic {row} for {split}", (ids[row],), split)
        for row in range(0, labels, 10)
        for split in (Split.TRAIN_TEACHER, Split.DEV)
    ]
    write_dataset(
        home / "datasets" / name,
        about,
        [Label(label_id, f"topic {row}{tag}") for row, label_id in enumerate(ids)],
        documents,
    )
    return open_dataset(settings_of(home), name)


def text_vector(text: str) -> np.ndarray:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return vector / np.linalg.norm(vector)


class HashEncoder:
    """Stands for core.encoders.Encoder; `before_block` runs before labels are encoded."""

    dim = DIM

    def __init__(self, name: str = "hash@1", before_block: Callable[[], None] | None = None):
        self.name = name
        self.before_block = before_block
        self.labels_encoded = 0

    @property
    def identity(self) -> str:
        return f"{self.name}/float32"

    @property
    def label_identity(self) -> str:
        return f"{self.name}/bfloat16"

    def encode(self, texts: Sequence[str], *, cache: bool = True) -> np.ndarray:
        return np.stack([text_vector(text) for text in texts])

    def encode_labels(
        self, texts: Sequence[str], cancelled: Callable[[], bool] = lambda: False
    ) -> np.ndarray:
        if self.before_block:
            self.before_block()
        self.labels_encoded += len(texts)
        return np.stack([text_vector(text) for text in texts])
