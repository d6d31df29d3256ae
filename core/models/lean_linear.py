"""The linear layers of the lean network: several of transformers' joined, with their adapters.

Weights that were joined before, for another model that shares them, are joined once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as nn

from core.models.half_weights import HalfWeights, half_weights

FEW = 64  # fewer tokens than this: weights on the left


@dataclass(frozen=True, slots=True)
class LowRank:
    """An adapter's part of a linear layer: x goes through `down` `(rank, in)` and `up`
    `(out, rank)`, which holds the adapter's scale."""

    down: torch.Tensor
    up: torch.Tensor

    def to(self, dtype: torch.dtype) -> "LowRank":
        return LowRank(self.down.to(dtype), self.up.to(dtype))


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights `(out, in)`, biases `(out,)` or None, an adapter or None, and the weights packed for
    products with float32, or None."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    adapter: LowRank | None = None
    half: HalfWeights | None = None

    def in_own_format(self) -> "Linear":
        """The same with the adapter in the format of the weights, which `x` must then have."""
        return replace(self, adapter=self.adapter and self.adapter.to(self.weight.dtype))

    def in_half(self) -> "Linear | None":
        """The same for float32 numbers `x`, or None where float16 does not hold the weights."""
        half = half_weights(self.weight, self.bias)
        if half is None:
            return None
        return replace(self, adapter=self.adapter and self.adapter.to(torch.float32), half=half)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """`x` `(tokens, in)`; gives `(tokens, out)`."""
        if self.half is not None:
            found = self.half(x)
            if self.adapter is not None:
                found.addmm_(torch.mm(x, self.adapter.down.t()), self.adapter.up.t())
            return found
        if len(x) < FEW and x.device.type == "cpu" and x.dtype is torch.float32:
            columns = x.t() if len(x) > 1 else x.t().repeat(1, 2)
            if self.bias is None:
                found = torch.mm(self.weight, columns)
            else:
                found = torch.addmm(self.bias[:, None], self.weight, columns)
            if self.adapter is not None:
                found.addmm_(self.adapter.up, torch.mm(self.adapter.down, columns))
            return found.t()[: len(x)]
        found = nn.linear(x, self.weight, self.bias)
        if self.adapter is not None:
            found = found + nn.linear(nn.linear(x, self.adapter.down), self.adapter.up)
        return found


def joined(*parts: Any) -> Linear:
    """Several linear modules as one; their parameters become views of its weights."""
    plain = [getattr(part, "base_layer", part) for part in parts]  # peft's hold the layer itself
    with torch.no_grad():
        weight = _one_tensor([part.weight for part in plain])
        biased = plain[0].bias is not None
        bias = _one_tensor([part.bias for part in plain]) if biased else None
        return Linear(weight, bias, _low_rank(parts))


def _one_tensor(parts: list[torch.Tensor]) -> torch.Tensor:
    """The parts one below another; they become views of it. Where another model that shares them
    has joined them before, they are views of one tensor, and that one it is."""
    first, rows = parts[0], sum(len(part) for part in parts)
    if len(parts) == 1:
        return first.data
    at, together = first.storage_offset(), True
    for part in parts:
        same = part.untyped_storage().data_ptr() == first.untyped_storage().data_ptr()
        together = together and same and part.storage_offset() == at and part.is_contiguous()
        at += part.numel()
    if together:
        shape = (rows, *first.shape[1:])
        return torch.as_strided(first.data, shape, first.stride(), first.storage_offset())
    whole = torch.cat([part.data for part in parts])
    at = 0
    for part in parts:
        part.data = whole[at : at + len(part)]
        at += len(part)
    return whole


def _low_rank(parts: Sequence[Any]) -> LowRank | None:
    """The adapters of several linear modules as one: ranks below one another, each moving its own
    outputs alone. None where no module has one."""
    pairs = [_adapter(part) for part in parts]
    if not any(pairs):
        return None
    device, dtype = next((a.device, a.dtype) for pair in pairs if pair for a in pair[:1])
    outputs = [part.out_features for part in parts]
    ranks = [len(pair[0]) if pair else 0 for pair in pairs]
    down = torch.cat([pair[0] for pair in pairs if pair])
    up = torch.zeros((sum(outputs), sum(ranks)), device=device, dtype=dtype)
    row = column = 0
    for pair, out, rank in zip(pairs, outputs, ranks, strict=True):
        if pair:
            up[row : row + out, column : column + rank] = pair[1]
        row, column = row + out, column + rank
    return LowRank(down, up)


def _adapter(module: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """(down `(rank, in)`, up `(out, rank)` with the scale) of the adapters that peft put there."""
    names = [name for name in getattr(module, "active_adapters", ()) if name in module.lora_A]
    if not names:
        return None
    down = torch.cat([module.lora_A[name].weight.detach() for name in names])
    up = torch.cat([module.lora_B[n].weight.detach() * module.scaling[n] for n in names], dim=1)
    return down, up
