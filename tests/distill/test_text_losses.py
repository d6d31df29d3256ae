"""L_cot is torch's cross-entropy, weighted, and so is its gradient."""

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from core.distill import text_losses
from core.distill.examples import Example
from core.distill.text_losses import trace_loss
from tests.models.test_lean import tiny

START, TOKENS = 5, 40


def example() -> Example:
    made = torch.Generator().manual_seed(3)
    ids = torch.randint(3, 60, (TOKENS,), generator=made)
    weights = torch.cat([torch.zeros(START), 5 * torch.rand(TOKENS - START, generator=made)])
    return Example("d", ids, START, weights, torch.tensor([2]), torch.tensor([1.0]))


def model(bias: bool) -> Any:
    made = tiny("llama")
    if bias:
        made.lm_head.bias = torch.nn.Parameter(torch.linspace(-1, 1, made.config.vocab_size))
    return made.requires_grad_(requires_grad=False)


def by_torch(network: Any, hidden: torch.Tensor, one: Example) -> torch.Tensor:
    logits = network.lm_head(hidden[START - 1 : -1]).float()
    losses = cross_entropy(logits, one.ids[START:], reduction="none")
    return (losses * one.weights[START:]).sum() / one.weights.sum()


def test_loss_and_gradient_are_torchs(monkeypatch: Any) -> None:
    monkeypatch.setattr(text_losses, "TOKENS_AT_ONCE", 8)  # several parts, the last one shorter
    for bias in (False, True):
        network, found = model(bias), []
        for loss in (trace_loss, by_torch):
            hidden = torch.randn(TOKENS, network.config.hidden_size, generator=made())
            hidden.requires_grad_()
            value = loss(network, hidden, example())
            (3 * value).backward()
            assert hidden.grad is not None
            found.append((value.detach(), hidden.grad))
        torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_under_autocast_it_is_off_by_no_more_than_the_products_format() -> None:
    network = model(bias=False)
    hidden = torch.randn(TOKENS, network.config.hidden_size, generator=made())
    exact = by_torch(network, hidden, example())
    with torch.autocast("cpu", torch.bfloat16):
        found = trace_loss(network, hidden, example())
    assert found.dtype is torch.float32
    torch.testing.assert_close(found, exact, rtol=1e-2, atol=1e-2)


def made() -> torch.Generator:
    return torch.Generator().manual_seed(7)
