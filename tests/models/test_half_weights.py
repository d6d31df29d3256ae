"""Weights in float16 and all else in float32: as exact as float32, where float16 holds them."""

from typing import Any

import pytest
import torch

from core.models.adapters import student_of
from core.models.half_weights import available, half_weights
from core.models.lean import LeanCache, LeanNetwork
from core.models.opening import in_format
from tests.models.test_lean import adapted, tiny

pytestmark = pytest.mark.skipif(not available(), reason="FBGEMM is for x86 processors")


def rounded(kind: str, dtype: torch.dtype = torch.float32) -> Any:
    """A tiny model whose weights came as bfloat16."""
    model = tiny(kind)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.bfloat16().float())
    in_format(model, "cpu", dtype)
    return model


def logits(network: LeanNetwork, ids: torch.Tensor) -> torch.Tensor:
    """Of all tokens: most of them at once, then one, then the rest."""
    cache, found = LeanCache(network, 1, 128), []
    for start, end in ((0, 70), (70, 71), (71, 90)):
        hidden = network.hidden(ids[:, start:end], torch.tensor([start]), cache)
        found.append(network.logits(hidden[0]))
    return torch.cat(found)


@torch.inference_mode()
@pytest.mark.parametrize("loaded", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["llama", "llama3", "mistral", "qwen2", "qwen3"])
def test_logits_are_those_of_float32_however_the_model_was_loaded(
    kind: str, loaded: torch.dtype
) -> None:
    ids = torch.randint(300, (1, 90))
    wanted = rounded(kind)(ids).logits[0]
    network = LeanNetwork(rounded(kind, loaded), in_half=True)
    assert network.in_half
    assert network.dtype == torch.float32
    torch.testing.assert_close(logits(network, ids), wanted, atol=1e-4, rtol=0)
    if loaded is torch.bfloat16:
        plain = LeanNetwork(rounded(kind, loaded))
        off = (logits(plain, ids) - wanted).abs().max()
        assert off > 1e-3, "in bfloat16 the same model differs"


@torch.inference_mode()
def test_weights_that_float16_does_not_hold_stay_as_they_are() -> None:
    model = tiny("llama")  # float32 to the last bit
    network = LeanNetwork(model, in_half=True)
    assert not network.in_half
    ids = torch.randint(300, (1, 90))
    torch.testing.assert_close(logits(network, ids), model(ids).logits[0], atol=1e-4, rtol=0)
    assert half_weights(torch.tensor([[1e6, 1.0]]), None) is None
    assert half_weights(torch.tensor([[float("nan"), 1.0]]), None) is None


@torch.inference_mode()
def test_base_teacher_and_student_pack_their_weights_once() -> None:
    base = rounded("llama")
    ids = torch.randint(300, (1, 90))
    teacher = adapted(student_of(base, range(base.config.num_hidden_layers)), 1)
    student = adapted(student_of(base, [0, 2]), 2)
    networks = [LeanNetwork(model, in_half=True) for model in (base, teacher, student)]
    for model, network in zip((base, teacher, student), networks, strict=True):
        assert network.in_half
        torch.testing.assert_close(logits(network, ids), model(ids).logits[0], atol=1e-4, rtol=0)
    assert len({id(network.layers[0].qkv.half) for network in networks}) == 1
    assert networks[2].layers[1].down.half is networks[0].layers[2].down.half


@torch.inference_mode()
def test_memory_that_was_freed_and_given_to_other_weights_is_packed_anew() -> None:
    for value in range(40):
        weight = torch.full((64, 64), float(value))
        packed = half_weights(weight, None)
        assert packed is not None
        assert float(packed(torch.ones(1, 64))[0, 0]) == 64.0 * value
