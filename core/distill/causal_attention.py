"""Causal attention of one text on a processor, with a backward pass of matrix products.

torch's own fused attention goes forward fast there, but back much more slowly than the products
that its gradient consists of. Here the weights are computed anew from what the forward pass leaves
(the log of each row's sum), a block of queries at a time, over the keys up to it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from core.distill.precision import product_dtype

BLOCK = 176  # queries at a time, at most


def causal_attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """softmax(scale q k^T) v over a token and those before it, in the format that products have.

    q `(1, heads, tokens, dim)`; k, v `(1, kv_heads, tokens, dim)`, each for heads / kv_heads
    neighbours; gives `(1, heads, tokens, dim)`. For tensors of a processor.
    """
    dtype = product_dtype(q)
    return _attended(q.to(dtype), k.to(dtype), v.to(dtype), scale)


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        times = q.shape[1] // k.shape[1]
        out: Tensor
        out, log_sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k.repeat_interleave(times, dim=1), v.repeat_interleave(times, dim=1),
            0.0, True, scale=scale,
        )  # fmt: skip
        ctx.save_for_backward(q, k, v, out, log_sums)
        ctx.scale = scale
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, out, log_sums = ctx.saved_tensors
        (grad,) = grads
        groups, tokens, dim = k.shape[1:]
        along = (grad.float() * out.float()).sum(dim=-1)
        # What is subtracted rides along in the products, which sum in float32: in a short format
        # the scores themselves would be off by as much as they are large.
        queries = _and_one(q * ctx.scale, -log_sums).view(groups, -1, tokens, dim + 2)
        slopes = _and_one(grad, -along).view(groups, -1, tokens, dim + 2)
        keys, values = (torch.nn.functional.pad(one[0], (0, 2), value=1.0) for one in (k, v))
        to_q = torch.empty_like(queries[..., :dim])
        to_k, to_v = (torch.zeros(k.shape[1:], dtype=torch.float32) for _ in range(2))
        for start, end in _blocks(tokens):
            rows = (groups, -1, dim + 2)
            some, some_slopes = (t[:, :, start:end].reshape(rows) for t in (queries, slopes))
            weights = (some @ keys[:, :end].transpose(1, 2)).exp_()
            weights.view(groups, -1, end - start, end)[..., start:].tril_()
            to_v[:, :end] += weights.transpose(1, 2) @ some_slopes[..., :dim]
            to_scores = (some_slopes @ values[:, :end].transpose(1, 2)).mul_(weights)
            to_k[:, :end] += to_scores.transpose(1, 2) @ some[..., :dim]
            found = to_scores @ k[0, :, :end]
            to_q[:, :, start:end] = found.view(groups, -1, end - start, dim)
        return (
            to_q.reshape(q.shape).mul_(ctx.scale),
            to_k[None].to(k.dtype),
            to_v[None].to(v.dtype),
            None,
        )


_attended: Callable[..., Tensor] = _CausalAttention.apply


def _and_one(rows: Tensor, last: Tensor) -> Tensor:
    """`(heads, tokens, dim + 2)`: rows `(1, heads, tokens, dim)`, and a number for each in two
    parts, since one of a short format is too coarse for it."""
    high = last.to(rows.dtype)
    low = (last.float() - high.float()).to(rows.dtype)
    return torch.cat([rows[0], high[0, ..., None], low[0, ..., None]], dim=-1)


def _blocks(tokens: int) -> list[tuple[int, int]]:
    """(start, end) of blocks of about the same size."""
    count = -(-tokens // BLOCK)
    return list(pairwise(tokens * at // count for at in range(count + 1)))
