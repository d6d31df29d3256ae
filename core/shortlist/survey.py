"""A survey: where the gold labels of many documents stand, by every method of retrieval.

1. The documents of a split that have gold labels, in an order scattered by a hash of their ids,
   so that the first few hundred stand for all.
2. For each document and method: a search for k_max labels, timed; the rank of each gold label in
   it; its rank by the same method with exact search; and how much of the exact list was found.
3. Blocks of documents are kept as they are done (survey_store), so a stopped survey goes on.

Recall, fates and the worst examples for any k up to k_max follow from these ranks (slices).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.config import Settings
from core.datasets.base import Dataset, Document, Split
from core.encoders import Encoder
from core.errors import IndexFileError, InputError
from core.shortlist.base import Method
from core.shortlist.choice import choice_path, read_choice
from core.shortlist.lexical import WORDS
from core.shortlist.retriever import Retriever
from core.shortlist.version import retrieval_identity

K_MAX = 100
CUTS = (10, 20, 50, 100)  # where HNSW is compared with exact search
METHODS = (Method.DENSE, Method.LEXICAL, Method.FUSION)  # and the dataset's own: usual_methods
FORMAT = 1
ROWS_AT_ONCE = 8192  # of documents looked at for a survey: a part of a large import at a time
BLOCK = 32  # documents between two blocks that are kept

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: `limit` documents of a split at most (None: all), and how labels are found.
    `ef` None is the index's own."""

    dataset: str
    split: str = Split.DEV.value
    limit: int | None = 1000
    methods: tuple[str, ...] = tuple(method.value for method in METHODS)
    ef: int | None = None
    k_max: int = K_MAX

    def check(self) -> None:
        """Raises InputError for what cannot be surveyed."""
        splits = [split.value for split in Split]
        if self.split not in splits:
            raise InputError(
                f"There is no split {self.split!r}.", f"Choose one of: {', '.join(splits)}."
            )
        if self.limit is not None and self.limit < 1:
            raise InputError(f"The limit is {self.limit}.", "Ask for 1 document or more.")
        unknown = sorted(set(self.methods) - {method.value for method in Method})
        if unknown or not self.methods:
            raise InputError(
                f"There is no method {unknown[0]!r}." if unknown else "No method is chosen.",
                f"Choose from: {', '.join(Method)}.",
            )
        if self.k_max < 1:
            raise InputError(f"k is {self.k_max}.", "Ask for 1 label or more.")
        if self.ef is not None and self.ef < self.k_max:
            raise InputError(
                f"ef is {self.ef}, but a survey ranks {self.k_max} labels.",
                f"Choose {self.k_max} or more, or leave it empty for the index's own.",
            )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Plan":
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        if "methods" in known:
            known["methods"] = tuple(known["methods"])
        return cls(**known)


def usual_methods(settings: Settings, dataset: Dataset) -> tuple[str, ...]:
    """The methods to survey unless told otherwise: METHODS, and the dataset's default.

    The default is what was measured, by whichever encoder: reading it loads none. Raises
    IndexFileError for a file of choices that is damaged.
    """
    try:
        told: Any = json.loads(choice_path(settings, dataset).read_text("utf-8"))
        encoder = str(told.get("encoder", "")) if isinstance(told, dict) else ""
    except (OSError, ValueError):  # not measured; or damaged, which read_choice tells
        encoder = ""
    choice = read_choice(settings, dataset, encoder)
    wanted = {*METHODS, *([choice.method] if choice else [])}
    return tuple(method.value for method in Method if method in wanted)


def identity_of(plan: Plan, dataset: Dataset, retriever: Retriever) -> dict[str, Any]:
    """Everything that decides a survey's ranks, as plain data."""
    return {
        **asdict(plan),
        "methods": list(plan.methods),
        "dataset_fingerprint": dataset.info.fingerprint,
        "index": retriever.index.identity,
        "index_ef": retriever.index.ef_for(plan.k_max),
        "encoder": retriever.encoder.identity,
        "words": WORDS.identity,
        "retrieval": retrieval_identity(),
        "format": FORMAT,
    }


def survey_id(identity: dict[str, Any]) -> str:
    """16 hex digits of the SHA-256 of an identity."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def documents_of(dataset: Dataset, split: Split, limit: int | None) -> list[int]:
    """Rows of the documents of a split with gold labels and a text, scattered, at most `limit`."""
    rows = dataset.rows_of(split)
    table = dataset.table
    able = [
        (hashlib.sha256(b"survey:" + doc_id.encode()).digest(), row)
        for part in (rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE))
        for doc_id, row in _able(table.take(pa.array(part, pa.int64())), part)
    ]
    return [row for _, row in sorted(able)][:limit]


def _able(part: pa.Table, rows: Sequence[int]) -> list[tuple[str, int]]:
    """Id and row of those with gold labels and a text; the texts are never Python's."""
    text = part["text"]
    blank = pc.or_(pc.equal(pc.binary_length(text), 0), pc.utf8_is_space(text))
    keep = pc.and_not(pc.greater(pc.list_value_length(part["gold"]), 0), blank)
    at = np.flatnonzero(keep)
    return list(zip(part["id"].take(at).to_pylist(), np.array(rows)[at].tolist(), strict=True))


def open_retriever(settings: Settings, dataset: Dataset, encoder: Encoder) -> Retriever:
    """As Retriever.open, of a ready index only: ranks in half an index would mislead.

    Raises IndexFileError.
    """
    retriever = Retriever.open(settings, dataset, encoder)
    if retriever.index.partial:
        raise IndexFileError(
            f"The index of {dataset.name} is not complete.",
            "Build it first, on the Data page or with `phaselens index`.",
        )
    return retriever


def survey_block(
    retriever: Retriever, documents: Sequence[Document], plan: Plan
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Surveys some documents: (a row a method, document and gold label; a row a method and
    document). See survey_store for the columns."""
    k = min(plan.k_max, len(retriever.index.labels))
    vectors = retriever.encoder.encode([document.text for document in documents], cache=False)
    gold: list[dict[str, Any]] = []
    searched: list[dict[str, Any]] = []
    for method in (Method(name) for name in plan.methods):
        for document, vector in zip(documents, vectors, strict=True):
            one = _survey_one(retriever, document, vector, method, k, plan.ef)
            gold += one[0]
            searched.append(one[1])
    return pd.DataFrame(gold, columns=GOLD_COLUMNS), pd.DataFrame(searched)


GOLD_COLUMNS = ["method", "document", "label", "known", "rank", "exact_rank"]


def _survey_one(
    retriever: Retriever,
    document: Document,
    vector: np.ndarray[Any, Any],
    method: Method,
    k: int,
    ef: int | None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    text, excluded, ids = document.text, document.excluded, tuple(dict.fromkeys(document.gold))
    found = retriever.search(
        text, vector, k, method=method, ef=ef, exact_ranks=False, excluded=excluded
    )
    listed = [row.label_id for row in found.rows]
    rank = {label_id: place for place, label_id in enumerate(listed, start=1)}
    ranks = retriever.gold_ranks(text, vector, ids, method, k=k, excluded=excluded)
    gold = [
        {
            "method": method.value,
            "document": document.id,
            "label": label.label_id,
            "known": label.in_vocabulary,
            "rank": rank.get(label.label_id),
            "exact_rank": label.exact_rank,
        }
        for label in ranks
    ]
    about: dict[str, Any] = {
        "method": method.value,
        "document": document.id,
        "gold": len(ids),
        "ms_search": found.ms_search,
    }
    overlaps = dict.fromkeys((f"overlap_{cut}" for cut in CUTS), float("nan"))
    if method is not Method.LEXICAL:  # which has no approximate search to compare
        exact = retriever.search(
            text, vector, k, method=method, exact=True, exact_ranks=False, excluded=excluded
        )
        true = [row.label_id for row in exact.rows]
        for cut in (cut for cut in CUTS if cut <= k):
            best = set(true[:cut])
            overlaps[f"overlap_{cut}"] = len(best & set(listed[:cut])) / max(1, len(best))
    return gold, about | overlaps
