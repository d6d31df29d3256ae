"""How far a mean over few trainings may be off: Student's t interval over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.metrics.bootstrap import LEVEL


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """The same figure of several trainings: each seed's, their mean, and its 95% interval by
    Student's t with one degree of freedom less than seeds."""

    by_seed: tuple[float, ...]
    mean: float
    low: float
    high: float


def over_seeds_interval(by_seed: Sequence[float], *, level: float = LEVEL) -> OverSeeds:
    """The interval answers for other seeds on the same documents, as a bootstrap over documents
    answers for other documents. Raises ValueError for fewer than two seeds, which cannot say how
    much seeds differ."""
    from scipy.stats import t  # type: ignore[import-untyped]

    if len(by_seed) < 2:
        raise ValueError(f"{len(by_seed)} seeds cannot say how much seeds differ")
    values = np.asarray(by_seed, dtype=np.float64)
    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(t.ppf((1 + level) / 2, len(values) - 1)) * error
    return OverSeeds(tuple(map(float, values)), mean, mean - half, mean + half)
