"""Our attention gives torch's numbers, forward and back."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from core.distill.causal_attention import BLOCK, causal_attention

SCALE = 0.125


def inputs(tokens: int, heads: int, kv_heads: int) -> list[Tensor]:
    """q, k, v and what the gradient of the result is, as a model's layers lay them out."""
    made = torch.Generator().manual_seed(tokens)
    shapes = [(1, tokens, one, 16) for one in (heads, kv_heads, kv_heads, heads)]
    return [2 * torch.randn(shape, generator=made).transpose(1, 2) for shape in shapes]


def found(attention: str, some: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """The result and the gradients of q, k, v."""
    q, k, v = (one.detach().to(dtype).requires_grad_() for one in some[:3])
    if attention == "ours":
        out = causal_attention(q, k, v, SCALE)
    else:
        out = scaled_dot_product_attention(q, k, v, is_causal=True, scale=SCALE, enable_gqa=True)
    out.backward(some[3].to(dtype))
    return [out.detach(), *(one.grad for one in (q, k, v) if one.grad is not None)]


@pytest.mark.parametrize("tokens", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
@pytest.mark.parametrize(("heads", "kv_heads"), [(6, 2), (3, 3), (4, 1)])
def test_result_and_gradients_are_torchs(tokens: int, heads: int, kv_heads: int) -> None:
    some = inputs(tokens, heads, kv_heads)
    ours, theirs = (found(name, some, torch.float32) for name in ("ours", "torch"))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_in_bfloat16_gradients_are_off_by_no_more_than_torchs() -> None:
    some = inputs(2 * BLOCK + 40, 6, 2)
    exact = found("torch", some, torch.float32)
    off = {
        name: [
            float((one.float() - right).norm() / right.norm())
            for one, right in zip(found(name, some, torch.bfloat16), exact, strict=True)
        ]
        for name in ("ours", "torch")
    }
    for ours, theirs in zip(off["ours"], off["torch"], strict=True):
        assert ours < 1.5 * theirs < 0.03


def test_under_autocast_it_takes_the_format_of_products() -> None:
    q, k, v, _ = inputs(9, 4, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert causal_attention(q, k, v, SCALE).dtype is torch.bfloat16
    assert causal_attention(q, k, v, SCALE).dtype is torch.float32
