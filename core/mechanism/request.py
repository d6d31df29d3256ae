"""What can be asked of the inside view: plain values, picklable, hashable, without torch."""

from dataclasses import dataclass, field
from enum import StrEnum

Head = tuple[int, int]  # (layer, head), both from 0


class PatchKind(StrEnum):
    """What a patched head takes from the other run."""

    PATTERN = "attention pattern"  # where it looks; it reads its own values there
    OUTPUT = "head output"  # what it hands to W_O


class Direction(StrEnum):
    """Which run is patched: the clean one (noising) or the corrupted one (denoising)."""

    NOISING = "noising"
    DENOISING = "denoising"


class CorruptionKind(StrEnum):
    """What is wrong in the corrupted run."""

    SWAPPED = "another text"
    NEAR_MISS = "near-miss names"
    NOISE = "Gaussian noise"


@dataclass(frozen=True, slots=True)
class Corruption:
    """How the corrupted run is made. `other_text` is needed for another text; `noise` counts
    standard deviations of the embedding matrix."""

    kind: CorruptionKind = CorruptionKind.NOISE
    other_text: str = ""
    noise: float = 3.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PatchRequest:
    """One condition."""

    heads: tuple[Head, ...]
    kind: PatchKind = PatchKind.OUTPUT
    direction: Direction = Direction.DENOISING
    corruption: Corruption = field(default_factory=Corruption)
