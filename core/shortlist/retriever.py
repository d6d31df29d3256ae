"""One way to ask for labels, whichever method finds them: dense, lexical or both, fused.

    text, vector -> LabelIndex (HNSW or exact, by cosine) -> depth rows --+
                                                                          +-- fuse -> k rows
    text         -> LexicalIndex (BM25, by words)         -> depth rows --+

The exact ranks that fates are decided by follow the same method: exact search in the place of
HNSW, with the same candidates, fused with the words in the same way. Behind what the fused list
holds, labels follow in the order of the vectors, so that each has one rank.
"""

import itertools
import threading
import time
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core.config import Settings
from core.datasets.base import Dataset
from core.encoders import Encoder
from core.errors import InputError
from core.shortlist.base import GoldRank, Method, Shortlist
from core.shortlist.choice import Choice, choice_path, read_choice
from core.shortlist.fusion import DEPTH, fuse
from core.shortlist.index import LabelIndex
from core.shortlist.lexical import LexicalIndex
from core.shortlist.listing import Found, listed
from core.shortlist.sentences import DenseQuery, ranks_behind, sentences
from core.shortlist.two_step import Families, two_step

__all__ = ["Method", "Retriever"]

Rows = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

BY_SENTENCES = (Method.SENTENCES, Method.TWO_STEP)
NO_ROWS: Rows = np.empty(0, np.int64)


class Retriever:
    """The labels of one dataset, found by any method. Safe to search from several threads."""

    def __init__(
        self, settings: Settings, dataset: Dataset, index: LabelIndex, encoder: Encoder
    ) -> None:
        self.settings = settings
        self.dataset = dataset
        self.index = index
        self.encoder = encoder
        self._lock = threading.Lock()
        self._last: tuple[tuple[str, bool, bytes, str], DenseQuery] | None = None
        self._choice: tuple[int, Choice | None] | None = None  # with the file's time

    @classmethod
    def open(cls, settings: Settings, dataset: Dataset, encoder: Encoder) -> "Retriever":
        """Opens the label index; the word index follows when it is first asked for.

        Raises IndexFileError as LabelIndex.open.
        """
        index = LabelIndex.open(settings, dataset, encoder.identity)
        return cls(settings, dataset, index, encoder)

    @cached_property
    def lexical(self) -> LexicalIndex:
        """The word index, made on first use where there is none (seconds). Raises StoreError."""
        with self._lock:
            return LexicalIndex.open(self.settings, self.dataset)

    @property
    def default(self) -> Method:
        """The method that was best on dev documents; dense where that was not measured."""
        return self.choice.method if self.choice else Method.DENSE

    @property
    def choice(self) -> Choice | None:
        """What was measured on dev documents; read again when the file changes (one stat)."""
        path = choice_path(self.settings, self.dataset)
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if self._choice is None or self._choice[0] != stamp:
            found = read_choice(self.settings, self.dataset, self.encoder.identity)
            self._choice = (stamp, found)
        return self._choice[1]

    def search(
        self,
        text: str,
        vector: Vectors,
        k: int,
        *,
        method: Method | None = None,
        ef: int | None = None,
        exact: bool = False,
        exact_ranks: bool = True,
        ms_encode: float = 0.0,
        excluded: Sequence[str] = (),
    ) -> Shortlist:
        """The k best labels for a text and its unit vector `(dim,)`, best first.

        `method` None is the dataset's default. `exact`: exact search in the place of HNSW.
        `exact_ranks`: whether each row gets its rank by exact search over the vectors, which reads
        all of them. `excluded`: label ids that are never given. By words alone there can be fewer
        than k rows. `ms_search` leaves out the exact ranks; what sentences take to encode counts
        as encoding. Raises InputError for a k or ef that cannot be searched.
        """
        method = method or self.default
        self._check(k, ef)
        if method is Method.DENSE:
            return self.index.search(
                vector,
                k,
                ef,
                exact=exact,
                exact_ranks=exact_ranks,
                ms_encode=ms_encode,
                excluded=excluded,
            )
        _ = self.lexical, self.families  # opened before the clock starts
        without = self._without(excluded)
        start = time.perf_counter()
        query = self._query(text, vector, method)
        encoded = time.perf_counter()
        found = self._found(text, query, k, method, ef, exact, without)
        end = time.perf_counter()
        rows = found.rows[:k]
        ranks: list[int | None] = [None] * len(rows)
        if exact_ranks and len(rows):
            ranks = query.ranks(rows, self._depth(k), without)
        wanted = self._depth(k) + len(without)
        by_graph = method is not Method.LEXICAL and self.index.uses_graph(wanted, exact)
        return Shortlist(
            rows=listed(query, found, k, ranks, by_graph),
            k=k,
            ef=max(ef or self.index.ef_for(wanted) or 0, wanted) if by_graph else None,
            encoder=self.index.encoder,
            index=self.index.identity if not self.index.partial else "partial",
            searched=self.index.coverage[0],
            labels=len(self.index.labels),
            ms_encode=ms_encode + (encoded - start) * 1000,
            ms_search=(end - encoded) * 1000,
            method=method.value,
        )

    def gold_ranks(
        self,
        text: str,
        vector: Vectors,
        gold_ids: Sequence[str],
        method: Method | None = None,
        *,
        k: int = DEPTH,
        excluded: Sequence[str] = (),
    ) -> tuple[GoldRank, ...]:
        """The rank of each gold label by the method with exact search, in the order given.

        `k` as in the search that the ranks belong to: it decides how deep lists are fused.
        A label that shares no word with the text is last by words. A gold label in `excluded`
        has the rank it would have if the others were left out.
        """
        method = method or self.default
        labels = self.index.labels
        rows = [labels.row(label_id) for label_id in gold_ids]
        known = [row for row in rows if row is not None]
        without = np.setdiff1d(self._without(excluded), np.array(known, np.int64))
        ranks = self._exact_ranks(text, vector, known, method, k, without) if known else []
        rank_of_row = dict(zip(known, ranks, strict=True))
        return tuple(
            GoldRank(label_id, label_id, False, None)
            if row is None
            else GoldRank(label_id, labels.name(row), True, rank_of_row[row])
            for label_id, row in zip(gold_ids, rows, strict=True)
        )

    def search_many(
        self,
        texts: Sequence[str],
        vectors: Vectors,
        k: int,
        *,
        method: Method | None = None,
        ef: int | None = None,
        exact: bool = False,
        excluded: Sequence[Sequence[str]] = (),
    ) -> Rows:
        """Rows `(n, k)` for n texts with vectors `(n, dim)`, best first, padded with -1.

        `excluded`: of each text, label ids that are never given; empty: none.
        """
        method = method or self.default
        self._check(k, ef)
        out = np.full((len(texts), k), -1, np.int64)
        for at, (text, query) in enumerate(
            zip(texts, self._queries(texts, vectors, method), strict=True)
        ):
            without = self._without(excluded[at]) if excluded else NO_ROWS
            rows = self._found(text, query, k, method, ef, exact, without).rows[:k]
            out[at, : len(rows)] = rows
        return out

    @cached_property
    def families(self) -> Families | None:
        """Which labels are children of which, or None where no label has a parent among them."""
        return Families.of(self.index.labels)

    def _found(
        self,
        text: str,
        query: DenseQuery,
        k: int,
        method: Method,
        ef: int | None,
        exact: bool,
        without: Rows,
    ) -> Found:
        """The best rows by a method, at least k where there are so many."""
        depth = self._depth(k)
        if method is Method.LEXICAL:
            rows, scores = self.lexical.search_rows(text, k, without)
            return Found(rows, scores.astype(np.float64), NO_ROWS, rows)
        if method is Method.DENSE:
            rows, scores = query.rows(k, ef, exact, without)
            return Found(rows, scores.astype(np.float64), rows, NO_ROWS)
        dense, _ = query.rows(depth, ef, exact, without)
        lexical, _ = self.lexical.search_rows(text, depth, without)
        if method is Method.TWO_STEP and self.families is not None:
            lists = (dense, lexical, without)
            rows, fused = two_step(self.families, query, text, self.lexical, *lists)
        else:
            rows, fused = fuse([dense, lexical])
        return Found(rows, fused, dense, lexical)

    def _exact_ranks(
        self,
        text: str,
        vector: Vectors,
        rows: Sequence[int],
        method: Method,
        k: int,
        without: Rows,
    ) -> list[int | None]:
        """Ranks from 1 by the method with exact search; None where a label is not encoded yet."""
        if method is Method.LEXICAL:
            return list(self.lexical.ranks(text, rows, without))
        query = self._query(text, vector, method)
        if method is Method.DENSE:
            return query.ranks(np.asarray(rows, np.int64), k, without)
        fused = self._found(text, query, k, method, None, True, without).rows
        return ranks_behind(fused, query.scores_without(without), rows)

    def _queries(self, texts: Sequence[str], vectors: Vectors, method: Method) -> list[DenseQuery]:
        """What the vectors are asked for each text; the sentences of all are encoded together."""
        parts = [sentences(text) if method in BY_SENTENCES else [] for text in texts]
        flat = [part for each in parts for part in each]
        encoded = self.encoder.encode(flat, cache=False) if flat else vectors[:0]
        ends = np.cumsum([0, *map(len, parts)])
        return [
            DenseQuery(
                self.index, np.ascontiguousarray(vectors[at], np.float32), encoded[start:end]
            )
            for at, (start, end) in enumerate(itertools.pairwise(ends.tolist()))
        ]

    def _query(self, text: str, vector: Vectors, method: Method) -> DenseQuery:
        """As `_queries`, of one text; the last is kept, with what scanning all labels gave: a
        search is followed by the ranks of its rows and of gold labels."""
        key = (text, method in BY_SENTENCES, vector.tobytes(), self.index.identity)
        last = self._last
        if last is None or last[0] != key:
            last = (key, self._queries([text], vector[None, :], method)[0])
            self._last = last
        return last[1]

    def _depth(self, k: int) -> int:
        """How many rows are taken of each list for k fused ones."""
        return min(max(DEPTH, k), len(self.index.labels))

    def _without(self, excluded: Sequence[str]) -> Rows:
        """Rows of the label ids that are known, without repeats."""
        rows = (self.index.labels.row(label_id) for label_id in dict.fromkeys(excluded))
        return np.array([row for row in rows if row is not None], np.int64)

    def _check(self, k: int, ef: int | None) -> None:
        labels = len(self.index.labels)
        if not 1 <= k <= labels:
            raise InputError(
                f"k is {k}, but must be between 1 and the {labels:,} labels of "
                f"{self.dataset.name}.",
                "Choose another k.",
            )
        if ef is not None and ef < k:
            raise InputError(
                f"ef is {ef}, but HNSW needs at least k = {k}.",
                "Raise ef, or leave it empty for the index's own.",
            )
