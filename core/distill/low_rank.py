"""Linear layers with an adapter, y = x W^T + s (x A^T) B^T, as their products alone.

peft's own layer converts its input once for the base and once for the adapter, and scales and adds
results of full size. Here layers that read the same input share its conversion, and what the
adapter adds is summed up inside a product.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from core.distill.precision import product_dtype


@contextmanager
def low_rank_products(model: Any) -> Iterator[None]:
    """Within it, the layers of a model that have one plain adapter are computed so, on a processor;
    the numbers are peft's, but for rounding."""
    from peft.tuners.lora import Linear

    layers = [m for m in model.modules() if isinstance(m, Linear) and _is_plain(m)]
    converted = _Converted()
    try:
        for layer in layers:
            layer.__dict__["forward"] = partial(_forward, layer, converted)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _is_plain(layer: Any) -> bool:
    names = layer.active_adapters
    return (
        len(names) == 1
        and names[0] in layer.lora_A
        and not (layer.merged or layer.disable_adapters or layer.lora_variant)
        and isinstance(layer.lora_dropout[names[0]], nn.Identity)
        and layer.lora_A[names[0]].weight.device.type == "cpu"
    )


class _Converted:
    """The input that was read last, in the format of the products."""

    def __init__(self) -> None:
        self._of: Tensor | None = None
        self._as: Tensor | None = None

    def __call__(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        if x.dtype is dtype:
            return x
        if self._of is not x or self._as is None or self._as.dtype is not dtype:
            self._of, self._as = x, x.to(dtype)
        return self._as


def _forward(layer: Any, converted: _Converted, x: Tensor) -> Tensor:
    name, base = layer.active_adapters[0], layer.base_layer
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    dtype = product_dtype(x)
    rows = converted(x, dtype).reshape(-1, x.shape[-1])
    y = _multiplied(rows, base.weight.to(dtype), a, b, layer.scaling[name])
    if base.bias is not None:
        y = y + base.bias.to(dtype)
    return y.view(*x.shape[:-1], y.shape[-1])


class _LowRankLinear(torch.autograd.Function):
    """x `(rows, in)`, W `(out, in)` frozen, A `(rank, in)`, B `(out, rank)`, s: `(rows, out)`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        a, b = a.to(x.dtype), (b * scale).to(x.dtype)
        low = x @ a.t()
        y = (x @ weight.t()).addmm_(low, b.t())
        ctx.save_for_backward(x, weight, a, b, low)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, Tensor, Tensor, None]:
        x, weight, a, b, low = ctx.saved_tensors
        (grad,) = grads
        to_low = grad @ b
        to_x = (grad @ weight).addmm_(to_low, a) if ctx.needs_input_grad[0] else None
        to_a = (to_low.t() @ x).float()
        to_b = (grad.t() @ low).float() * ctx.scale
        return to_x, None, to_a, to_b, None


_multiplied: Callable[..., Tensor] = _LowRankLinear.apply
