"""Products of float32 numbers with weights that are kept in float16, by FBGEMM (x86 processors).

A token that is written alone reads all weights once, so what they weigh in memory is what it
costs. FBGEMM reads them as float16 and multiplies and sums in float32: the result is float32's, at
less than the price of bfloat16's, which rounds every number that goes in or comes out.

Only weights that float16 holds are packed: those that came as bfloat16 or float16, as nearly all
published ones do. (A bfloat16 number below 2^-14 may lose its last bits; see FAITHFUL.)
"""

import platform
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import torch

FAITHFUL = 2.0**-18  # of the largest weight: the most that any weight may change by


@dataclass(frozen=True, eq=False)
class HalfWeights:
    """Weights `(out, in)` and biases `(out,)`, packed; a copy beside the ones they were made of."""

    packed: Any
    source: tuple[torch.Tensor, torch.Tensor | None]  # keeps their memory from being another's

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """`x` `(tokens, in)` float32; gives `(tokens, out)` float32."""
        found: torch.Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self.packed)
        return found


_known: WeakValueDictionary[tuple[int, ...], HalfWeights] = WeakValueDictionary()


@cache
def available() -> bool:
    """Whether this processor, and torch as it was built, can do it."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and "fbgemm" in torch.backends.quantized.supported_engines


def half_weights(weight: torch.Tensor, bias: torch.Tensor | None) -> HalfWeights | None:
    """The weights packed, once for all models that share them; None where float16 does not hold
    them. Ask `available` first."""
    key = (weight.data_ptr(), *weight.shape, 0 if bias is None else bias.data_ptr())
    known = _known.get(key)
    if known is not None:
        return known
    exact = weight.detach().float().contiguous()
    change = (exact.to(torch.float16).float() - exact).abs().max()
    if not change <= FAITHFUL * exact.abs().max():  # also where it is not a number
        return None
    own = None if bias is None else bias.detach().float()
    found = HalfWeights(torch.ops.quantized.linear_prepack_fp16(exact, own), (weight, bias))
    _known[key] = found
    return found
