"""Whether two systems differ on the same documents, and what many such questions leave of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.metrics.bootstrap import mean_interval

RESAMPLES = 9999
SMALLEST = 0.001


@dataclass(frozen=True, slots=True)
class Difference:
    """a less b over the same documents: mean, 95% bootstrap interval, and the two-sided p-value of
    a paired permutation test (each document's difference may as well have had the other sign)."""

    mean: float
    low: float
    high: float
    p: float
    documents: int


def difference(
    a: Sequence[float] | npt.NDArray[np.float64],
    b: Sequence[float] | npt.NDArray[np.float64],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Compares scores of the same documents, in the same order. All sign patterns are tried where
    there are no more of them than `resamples`. Raises ValueError for other lengths or none."""
    from scipy.stats import permutation_test  # type: ignore[import-untyped]

    one, other = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise ValueError(f"scores of {one.shape} and {other.shape} documents cannot be paired")
    found = one - other
    interval = mean_interval(found[:, None], resamples=1000, seed=seed)
    if not found.any() or len(found) == 1:
        p = 1.0  # no document differs, so no sign can; nor does one alone say anything
    else:
        p = float(
            permutation_test(
                (found,), np.mean, permutation_type="samples", vectorized=True,
                n_resamples=resamples, rng=np.random.default_rng(seed),
            ).pvalue
        )  # fmt: skip
    return Difference(
        float(interval.value[0]), float(interval.low[0]), float(interval.high[0]), p, len(found)
    )


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for how many there are (Holm 1979), each in [0, 1]."""
    corrected: dict[str, float] = {}
    largest = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for at, (name, p) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - at) * p))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}


def p_number(p: float) -> str:
    """A p-value as it is written: "0.034", or "< 0.001", below which a permutation test of limited
    size cannot tell."""
    return f"{p:.3f}" if p >= SMALLEST else f"< {SMALLEST}"
