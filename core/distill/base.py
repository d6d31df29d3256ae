"""What the phase losses compare: one model's heads at the query positions of one phase.

Teacher and student read the same tokens, so queries and keys are the same positions for both.
Row h of the teacher's view is teacher head h, row h of the student's the head pi(h) that it maps to
(core/distill/head_map.py). Widths (d_model) may differ: no vector of one model meets one of the
other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from core.errors import InputError

Head = tuple[int, int]  # (layer, head within it), both from 0


@dataclass(frozen=True, slots=True)
class HeadView:
    """One model's heads in one phase.

    attention: `(heads, queries, keys)`, rows of the softmax over all keys.
    writes: `(heads, queries, d_model)`, each head's own contribution to the residual stream.
    towards: what writes are compared with: in phase 1 the anchor direction c at each head's layer,
    `(heads, 1, d_model)`; in phase 2 u = unembedding(correct) - unembedding(wrong) of each query's
    pair, `(queries, d_model)`. A zero vector says that there is none.
    """

    attention: torch.Tensor
    writes: torch.Tensor
    towards: torch.Tensor

    def detached(self) -> "HeadView":
        return HeadView(self.attention.detach(), self.writes.detach(), self.towards.detach())


@dataclass(frozen=True, slots=True)
class PhaseOneKeys:
    """Which keys are the document X and which of these its anchors A(x): bool `(keys,)`."""

    document: torch.Tensor
    anchors: torch.Tensor


@dataclass(frozen=True, slots=True)
class PhaseTwoKeys:
    """Which keys name correct shortlist labels (SL) and near misses (NM): bool `(keys,)`, or
    `(queries, keys)` where they differ by query. verdicts: bool `(queries,)`, which queries stand
    at a verdict; None: all."""

    shortlist: torch.Tensor
    near_misses: torch.Tensor
    verdicts: torch.Tensor | None = None


def select_heads(captured: torch.Tensor, heads: Sequence[Head]) -> torch.Tensor:
    """Rows of a capture `(layers, heads, ...)` for the heads named: `(len(heads), ...)`.

    Raises InputError for a head that the model does not have.
    """
    layers, width = captured.shape[:2]
    for layer, head in heads:
        if not (0 <= layer < layers and 0 <= head < width):
            raise InputError(
                f"There is no head {head} in layer {layer}: the capture has {layers} layers of "
                f"{width} heads, counted from 0.",
                "Name heads of this model.",
            )
    at = torch.tensor(list(heads), dtype=torch.long, device=captured.device).reshape(-1, 2)
    return captured[at[:, 0], at[:, 1]]


def anchor_directions(
    residual: torch.Tensor, anchors: torch.Tensor, heads: Sequence[Head]
) -> torch.Tensor:
    """c at each head's layer, `(len(heads), 1, d_model)`: the mean state of the anchor tokens where
    the stream enters that layer. Zeros where no token is an anchor.

    residual: `(layers + 1, positions, d_model)`; anchors: bool `(positions,)`.
    """
    chosen = residual[:, anchors]  # (layers + 1, anchors, d_model)
    states = chosen.to(accumulation_dtype(residual)).sum(dim=1) / max(chosen.shape[1], 1)
    layers = torch.tensor([layer for layer, _ in heads], dtype=torch.long, device=states.device)
    return states[layers, None]


def margin_directions(
    unembedding: torch.Tensor, correct: torch.Tensor, wrong: torch.Tensor
) -> torch.Tensor:
    """u of each query's pair, `(queries, d_model)`: unembedding(correct) - unembedding(wrong).

    unembedding: `(vocabulary, d_model)`; correct, wrong: token ids `(queries,)`.
    """
    dtype = accumulation_dtype(unembedding)
    return unembedding[correct].to(dtype) - unembedding[wrong].to(dtype)


def accumulation_dtype(tensor: torch.Tensor) -> torch.dtype:
    """The type that sums are taken in: float32, or float64 for float64."""
    return torch.float64 if tensor.dtype is torch.float64 else torch.float32
