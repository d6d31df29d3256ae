"""Chooses ef: the smallest that finds enough of what exact search finds, on real documents.

1. Queries are documents of the training splits, evenly spread; never dev or test documents, and
   never label names, which lie where the labels are and are easier to find than any document.
2. On every second query, ef is chosen: the smallest with which mean recall@k is at least the
   target by the lower end of its 95% interval, not by luck of the sample, and with at most
   MAX_LOST of the queries *lost* (recall below one half).
3. On the other half, which had no part in the choice, recall is reported for every ef, with a
   95% bootstrap interval, and the time of one search.

The second condition matters: the graph is entered at one point, and a small ef can end in a
region that is wrong altogether. On ICD-10-CM at ef 64, mean recall@50 was 0.976, while 6 of 1,024
documents found none of their nearest labels, although every label could be reached.

Where no ef is enough the largest is taken, and `target_met` is False: that is shown, not hidden.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.datasets.base import Dataset
from core.datasets.catalogue import TRAIN
from core.shortlist.exact import Rows, Vectors, exact_top
from core.shortlist.graph import Cancelled, OnProgress

TUNE = "choose ef"
TARGET_RECALL = 0.98
RECALL_K = 50
SAMPLED_DOCUMENTS = 1024
MAX_LOST = 0.002
EF_CHOICES = (50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800)
FURTHER_EF = (1024, 1280, 1600, 2000)  # measured only where none of those is enough
UNMEASURED_EF = 800  # without documents: what the hardest of our label spaces needed (mesh)
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Point:
    """What one ef gives. recall and its interval, and `lost`, the share of queries with recall
    below one half, are in [0, 1]; milliseconds are of one search by one thread."""

    ef: int
    recall: float
    low: float
    high: float
    lost: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """The chosen ef, and the curve measured on queries that did not choose it; no points where
    there are no documents. `target_met`: whether ef is enough on the queries that chose it; None
    where there were none."""

    ef: int
    k: int
    queries: int
    curve: tuple[Point, ...]
    target_met: bool | None = None

    @property
    def chosen(self) -> Point | None:
        return next((point for point in self.curve if point.ef == self.ef), None)

    def as_recorded(self) -> tuple[dict[str, float], ...]:
        return tuple(
            {name: round(value, 5) for name, value in asdict(point).items()} for point in self.curve
        )


def train_texts(dataset: Dataset, count: int = SAMPLED_DOCUMENTS) -> list[str]:
    """Texts of at most `count` documents of the training splits, evenly spread; [] without any."""
    rows = sorted(row for split in TRAIN for row in dataset.rows_of(split))
    at = np.linspace(0, len(rows), min(count, len(rows)), endpoint=False).astype(int)
    return [dataset.document_at(rows[i]).text for i in at.tolist()]


def tune(
    graph: Any,
    row_of: Rows | None,
    vectors: Vectors,
    queries: Vectors,
    target: float,
    on_progress: OnProgress,
    cancelled: Cancelled,
) -> Tuned | None:
    """Measures the graph with unit `queries` `(n, dim)` and chooses ef; None when cancelled.

    `row_of[node]` is the row of a node of the graph (None: the same number). Where no ef reaches
    the target, the largest is taken and `target_met` is False.
    """
    k = min(RECALL_K, len(vectors))
    choices = [ef for ef in (*EF_CHOICES, *FURTHER_EF) if ef >= k]
    if len(queries) < 2:
        on_progress(TUNE, 1, 1)
        return Tuned(max(UNMEASURED_EF, k), k, 0, ())
    on_progress(TUNE, 0, len(choices) + 1)
    truth, _ = exact_top(vectors, queries, k)
    ef, curve = 0, []
    for done, choice in enumerate(choices, start=1):
        if ef and choice in FURTHER_EF:
            break
        on_progress(TUNE, done, len(choices) + 1)
        if cancelled():
            return None
        recall, seconds = recalls(graph, row_of, queries, truth, choice)
        choosing = recall[::2]
        if not ef and interval(choosing)[0] >= target and (choosing < 0.5).mean() <= MAX_LOST:
            ef = choice
        curve.append(_point(choice, recall[1::2], seconds[1::2]))
    on_progress(TUNE, len(choices) + 1, len(choices) + 1)
    return Tuned(ef or choices[-1], k, len(queries[1::2]), tuple(curve), bool(ef))


def recalls(
    graph: Any, row_of: Rows | None, queries: Vectors, truth: Rows, ef: int
) -> tuple[Vectors, Vectors]:
    """recall@k of each query `(n,)`, and the seconds of its search, one at a time.

    `truth` `(n, k)` are the rows that exact search gives.
    """
    k = truth.shape[1]
    graph.set_ef(ef)
    recall = np.zeros(len(queries), dtype=np.float32)
    seconds = np.zeros(len(queries), dtype=np.float32)
    for at, query in enumerate(queries):
        start = time.perf_counter()
        try:
            found, _ = graph.knn_query(query, k=k, num_threads=1)
        except RuntimeError:  # fewer than k nodes were reached: a miss, and recall 0
            continue
        finally:
            seconds[at] = time.perf_counter() - start
        nodes = found[0].astype(np.int64)
        rows = nodes if row_of is None else row_of[nodes]
        recall[at] = len(np.intersect1d(rows, truth[at])) / k
    return recall, seconds


def _point(ef: int, recall: Vectors, seconds: Vectors) -> Point:
    low, high = interval(recall)
    return Point(
        ef,
        float(recall.mean()),
        low,
        high,
        float((recall < 0.5).mean()),
        float(np.percentile(seconds, 50)) * 1000,
        float(np.percentile(seconds, 95)) * 1000,
    )


def interval(values: Vectors) -> tuple[float, float]:
    """95% percentile bootstrap interval of the mean; the same for the same values."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
