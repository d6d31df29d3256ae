"""How many gold labels came how far: the fates of one example, or of many, as a funnel."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.rerank.base import Fate

# The fates in the order in which a label can be lost, each with the step it did not pass.
STEPS: tuple[tuple[str, Fate], ...] = (
    ("in the vocabulary", Fate.NOT_IN_VOCABULARY),
    ("among the k nearest", Fate.ENCODER_MISS),
    ("retrieved", Fate.INDEX_MISS),
    ("shown", Fate.NOT_SHOWN),
    ("named", Fate.DROPPED_IN_SHORTLISTING),
    ("kept", Fate.DROPPED_IN_REASONING),
    ("selected", Fate.LOST_IN_PARSING),
)


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """`count` gold labels passed this step; `lost` of those before it did not."""

    name: str
    count: int
    lost: int


def funnel(fates: Iterable[Fate]) -> tuple[FunnelStep, ...]:
    """Gold labels left after each step, from all of them down to those selected."""
    all_fates = list(fates)
    left = len(all_fates)
    steps = [FunnelStep("gold", left, 0)]
    for name, lost_here in STEPS:
        lost = all_fates.count(lost_here)
        left -= lost
        steps.append(FunnelStep(name, left, lost))
    return tuple(steps)
