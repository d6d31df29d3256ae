"""The losses of a lesson's own words: the trace, token by token, and the decision after each label.

L_cot: cross-entropy of the trace's tokens, teacher-forced, each weighted as the example says.
L_decide: cross-entropy of keep against drop after each label's colon, in the prompt.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, linear

from core.distill.examples import Example
from core.distill.precision import product_dtype, products_as_given

TOKENS_AT_ONCE = 128  # logits over the vocabulary are the largest thing in memory


def decision_logits(
    model: Any, hidden: torch.Tensor, example: Example, keep: int, drop: int
) -> torch.Tensor:
    """logit(keep) - logit(drop) after each label, `(candidates,)`; above 0: keep."""
    return differences(model, hidden[example.decisions], keep, drop)


def differences(model: Any, hidden: torch.Tensor, keep: int, drop: int) -> torch.Tensor:
    """logit(keep) - logit(drop) for last hidden states `(..., d_model)`, in float32."""
    weights = model.lm_head.weight
    with products_as_given(hidden.device.type):
        towards: torch.Tensor = (weights[keep] - weights[drop]).float()
        return hidden.float() @ towards


def decision_loss(logits: torch.Tensor, example: Example) -> torch.Tensor:
    """L_decide, `()`: the mean over the labels shown."""
    return binary_cross_entropy_with_logits(logits, example.keep.to(logits))


def trace_loss(model: Any, hidden: torch.Tensor, example: Example) -> torch.Tensor:
    """L_cot, `()`: the weighted mean over the trace's tokens."""
    targets = example.ids[example.start :].to(hidden.device)
    weights = example.weights[example.start :].to(hidden.device)
    before = hidden[example.start - 1 : -1]  # a token is predicted from the one before it
    before, head = before.to(product_dtype(before)), model.lm_head
    return _summed(before, head.weight, head.bias, targets, weights / weights.sum())


class _CrossEntropy(torch.autograd.Function):
    """Weighted sum, `()`, of -log P(target), for hidden states `(tokens, d_model)`. The gradient is
    made beside the loss, a few tokens at a time: logits of all would be the largest thing in
    memory, and the vocabulary's weights, which are frozen, are converted once."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        vocabulary: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        vocabulary = vocabulary.to(hidden.dtype)
        bias = None if bias is None else bias.to(hidden.dtype)
        slope = torch.empty_like(hidden)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(targets), TOKENS_AT_ONCE):
            part = slice(start, start + TOKENS_AT_ONCE)
            right, weight = targets[part, None], weights[part, None]
            chances = linear(hidden[part], vocabulary, bias).float()
            sums = chances.logsumexp(dim=-1, keepdim=True)
            total += ((sums - chances.gather(1, right)) * weight).sum()
            if not ctx.needs_input_grad[0]:
                continue
            chances = chances.sub_(sums).exp_().mul_(weight)
            chances.scatter_add_(1, right, -weight)
            slope[part] = chances.to(hidden.dtype) @ vocabulary
        ctx.save_for_backward(slope)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * grads[0].to(slope.dtype), None, None, None, None


_summed: Callable[..., torch.Tensor] = _CrossEntropy.apply
