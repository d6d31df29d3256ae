"""Corrupted versions of a text, token for token as long as the clean one.

swapped     the document's tokens are another document's, cut or repeated to the same length
near miss   names of right labels are their near misses', cut or repeated to the same length
noise       Gaussian noise on the embeddings of the document's tokens (Meng et al. 2022, ROME)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import torch
from torch import Tensor

from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.request import CorruptionKind
from core.mechanism.runs import embed


@dataclass(frozen=True, slots=True)
class Corrupted:
    """Token ids as long as the clean ones, and the positions that differ (rising).

    `noise`: standard deviations of the embedding matrix; 0 where only ids differ.
    """

    kind: CorruptionKind
    ids: tuple[int, ...]
    changed: tuple[int, ...]
    noise: float = 0.0
    seed: int = 0

    def embeddings(self, architecture: Architecture) -> Tensor:
        """`(1, tokens, d_model)`; the noise depends on the seed alone."""
        found = embed(architecture, self.ids)
        if not self.noise:
            return found
        chance = torch.Generator().manual_seed(self.seed)
        drawn = torch.randn((len(self.changed), found.shape[-1]), generator=chance)
        scale = self.noise * architecture.embedding.detach().float().std()
        found = found.detach().clone()
        found[0, list(self.changed)] += (drawn.to(found.device) * scale).to(found.dtype)
        return found


def swapped(ids: Sequence[int], document: Sequence[int], other: Sequence[int]) -> Corrupted:
    """The tokens at `document` positions replaced by the ids `other`. Raises InputError."""
    if not other:
        raise InputError("The other text has no tokens.", "Choose another document.")
    new = dict(zip(document, islice(cycle(other), len(document)), strict=True))
    return _replaced(CorruptionKind.SWAPPED, ids, new)


def near_miss(ids: Sequence[int], names: Mapping[tuple[int, ...], Sequence[int]]) -> Corrupted:
    """Names replaced: `names` gives for the positions of each mention the near miss's ids.
    Raises InputError where that changes nothing."""
    new: dict[int, int] = {}
    for positions, other in names.items():
        if other:
            new.update(zip(positions, islice(cycle(other), len(positions)), strict=True))
    return _replaced(CorruptionKind.NEAR_MISS, ids, new)


def noisy(
    ids: Sequence[int], document: Sequence[int], *, scale: float = 3.0, seed: int = 0
) -> Corrupted:
    """Noise of `scale` standard deviations of the embedding matrix. Raises InputError."""
    if not document or scale <= 0:
        raise InputError(
            "Noise needs a document and a scale above 0.", "3 standard deviations is usual."
        )
    where = tuple(sorted(document))
    return Corrupted(CorruptionKind.NOISE, tuple(ids), where, float(scale), seed)


def _replaced(kind: CorruptionKind, ids: Sequence[int], new: Mapping[int, int]) -> Corrupted:
    changed = tuple(sorted(at for at, token in new.items() if ids[at] != token))
    if not changed:
        raise InputError(
            f"The corruption ({kind.value}) changes no token.", "Choose another corruption."
        )
    return Corrupted(kind, tuple(new.get(at, token) for at, token in enumerate(ids)), changed)
