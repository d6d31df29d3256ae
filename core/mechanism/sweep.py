"""Effect of patching as a function of how many heads, with controls.

For each share of all heads: the top heads by a score, as many random ones (several seeded
draws), and as many of the lowest. If the score means something, the top heads do much and the
controls little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.mechanism.patching import Patcher
from core.mechanism.request import Direction, Head, PatchKind
from core.mechanism.results import Grid, Patched, random_heads, top_heads

SHARES = (0.01, 0.02, 0.05, 0.10, 0.15)


class Group(StrEnum):
    TOP = "top heads"
    RANDOM = "random heads"
    LOWEST = "lowest heads"


@dataclass(frozen=True, slots=True)
class Point:
    """One condition of a sweep; `draw` counts the random draws."""

    share: float
    group: Group
    draw: int
    change: Patched


def sweep(
    patcher: Patcher,
    grid: Grid,
    direction: Direction,
    kind: PatchKind,
    *,
    shares: Sequence[float] = SHARES,
    draws: int = 3,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Point, ...]:
    """All conditions on one example; what was done so far where `cancelled`. `grid` `(layers,
    heads)` ranks the heads. Raises InputError."""
    if grid.size != len(patcher.architecture.all_heads) or not all(0 < s <= 1 for s in shares):
        raise InputError(
            "The grid has other heads than the model, or a share is not in (0, 1].",
            "Use scores of the same model.",
        )
    conditions = list(_conditions(grid, shares, draws, seed))
    points: list[Point] = []
    for done, (share, group, draw, heads) in enumerate(conditions):
        if cancelled():
            break
        points.append(Point(share, group, draw, patcher.patch(direction, kind, heads)))
        on_progress(done + 1, len(conditions))
    return tuple(points)


def _conditions(
    grid: Grid, shares: Sequence[float], draws: int, seed: int
) -> list[tuple[float, Group, int, tuple[Head, ...]]]:
    found: list[tuple[float, Group, int, tuple[Head, ...]]] = []
    for share in shares:
        count = max(1, round(share * grid.size))
        found.append((share, Group.TOP, 0, top_heads(grid, count)))
        for draw in range(draws):
            heads = random_heads(grid.shape, count, seed + draw)
            found.append((share, Group.RANDOM, draw, heads))
        found.append((share, Group.LOWEST, 0, top_heads(grid, count, lowest=True)))
    return found


@dataclass(frozen=True)
class RandomControl:
    """Mean score of the chosen heads beside that of as many random ones, `(draws,)`.
    `share_at_least`: share of draws that reach it, (1 + reached) / (1 + draws)."""

    chosen: float
    random: npt.NDArray[np.float64]
    share_at_least: float


def random_control(
    grid: Grid, heads: Sequence[Head], *, draws: int = 1000, seed: int = 0
) -> RandomControl:
    """Whether heads chosen elsewhere (on other documents) score higher here than random ones."""
    if not heads or draws < 1:
        raise InputError("There are no heads or no draws.", "Choose at least one of each.")
    flat = grid.flatten().astype(np.float64)
    chance = np.random.default_rng(seed)
    random = np.array(
        [flat[chance.choice(flat.size, len(heads), replace=False)].mean() for _ in range(draws)]
    )
    chosen = float(np.mean([grid[head] for head in heads]))
    reached = int((random >= chosen).sum())
    return RandomControl(chosen, random, (1 + reached) / (1 + draws))
