"""What lies around an example: near misses of each gold label, a map, and what k and ef would do.

The map is classical scaling: the two directions in which the points, centred, differ most
(principal components of their vectors). Distances on it are those of the vectors, flattened; the
share of the variance it keeps says how much to believe it.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.datasets.base import Document, LabelSpace
from core.datasets.hierarchy import child_rows, sibling_rows
from core.shortlist.base import Method, Shortlist
from core.shortlist.exact import clipped, cosines, top_rows
from core.shortlist.fusion import DEPTH
from core.shortlist.retriever import Retriever
from core.traces.base import NearMiss

Vectors = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

NEAR = 5  # near misses, and siblings, of each gold label
MOST_GOLD = 30  # gold labels whose near misses are sought; a document can have hundreds
MOST_SIBLINGS = 1000  # looked at, to keep the nearest
MOST_EF = 800
REPEATS = 3  # searches timed for each ef and k
KS = (10, 20, 50, 100, 200)  # beside the k asked for, where methods are timed
BUDGET_S = 1.0  # of timing; what is left then is searched once each

DOCUMENT, GOLD, BOTH, SHORTLIST, NEAR_MISS = (
    "document", "gold, not found", "gold, found", "shortlist", "near miss",
)  # fmt: skip
KINDS = (DOCUMENT, BOTH, GOLD, SHORTLIST, NEAR_MISS)


@dataclass(frozen=True, slots=True)
class GoldNeighbours:
    """One gold label with its nearest labels that are not gold, and those of its family that are
    not: `siblings`, under the same parent, and `children`, under it. `kin`: why there are none."""

    label_id: str
    name: str
    near: tuple[NearMiss, ...]
    siblings: tuple[NearMiss, ...]
    children: tuple[NearMiss, ...] = ()
    kin: str = ""  # "" where there are siblings, else one of the reasons below


FLAT = "This dataset's labels have no hierarchy, so no label has siblings."
AT_TOP = "This label has no parent in the dataset, so it has no siblings."
ALONE = "No other label stands under this one's parent."
ALL_GOLD = "Every label under this one's parent is gold too, or must not be retrieved."


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the map. `cosine` to the document; `rank` in the shortlist, None outside it."""

    label_id: str  # "" for the document
    name: str
    kind: str  # one of KINDS
    x: float
    y: float
    cosine: float
    rank: int | None


@dataclass(frozen=True, slots=True)
class EfPoint:
    """What one ef gives for this text: `overlap` with exact search and `recall` of gold labels
    (None without gold) in [0, 1], and the median milliseconds of a search. `ef` is what HNSW
    searched with: fused lists are DEPTH long, so theirs is never below that."""

    ef: int
    overlap: float
    recall: float | None
    ms: float


@dataclass(frozen=True, slots=True)
class KPoint:
    """What one k gives for this text by a method: as EfPoint, with the index's own ef or the one
    asked for."""

    method: str
    k: int
    recall: float | None
    ms: float


@dataclass(frozen=True)
class Neighbourhood:
    """`explained`: the share of the points' variance that the map shows, in [0, 1]."""

    gold: tuple[GoldNeighbours, ...]
    points: tuple[Point, ...]
    explained: float
    sweep: tuple[EfPoint, ...]
    by_k: tuple[KPoint, ...] = ()


def neighbourhood(
    retriever: Retriever,
    document: Document,
    vector: Vectors,
    k: int,
    *,
    ef: int | None = None,
    method: Method | None = None,
) -> Neighbourhood:
    """Everything around one document, from its text's unit vector `(dim,)`.

    Raises InputError for a k or ef that cannot be searched.
    """
    method = method or retriever.default
    vectors, mask = retriever.index.encoded
    encoded = np.ones(len(vectors), bool) if mask is None else mask
    labels = retriever.dataset.labels
    gold = gold_neighbours(labels, vectors, encoded, document)
    found = retriever.search(
        document.text, vector, k, method=method, ef=ef, exact_ranks=False,
        excluded=document.excluded,
    )  # fmt: skip
    ranks = {row.label_id: row.rank for row in found.rows}
    points, explained = map_of(labels, vectors, encoded, document, vector, ranks, gold)
    return Neighbourhood(
        gold,
        points,
        explained,
        sweep_ef(retriever, document, vector, k, method),
        sweep_k(retriever, document, vector, k, ef),
    )


def gold_neighbours(
    labels: LabelSpace, vectors: Vectors, encoded: Mask, document: Document
) -> tuple[GoldNeighbours, ...]:
    """The near misses of each gold label that is in the vocabulary and encoded."""
    all_gold = [row for row in map(labels.row, document.gold) if row is not None]
    gold = [row for row in dict.fromkeys(all_gold) if encoded[row]][:MOST_GOLD]
    if not gold:
        return ()
    own = np.asarray(vectors[gold])
    scores = cosines(vectors, own)  # (labels, gold)
    out = [row for row in map(labels.row, document.excluded) if row is not None]
    scores[[*all_gold, *out]] = -np.inf
    scores[~encoded] = -np.inf
    left = int(np.isfinite(scores[:, 0]).sum())
    return tuple(
        GoldNeighbours(
            labels.id(row),
            labels.name(row),
            tuple(
                _miss(labels, near, row, scores[near, at])
                for near in top_rows(np.ascontiguousarray(scores[:, at]), min(NEAR, left)).tolist()
            ),
            *_family(labels, vectors, encoded, row, {*all_gold, *out}),
        )
        for at, row in enumerate(gold)
    )


def _family(
    labels: LabelSpace, vectors: Vectors, encoded: Mask, row: int, gold: set[int]
) -> tuple[tuple[NearMiss, ...], tuple[NearMiss, ...], str]:
    """Siblings and children that are not gold, nearest first, and why there are no siblings."""
    if not labels.has_hierarchy:
        return (), (), FLAT
    beside = sibling_rows(labels, row, MOST_SIBLINGS)
    siblings = _nearest(labels, vectors, encoded, row, beside, gold)
    below = child_rows(labels, row, MOST_SIBLINGS)
    children = _nearest(labels, vectors, encoded, row, below, gold)
    if siblings:
        return siblings, children, ""
    why = AT_TOP if not labels.parents(row) else ALL_GOLD if len(beside) else ALONE
    return siblings, children, why


def _nearest(
    labels: LabelSpace,
    vectors: Vectors,
    encoded: Mask,
    row: int,
    others: npt.NDArray[np.int64],
    gold: set[int],
) -> tuple[NearMiss, ...]:
    known = [other for other in others.tolist() if other not in gold and encoded[other]]
    if not known:
        return ()
    scores = np.asarray(vectors[known]) @ vectors[row]
    return tuple(
        _miss(labels, known[at], row, scores[at]) for at in top_rows(scores, NEAR).tolist()
    )


def _miss(labels: LabelSpace, row: int, near: int, cosine: float) -> NearMiss:
    return NearMiss(labels.id(row), labels.name(row), labels.id(near), clipped(cosine))


def map_of(
    labels: LabelSpace,
    vectors: Vectors,
    encoded: Mask,
    document: Document,
    vector: Vectors,
    ranks: dict[str, int],
    gold: Sequence[GoldNeighbours],
) -> tuple[tuple[Point, ...], float]:
    """The points of the map, the document first, and the share of the variance it shows."""
    right = set(document.gold)
    near = [miss.label_id for each in gold for miss in (*each.near, *each.siblings, *each.children)]
    ids = list(dict.fromkeys([*(each.label_id for each in gold), *ranks, *near]))
    rows = [(label_id, row) for label_id in ids if (row := labels.row(label_id)) is not None]
    rows = [(label_id, row) for label_id, row in rows if encoded[row]]
    own = np.asarray(vectors[[row for _, row in rows]], np.float64)
    everything = np.vstack([vector[None, :].astype(np.float64), own.reshape(-1, len(vector))])
    places, explained = flattened(everything)
    points = [Point("", "This text", DOCUMENT, float(places[0, 0]), float(places[0, 1]), 1.0, None)]
    for (label_id, row), place, own_vector in zip(rows, places[1:], own, strict=True):
        kind = SHORTLIST if label_id in ranks else NEAR_MISS
        if label_id in right:
            kind = BOTH if label_id in ranks else GOLD
        cosine = clipped(float(own_vector @ vector))
        x, y = place.tolist()
        points.append(Point(label_id, labels.name(row), kind, x, y, cosine, ranks.get(label_id)))
    return tuple(points), explained


def flattened(vectors: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """The first two principal components of rows `(n, dim)`: places `(n, 2)`, and the share of
    the variance they keep (1 where the rows do not differ). The signs are fixed: the entry of
    largest size in each component is positive."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(vectors), 2))
    kept = min(2, len(sizes))
    places[:, :kept] = left[:, :kept] * sizes[:kept]
    for axis in range(kept):
        if places[np.abs(places[:, axis]).argmax(), axis] < 0:
            places[:, axis] *= -1
    total = float((sizes**2).sum())
    return places, float((sizes[:2] ** 2).sum() / total) if total > 0 else 1.0


def sweep_ef(
    retriever: Retriever, document: Document, vector: Vectors, k: int, method: Method
) -> tuple[EfPoint, ...]:
    """What each of several ef gives for this text; () where the graph is not searched."""
    out = document.excluded
    least = (k if method is Method.DENSE else max(DEPTH, k)) + len(out)
    if method is Method.LEXICAL or not retriever.index.uses_graph(least):
        return ()
    own = max(retriever.index.ef_for(least) or least, least)
    wanted = sorted({least, own, *(least * step for step in (2, 4, 8) if least * step <= MOST_EF)})

    def searched(ef: int | None, exact: bool = False) -> Shortlist:
        return retriever.search(
            document.text, vector, k, method=method, ef=ef, exact=exact, exact_ranks=False,
            excluded=out,
        )  # fmt: skip

    true, gold = _ids(searched(None, exact=True)), set(document.gold)
    points = []
    for ef in wanted:
        runs = [searched(ef) for _ in range(REPEATS)]
        found = _ids(runs[0])
        points.append(
            EfPoint(
                ef, len(found & true) / max(1, len(true)),
                len(found & gold) / len(gold) if gold else None,
                statistics.median(run.ms_search for run in runs),
            )
        )  # fmt: skip
    return tuple(points)


def sweep_k(
    retriever: Retriever, document: Document, vector: Vectors, k: int, ef: int | None
) -> tuple[KPoint, ...]:
    """What each of several k gives for this text, by every method, as a run would search."""
    labels, gold = len(retriever.index.labels), set(document.gold)
    ks = sorted({k, *(some for some in KS if some <= labels)})
    began, points = time.perf_counter(), []
    for method in Method:
        for some in ks:
            runs: list[Shortlist] = []
            while len(runs) < (REPEATS if time.perf_counter() - began < BUDGET_S else 1):
                runs.append(
                    retriever.search(
                        document.text, vector, some, method=method, exact_ranks=False,
                        ef=None if ef is None else max(ef, some), excluded=document.excluded,
                    )
                )  # fmt: skip
            found = _ids(runs[0])
            recall = len(found & gold) / len(gold) if gold else None
            ms = statistics.median(run.ms_search for run in runs)
            points.append(KPoint(method.value, some, recall, ms))
    return tuple(points)


def _ids(found: Shortlist) -> set[str]:
    return {row.label_id for row in found.rows}
