"""How many gold labels a shortlist holds: recall@k of each document, and of methods on a split."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.datasets.base import Dataset, Document, Split
from core.encoders import Encoder
from core.shortlist.base import Method
from core.shortlist.retriever import Retriever

Rows = npt.NDArray[np.int64]
Recalls = npt.NDArray[np.float64]

CUTS = (10, 20, 50, 100)
_AT_ONCE = 32  # documents between two reports of progress


@dataclass(frozen=True)
class Sample:
    """Documents with gold labels, and their vectors `(n, dim)`."""

    documents: tuple[Document, ...]
    vectors: npt.NDArray[np.float32]

    @classmethod
    def of(cls, dataset: Dataset, encoder: Encoder, split: Split, most: int) -> "Sample":
        """At most so many documents of a split, those first by the hash of their id."""
        rows = dataset.rows_of(split)
        ids = dataset.table["id"].take(pa.array(rows, pa.int64())).to_pylist()
        ordered = sorted(zip(ids, rows, strict=True), key=lambda pair: _order(pair[0]))
        documents: list[Document] = []
        for _, row in ordered:
            if len(documents) == most:
                break
            document = dataset.document_at(row)
            if document.gold and document.text.strip():
                documents.append(document)
        texts = [document.text for document in documents]
        return cls(tuple(documents), encoder.encode(texts, cache=False))


def recalls(
    retriever: Retriever,
    sample: Sample,
    method: Method,
    *,
    exact: bool = False,
    on_progress: Callable[[int], None] = lambda done: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Recalls | None:
    """recall@10, 20, 50 and 100 of each document, `(n, 4)` in [0, 1]; None when cancelled.

    A cut-off above the number of labels stands for all labels. Gold labels outside the vocabulary
    count as missed.
    """
    k = min(max(CUTS), len(retriever.index.labels))
    out = np.empty((len(sample.documents), len(CUTS)))
    for start in range(0, len(sample.documents), _AT_ONCE):
        if cancelled():
            return None
        part = slice(start, start + _AT_ONCE)
        documents = sample.documents[part]
        found = retriever.search_many(
            [document.text for document in documents],
            sample.vectors[part],
            k,
            method=method,
            exact=exact,
            excluded=[document.excluded for document in documents],
        )
        gold = [_rows(retriever, document.gold) for document in documents]
        out[part] = recall_at(found, gold, [len(document.gold) for document in documents])
        on_progress(start + len(documents))
    return out


def recall_at(found: Rows, gold: Sequence[Rows], sizes: Sequence[int]) -> Recalls:
    """The share of gold labels among the first 10, 20, 50 and 100 rows, `(n, 4)`.

    `found` `(n, k)` is padded with -1; `sizes` are the numbers of gold labels, known or not.
    """
    hits = np.stack([np.isin(line, rows) for line, rows in zip(found, gold, strict=True)])
    within = np.stack([hits[:, :cut].sum(axis=1) for cut in CUTS], axis=1)
    shares: Recalls = within / np.asarray(sizes, float)[:, None]
    return shares


def _rows(retriever: Retriever, label_ids: Sequence[str]) -> Rows:
    rows = (retriever.index.labels.row(label_id) for label_id in label_ids)
    return np.array([row for row in rows if row is not None], np.int64)


def _order(document_id: str) -> bytes:
    """Scatters ids evenly and never changes; independent of the split's hash."""
    return hashlib.sha256(b"recall:" + document_id.encode()).digest()
