"""What a document's answer is scored by, and how sure means of such scores are.

Only the labels that the answer names count. A ranking would not do here: it is filled up with the
other retrieved labels, so its first ten are the labels shown, whatever the model wrote.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.evaluation import RunRecord
from core.metrics.bootstrap import RESAMPLES, Interval, ratio_interval
from core.metrics.sets import example_f1
from core.rerank.base import Bucket

Values = npt.NDArray[np.float64]

ENOUGH = 10  # documents: of fewer, draws say little about others, so no interval is given


class Measure(StrEnum):
    """All in [0, 1], higher = better; of an empty answer the first three are 0."""

    F1 = "Example F1"
    PRECISION = "Precision"
    RECALL = "Recall"
    WELL_FORMED = "Well-formed"


def score_of(measure: Measure, record: RunRecord) -> float:
    """A document's score; it must have gold labels."""
    return _SCORES[measure](record)


def share_interval(
    numerators: Values, denominators: Values | None = None, *, resamples: int = RESAMPLES
) -> Interval:
    """Sums over documents of each column divided by each other, `(documents, m)`; a mean without
    `denominators`. The ends are nan for fewer than ENOUGH documents."""
    below = np.ones_like(numerators) if denominators is None else denominators
    found = ratio_interval(numerators, below, resamples=resamples)
    if len(numerators) >= ENOUGH:
        return found
    unknown = np.full_like(found.value, np.nan)
    return Interval(found.value, unknown, unknown)


def _precision(record: RunRecord) -> float:
    selected = set(record.selected)
    return len(selected & set(record.gold)) / len(selected) if selected else 0.0


def _recall(record: RunRecord) -> float:
    gold = set(record.gold)
    return len(set(record.selected) & gold) / len(gold)


_SCORES: dict[Measure, Callable[[RunRecord], float]] = {
    Measure.F1: lambda r: example_f1(set(r.selected), set(r.gold)),
    Measure.PRECISION: _precision,
    Measure.RECALL: _recall,
    Measure.WELL_FORMED: lambda r: float(Bucket(r.bucket) is Bucket.OK),
}
