"""Searching the labels of a dataset: HNSW where the index is ready, exact search beside it.

While an index grows, the rows encoded so far are searched exactly, and every shortlist says how
many of the labels it covers. A file that is damaged, foreign or built from other labels is never
searched: opening raises IndexFileError, and `build_index` repairs it.

`search` gives a shortlist with names and ranks; `search_rows` the bare row numbers, at the speed
of the graph. The forms that end in `_many` take many queries at once, which is quicker.
"""

import threading
import time
from collections.abc import Sequence

import numpy as np

from core.config import Settings
from core.datasets.base import Dataset
from core.errors import InputError, UnknownNameError
from core.rerank.base import Candidate
from core.shortlist.base import GoldRank, Shortlist, ShortlistRow
from core.shortlist.exact import (
    Mask,
    Rows,
    Vectors,
    clipped,
    cosines_of,
    exact_ranks,
    exact_top,
    ranks_of,
    top_rows,
)
from core.shortlist.manifest import IndexStatus, Manifest, index_folder, signature, status
from core.shortlist.near_misses import near_of, nearest_wrong
from core.shortlist.opening import open_folder
from core.traces.base import NearMiss

__all__ = ["IndexStatus", "LabelIndex", "status"]

Found = tuple[Rows, Vectors, bool]  # rows and cosines, best first; whether the graph found them

EXACT_SHARE = 0.25  # asked for more than this share of the labels, exact search is faster


class LabelIndex:
    """An opened index. Safe to search from several threads."""

    def __init__(self, settings: Settings, dataset: Dataset, encoder_identity: str) -> None:
        self.dataset = dataset
        self.labels = dataset.labels
        self.encoder = encoder_identity
        self.folder = index_folder(settings, dataset.info.index_name)
        self._threads = settings.torch_threads()
        self._lock = threading.RLock()
        self._last: tuple[bytes, Vectors] | None = None
        self._seen = signature(self.folder)
        self._opened = open_folder(self.folder, dataset, encoder_identity)

    @classmethod
    def open(cls, settings: Settings, dataset: Dataset, encoder_identity: str) -> "LabelIndex":
        """Opens a ready index, or the finished part of one that is being built.

        Raises IndexFileError when there is none yet, when it was made by another encoder or from
        other labels, and when a file is truncated or not the one that was built.
        """
        return cls(settings, dataset, encoder_identity)

    @property
    def manifest(self) -> Manifest | None:
        """What the build recorded, or None while the index is partial."""
        return self._opened.manifest

    @property
    def vectors(self) -> Vectors:
        """Unit rows of all labels, `(labels, dim)`, memory-mapped; zeros where not encoded yet."""
        return self._opened.vectors

    @property
    def coverage(self) -> tuple[int, int]:
        """(labels that are searched, labels in all)."""
        return int(self._opened.mask.sum()) if self.partial else len(self.labels), len(self.labels)

    @property
    def partial(self) -> bool:
        return self.manifest is None

    @property
    def ef(self) -> int | None:
        """The index's own ef, or None while only exact search is possible."""
        return self.manifest.ef if self.manifest else None

    def ef_for(self, k: int) -> int | None:
        """The ef of a search for k rows that is given none (see Manifest.ef_for), or None while
        only exact search is possible."""
        return self.manifest.ef_for(k) if self.manifest else None

    @property
    def identity(self) -> str:
        """Which index this is; a partial one is told by how many labels it covers."""
        return self.manifest.fingerprint if self.manifest else f"partial:{self.coverage[0]}"

    def refresh(self) -> bool:
        """Takes in what a running build has finished since; True when something changed.

        Costs two stat calls when nothing did. Raises IndexFileError as `open`.
        """
        with self._lock:
            seen = signature(self.folder)
            if seen == self._seen:
                return False
            self._opened = open_folder(self.folder, self.dataset, self.encoder, self._opened)
            self._last = None
            self._seen = seen
            return True

    def search(
        self,
        query: Vectors,
        k: int,
        ef: int | None = None,
        *,
        exact: bool = False,
        exact_ranks: bool = True,
        ms_encode: float = 0.0,
        excluded: Sequence[str] = (),
    ) -> Shortlist:
        """The k labels closest to a unit vector `(dim,)`, best first.

        By HNSW with `ef` (default: `ef_for` the rows it looks for); exactly, row by row, when
        `exact`, when the index is partial, when k is above a quarter of the labels, or when the
        graph reaches fewer than k labels. Each row's `source` says which.

        With `exact_ranks` each row gets its exact rank, at the cost of a scan of all labels.
        Labels in `excluded` are never given, nor counted in ranks; ids that are unknown are passed
        over. Fewer than k rows come when fewer are encoded and not excluded. `ms_search` is the
        search alone, without the exact ranks. Raises InputError for a k or ef that cannot be
        searched.
        """
        query = self._checked(query[None, :] if query.ndim == 1 else query, 1)[0]
        self._check(k, ef)
        with self._lock:
            left_out = self._rows(excluded)
            start = time.perf_counter()
            rows, scores, by_graph = self._found(query, k + len(left_out), ef, exact)
            if left_out:
                kept = np.flatnonzero(~np.isin(rows, left_out))[:k]
                rows, scores = rows[kept], scores[kept]
            ms = (ms_encode, (time.perf_counter() - start) * 1000)
            found = (rows, scores, by_graph)
            return self._shortlist(query, found, k, ef, exact_ranks, left_out, ms)

    def search_many(
        self,
        queries: Vectors,
        k: int,
        ef: int | None = None,
        *,
        exact: bool = False,
        exact_ranks: bool = False,
    ) -> list[Shortlist]:
        """As `search`, for unit vectors `(n, dim)`; `ms_search` is each one's share of the time."""
        queries = self._checked(queries)
        self._check(k, ef)
        with self._lock:
            start = time.perf_counter()
            found = self._found_many(queries, k, ef, exact)
            ms = (0.0, (time.perf_counter() - start) * 1000 / max(1, len(queries)))
            return [
                self._shortlist(query, one, k, ef, exact_ranks, [], ms)
                for query, one in zip(queries, found, strict=True)
            ]

    def search_rows(
        self, query: Vectors, k: int, ef: int | None = None, exact: bool = False
    ) -> tuple[Rows, Vectors]:
        """Row numbers `(k,)` and cosines `(k,)` of the k labels closest to a unit vector `(dim,)`,
        best first; found as by `search`. Fewer where fewer are encoded. Raises InputError."""
        query = self._checked(query[None, :] if query.ndim == 1 else query, 1)[0]
        self._check(k, ef)
        with self._lock:
            rows, scores, _ = self._found(query, k, ef, exact)
            return rows, scores

    def search_rows_many(
        self, queries: Vectors, k: int, ef: int | None = None, exact: bool = False
    ) -> tuple[Rows, Vectors]:
        """As `search_rows` for unit vectors `(n, dim)`: rows and cosines `(n, k)`."""
        queries = self._checked(queries)
        self._check(k, ef)
        with self._lock:
            found = self._found_many(queries, k, ef, exact)
        if not found:
            return np.empty((0, k), np.int64), np.empty((0, k), np.float32)
        return np.stack([one[0] for one in found]), np.stack([one[1] for one in found])

    def gold_ranks(self, query: Vectors, gold_ids: Sequence[str]) -> tuple[GoldRank, ...]:
        """The exact rank of each gold label among the labels searched, in the order given."""
        query = self._checked(query[None, :] if query.ndim == 1 else query, 1)[0]
        with self._lock:
            rows = [self.labels.row(label_id) for label_id in gold_ids]
            known = [row for row in rows if row is not None and self._opened.mask[row]]
            ranks = dict(zip(known, ranks_of(self._scores(query), known), strict=True))
            return tuple(
                self._gold_rank(label_id, row, ranks.get(-1 if row is None else row))
                for label_id, row in zip(gold_ids, rows, strict=True)
            )

    def gold_ranks_many(
        self, queries: Vectors, gold_ids: Sequence[Sequence[str]]
    ) -> list[tuple[GoldRank, ...]]:
        """As `gold_ranks`, for unit vectors `(n, dim)` and the gold ids of each."""
        rows = [[self.labels.row(label_id) for label_id in ids] for ids in gold_ids]
        known = [[row for row in each if row is not None] for each in rows]
        found = []
        for ids, each, ranked, ranks in zip(
            gold_ids, rows, known, self.exact_ranks_many(queries, known), strict=True
        ):
            rank = dict(zip(ranked, ranks, strict=True))
            found.append(
                tuple(
                    self._gold_rank(label_id, row, rank[row] or None if row is not None else None)
                    for label_id, row in zip(ids, each, strict=True)
                )
            )
        return found

    def exact_ranks_many(
        self, queries: Vectors, rows_per_query: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        """The exact rank, from 1, of given rows for each query `(n, dim)`, in the order given.

        0 stands for a row that is not encoded yet.
        """
        queries = self._checked(queries)
        with self._lock:
            mask = self._opened.mask if self.partial else None
            return exact_ranks(self._opened.vectors, queries, rows_per_query, mask)

    @property
    def encoded(self) -> tuple[Vectors, Mask | None]:
        """The label vectors `(labels, dim)`, memory-mapped, and which rows are encoded (None: all).

        They stay as they are when the index is refreshed or built anew meanwhile."""
        with self._lock:
            return self._opened.vectors, self._opened.mask if self.partial else None

    def uses_graph(self, k: int, exact: bool = False) -> bool:
        """Whether `search` for k labels asks HNSW (True) or compares every vector."""
        return not exact and self._graph_serves(k)

    def nearest_wrong(self, gold_ids: Sequence[str], k: int = 10) -> list[NearMiss]:
        """The k wrong labels nearest to a right one, by cosine of label vectors, nearest first.

        Right labels that are unknown or not encoded yet are passed over; none left gives [].
        """
        with self._lock:
            gold = self._rows(gold_ids)
            return nearest_wrong(self.labels, self._opened.vectors, self._opened.mask, gold, k)

    def near_of(self, left: Sequence[Candidate], chosen: Sequence[str]) -> list[NearMiss]:
        """Candidates that were not chosen, each with the chosen label nearest to it, in the order
        given. Where nothing (known) was chosen, `near` is "" and the cosine 0."""
        with self._lock:
            return near_of(self.labels, self._opened.vectors, left, self._rows(chosen))

    def vector(self, label_id: str) -> Vectors:
        """The unit vector of a label, `(dim,)`. Raises UnknownNameError when the label is unknown
        or not encoded yet."""
        row = self.labels.row(label_id)
        if row is None or not self._opened.mask[row]:
            raise UnknownNameError(
                f"The index of {self.dataset.name} has no label {label_id!r}.",
                "Pick a label of the dataset, or wait until the index is ready.",
            )
        return np.array(self._opened.vectors[row])

    def _checked(self, queries: Vectors, most: int | None = None) -> Vectors:
        """Queries as hnswlib and BLAS want them. Raises InputError when they are no vectors."""
        dim = self._opened.vectors.shape[1]
        fits = queries.ndim == 2 and queries.shape[1] == dim
        if not fits or (most and len(queries) > most) or not np.isfinite(queries).all():
            raise InputError(
                f"A query must be one vector of {dim} finite numbers, not {queries.shape}.",
                "Encode the text with the encoder of this index.",
            )
        return np.ascontiguousarray(queries, dtype=np.float32)

    def _check(self, k: int, ef: int | None) -> None:
        labels = len(self.labels)
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

    def _found(self, query: Vectors, k: int, ef: int | None, exact: bool) -> Found:
        """The k nearest rows and their cosines, best first, and whether the graph found them."""
        k = min(k, self.coverage[0])
        rows = None if exact or not self._graph_serves(k) else self._by_graph(query, k, ef)
        if rows is not None:
            return *self._in_order(query, rows[0]), True
        scores = self._scores(query)
        best = top_rows(scores, k)
        return best, scores[best], False

    def _found_many(self, queries: Vectors, k: int, ef: int | None, exact: bool) -> list[Found]:
        """As `_found`, for each of many queries."""
        k = min(k, self.coverage[0])
        if not len(queries):
            return []
        if exact or not self._graph_serves(k):
            mask = self._opened.mask if self.partial else None
            best, scores = exact_top(self._opened.vectors, queries, k, mask)
            return [(*pair, False) for pair in zip(best, scores, strict=True)]
        rows = self._by_graph(queries, k, ef)
        if rows is None:  # a query among them cannot be answered by the graph: each by itself
            return [self._found(query, k, ef, False) for query in queries]
        return [(*self._in_order(q, found), True) for q, found in zip(queries, rows, strict=True)]

    def _graph_serves(self, k: int) -> bool:
        return self._opened.graph is not None and k <= EXACT_SHARE * len(self.labels)

    def _by_graph(self, queries: Vectors, k: int, ef: int | None) -> Rows | None:
        """Rows `(n, k)` found by HNSW in no order, or None where it reaches fewer than k."""
        graph, manifest = self._opened.graph, self._opened.manifest
        assert manifest is not None  # there is no graph without it
        graph.set_ef(max(ef or manifest.ef_for(k), k))
        threads = 1 if len(queries) == 1 or queries.ndim == 1 else self._threads
        try:
            found, _ = graph.knn_query(queries, k=k, num_threads=threads)
        except RuntimeError:  # "Cannot return the results": parts of the graph are not reachable
            return None
        nodes: Rows = found.astype(np.int64)
        return nodes if self._opened.row_of is None else self._opened.row_of[nodes]

    def _in_order(self, query: Vectors, rows: Rows) -> tuple[Rows, Vectors]:
        """Rows, best first, with their cosines; of equal cosines the lower row comes first."""
        scores = self._opened.vectors[rows] @ query
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def _scores(self, query: Vectors) -> Vectors:
        """Cosines of all rows `(labels,)`, -inf where not encoded; the last query's are kept."""
        key = query.tobytes()
        if self._last is None or self._last[0] != key:
            scores = cosines_of(self._opened.vectors, query)
            if self.partial:
                scores[~self._opened.mask] = -np.inf
            self._last = (key, scores)
        return self._last[1]

    def _shortlist(
        self,
        query: Vectors,
        found: Found,
        k: int,
        ef: int | None,
        exact_ranks: bool,
        left_out: Sequence[int],
        ms: tuple[float, float],
    ) -> Shortlist:
        rows, cosines, by_graph = found
        ranks: Sequence[int | None] = range(1, len(rows) + 1)
        if by_graph and exact_ranks:
            # Ordered by the scan's cosines, so that ranks agree with exact ranks to the last digit.
            scores = self._scores(query)
            if left_out:
                scores = scores.copy()
                scores[left_out] = -np.inf
            rows = rows[np.lexsort((rows, -scores[rows]))]
            ranks, cosines = ranks_of(scores, rows.tolist()), scores[rows]
        elif by_graph:
            ranks = [None] * len(rows)
        names = self.labels.names(rows.tolist())
        listed = tuple(
            ShortlistRow(
                label_id=self.labels.id(row),
                name=name,
                rank=rank,
                cosine=clipped(cosine),
                exact_rank=exact_rank,
                source="hnsw" if by_graph else "exact",
            )
            for rank, (row, name, cosine, exact_rank) in enumerate(
                zip(rows.tolist(), names, cosines.tolist(), ranks, strict=True), start=1
            )
        )
        wanted = k + len(left_out)
        own = max(ef or self.manifest.ef_for(wanted), wanted) if self.manifest else None
        return Shortlist(
            rows=listed,
            k=k,
            ef=own if by_graph else None,
            encoder=self.encoder,
            index=self.manifest.fingerprint if self.manifest else "partial",
            searched=self.coverage[0],
            labels=len(self.labels),
            ms_encode=ms[0],
            ms_search=ms[1],
        )

    def _rows(self, label_ids: Sequence[str]) -> list[int]:
        """Rows of the labels that are known and encoded, without repeats."""
        rows = (self.labels.row(label_id) for label_id in dict.fromkeys(label_ids))
        return [row for row in rows if row is not None and self._opened.mask[row]]

    def _gold_rank(self, label_id: str, row: int | None, rank: int | None) -> GoldRank:
        if row is None:
            return GoldRank(label_id, label_id, False, None)
        return GoldRank(label_id, self.labels.name(row), True, rank)
