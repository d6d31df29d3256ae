"""The losses of a lesson's own words: the trace, token by token, and the decision after each label.

L_cot: cross-entropy of the trace's tokens, teacher-forced, each weighted as the example says.
L_decide: cross-entropy of keep against drop after each label's colon, in the prompt.
"""

from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from core.distill.examples import Example
from core.distill.precision import products_as_given

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
    targets = example.ids[example.start :]
    weights = example.weights[example.start :].to(hidden.device)
    before = hidden[example.start - 1 : -1]  # a token is predicted from the one before it
    total = hidden.new_zeros((), dtype=torch.float32)
    for start in range(0, len(targets), TOKENS_AT_ONCE):
        part = slice(start, start + TOKENS_AT_ONCE)
        logits = model.lm_head(before[part]).float()
        losses = cross_entropy(logits, targets[part].to(logits.device), reduction="none")
        total = total + (losses * weights[part]).sum()
    return total / weights.sum()
