"""What the inside view gives back: plain NumPy, picklable, without torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.mechanism.conventions import Conventions
from core.mechanism.effects import LabelScores
from core.mechanism.positions import Roles, Tokens
from core.mechanism.request import Direction, Head, PatchKind

Grid = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HeadScores:
    """Scores of all heads of one model on one example, each grid `(layers, heads)`.

    coarse            high = a shortlisting (phase-1) head
    refine            high = a fine-grained reasoning (phase-2) head; None: `refine_missing` says
                      why
    kurtosis          mean excess kurtosis over early queries, > 0 = sharp
    write_cosine      mean cos(Delta_h, c_anchor) in [-1, 1] over early queries
    coarse_other_sink coarse with sink tokens treated the other way (left out, or kept)
    sink_rank_correlation  Spearman's rho between the two rankings of heads: 1 = no change
    """

    coarse: Grid
    refine: Grid | None
    refine_missing: str
    kurtosis: Grid
    write_cosine: Grid
    coarse_other_sink: Grid
    sink_rank_correlation: float
    sinks: tuple[int, ...]
    roles: Roles
    capture_bytes: int


def top_heads(grid: Grid, count: int, *, lowest: bool = False) -> tuple[tuple[int, int], ...]:
    """(layer, head) of the highest (or lowest) scores, best first; of equals the earlier."""
    flat = grid.flatten()
    order = np.argsort(flat if lowest else -flat, kind="stable")[: max(count, 0)]
    return tuple((int(at) // grid.shape[1], int(at) % grid.shape[1]) for at in order)


def random_heads(shape: Sequence[int], count: int, seed: int) -> tuple[Head, ...]:
    """`count` different heads of a model of `(layers, heads)`, decided by the seed."""
    drawn = np.random.default_rng(seed).permutation(shape[0] * shape[1])[:count]
    return tuple((int(at) // shape[1], int(at) % shape[1]) for at in sorted(drawn))


@dataclass(frozen=True)
class Analysis:
    """Head scores of one example, with its tokens and the conventions they stand on."""

    conventions: Conventions
    tokens: Tokens
    scores: HeadScores


@dataclass(frozen=True)
class AttentionRow:
    """Where one head looks from one position. `weights` `(query + 1,)` sum to 1; `words` and
    `spans` (characters of prompt + trace) are the tokens'; the trace begins at `trace_start`."""

    layer: int
    head: int
    query: int
    weights: Grid
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    trace_start: int


@dataclass(frozen=True)
class AttentionAt:
    """Where every head looks from one position. `weights` `(layers, heads, query + 1)`; each
    row sums to 1."""

    query: int
    weights: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Patched:
    """Label scores of the clean, the corrupted and the patched run."""

    direction: Direction
    kind: PatchKind
    heads: tuple[Head, ...]
    clean: LabelScores
    corrupted: LabelScores
    patched: LabelScores

    @property
    def before(self) -> LabelScores:
        """The run that was patched, as it was without."""
        return self.clean if self.direction is Direction.NOISING else self.corrupted

    @property
    def moved(self) -> float | None:
        """The share of the way from the patched run's own margin to the other run's, 0 = nothing
        happened, 1 = all of it. None without margins, or where both runs have the same."""
        other = self.corrupted if self.direction is Direction.NOISING else self.clean
        start, end, now = self.before.margin, other.margin, self.patched.margin
        if start is None or end is None or now is None or start == end:
            return None
        return (now - start) / (end - start)
