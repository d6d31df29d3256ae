"""Adapted layers give peft's numbers, forward and back, and are peft's again afterwards."""

from typing import Any

import pytest
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor

from core.distill.low_rank import low_rank_products
from core.distill.packed import hidden_states
from core.models.adapters import with_adapter
from tests.models.test_lean import tiny


def adapted(kind: str = "llama") -> Any:
    model = with_adapter(tiny(kind), 4, 8, seed=0)
    made = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=made))
    return model


def texts() -> list[Tensor]:
    made = torch.Generator().manual_seed(5)
    return [torch.randint(3, 60, (length,), generator=made) for length in (9, 1, 17)]


def states_and_gradients(model: Any, *, plain: bool) -> dict[str, Tensor]:
    states = hidden_states(model, texts(), plain=plain)
    torch.stack([(one**3).sum() for one in states]).sum().backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return {**found, "states": torch.cat(states).detach()}


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])  # qwen2: layers with a bias
def test_states_and_gradients_are_pefts(kind: str) -> None:
    model = adapted(kind)
    ours, pefts = (states_and_gradients(model, plain=plain) for plain in (False, True))
    assert ours.keys() == pefts.keys()
    assert sum("lora_" in name for name in ours) == len(ours) - 1 > 0
    for name, value in pefts.items():
        assert (ours[name] - value).norm() < 1e-5 * value.norm(), name


def test_in_bfloat16_gradients_are_off_by_no_more_than_pefts() -> None:
    model = adapted()
    exact = states_and_gradients(model, plain=True)
    with torch.autocast("cpu", torch.bfloat16):
        ours, pefts = (states_and_gradients(model, plain=plain) for plain in (False, True))

    def off(found: dict[str, Tensor]) -> float:
        parts = [(found[n].float() - exact[n]).square().sum() for n in exact if "lora_" in n]
        return float(torch.stack(parts).sum().sqrt())

    assert 0 < off(ours) < 1.5 * off(pefts)


def test_layers_are_pefts_again_after_a_failure() -> None:
    model = adapted()
    with pytest.raises(IndexError):
        hidden_states(model, [torch.tensor([10**9])])
    assert not any("forward" in vars(module) for module in model.modules())


def test_an_adapter_that_is_turned_off_is_left_to_peft() -> None:
    model, ids = adapted(), texts()[0][None]
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    on = model(ids).logits
    for layer in layers:
        layer.enable_adapters(enabled=False)
    off = model(ids).logits
    assert not torch.equal(on, off)
    with low_rank_products(model):
        assert torch.equal(model(ids).logits, off)
