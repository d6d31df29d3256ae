"""Which document to look at: the first, one beside another, any one, or a text of one's own."""

import hashlib
import random
from collections.abc import Sequence

import pyarrow.compute as pc

from core.datasets.base import Dataset, Document, Split

OWN_PREFIX = "text-"


def first_example(dataset: Dataset) -> int:
    """The row a newcomer sees: the first dev document with 2 to 5 gold labels, else row 0."""
    gold = pc.list_value_length(dataset.table["gold"])
    wanted = pc.and_(
        pc.equal(dataset.table["split"], str(Split.DEV)),
        pc.and_(pc.greater_equal(gold, 2), pc.less_equal(gold, 5)),
    )
    return max(0, int(pc.index(wanted, True).as_py()))


def beside(rows: Sequence[int], current: int, step: int) -> int:
    """The row `step` places from `current` in `rows`, going round at the ends.

    A `current` that is not among them leads to the first (step > 0) or the last.
    """
    if current not in rows:
        return rows[0] if step > 0 else rows[-1]
    return rows[(rows.index(current) + step) % len(rows)]


def another(rows: Sequence[int], current: int, chance: random.Random) -> int:
    """A row other than `current`, by chance; `current` when there is no other."""
    if len(rows) == 1:
        return rows[0]
    picked = chance.choice(rows)
    while picked == current:
        picked = chance.choice(rows)
    return picked


def own_document(text: str) -> Document:
    """A document without gold labels; equal texts get equal ids."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Document(OWN_PREFIX + digest, text, ())


def is_own(document_id: str) -> bool:
    """Whether an id is that of a person's own text."""
    return document_id.startswith(OWN_PREFIX)
