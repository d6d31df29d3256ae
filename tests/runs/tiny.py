"""A dataset of 20 labels and 15 documents, made up."""

from pathlib import Path

from core.datasets.base import Document, Label, Split
from core.datasets.files import About, write_dataset

LABELS = [Label(f"L{i:02}", f"disorder number {i} of the heart") for i in range(20)]
DOCUMENTS = [
    Document(
        f"doc{i:02}",
        f"a text about disorder number {i}",
        (LABELS[i].id,),
        Split.TEST if i < 12 else Split.TRAIN_TEACHER,
    )
    for i in range(15)
]


def write_tiny(home: Path) -> None:
    about = About("tiny", "Tiny", "made up for tests", "test", "none", "tests")
    write_dataset(home / "datasets" / "tiny", about, LABELS, DOCUMENTS)
