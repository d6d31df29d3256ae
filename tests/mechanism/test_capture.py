"""What is captured equals a computation written out from the raw weights."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from core.errors import InputError, ModelError
from core.mechanism.architecture import Architecture, check
from core.mechanism.attention import probed
from core.mechanism.capture import Capture, Wanted, capture
from core.models.adapters import student_of, with_adapter
from tests.mechanism.tiny import FAMILIES, some_ids, tiny

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
ALL = tuple(range(20))


def test_the_writes_of_a_student_with_an_adapter_are_those_of_both() -> None:
    model = with_adapter(student_of(tiny(), [0, 2]), 4, 8, 0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape) * 0.1)
    architecture = Architecture.of(model)
    check(architecture)
    outputs: list[Tensor] = []
    hook = architecture.attention[1].register_forward_hook(
        lambda module, args, output: outputs.append(output[0][0])
    )
    got = capture(architecture, some_ids(20), Wanted(queries=ALL))
    hook.remove()
    bias = architecture.output_bias(1)
    total = got.writes(1).sum(0) + (0 if bias is None else bias)
    torch.testing.assert_close(total, outputs[0], **CLOSE)
    got.writes(1).sum().backward()
    trained = model.model.layers[1].self_attn.o_proj.lora_A["default"].weight
    assert trained.grad is not None
    assert trained.grad.abs().sum() > 0


def rms(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotated(x: Tensor, theta: float) -> Tensor:
    """Rotary embedding of `(heads, tokens, dim)`, by the complex numbers of Su et al. 2021."""
    dim = x.shape[-1]
    angles = torch.outer(
        torch.arange(x.shape[1]).double(), theta ** -(torch.arange(0, dim, 2).double() / dim)
    )
    turned = torch.complex(x[..., : dim // 2].double(), x[..., dim // 2 :].double())
    turned = turned * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], -1).float()


def by_hand(model: Any, ids: Tensor) -> Iterator[dict[str, Tensor]]:
    """Per layer: the state before it, scores, weights, mixed values, attention output."""
    config, weights = model.config, model.state_dict()
    heads, kv = config.num_attention_heads, config.num_key_value_heads
    theta = config.rope_parameters["rope_theta"]
    window = getattr(config, "sliding_window", None) or len(ids)
    if config.model_type in ("qwen2", "qwen3"):
        window = len(ids)  # their configs leave it off
    state = weights["model.embed_tokens.weight"][ids]
    far = torch.arange(len(ids))[:, None] - torch.arange(len(ids))[None]
    hidden = (far < 0) | (far >= window)
    for layer in range(config.num_hidden_layers):
        own = {
            k.removeprefix(f"model.layers.{layer}."): v
            for k, v in weights.items()
            if k.startswith(f"model.layers.{layer}.")
        }
        x = rms(state, own["input_layernorm.weight"], config.rms_norm_eps)

        def project(name: str, count: int, own: Any = own, x: Tensor = x) -> Tensor:
            y = x @ own[f"self_attn.{name}_proj.weight"].T
            y = y + own.get(f"self_attn.{name}_proj.bias", torch.tensor(0.0))
            y = y.view(len(x), count, -1).transpose(0, 1)
            norm = own.get(f"self_attn.{name}_norm.weight")
            return y if norm is None else rms(y, norm, config.rms_norm_eps)

        q, k = rotated(project("q", heads), theta), rotated(project("k", kv), theta)
        v = project("v", kv)
        shared = [h // (heads // kv) for h in range(heads)]  # head h reads key h // group
        scores = q @ k[shared].transpose(1, 2) / math.sqrt(q.shape[-1])
        attention = torch.softmax(scores.masked_fill(hidden, -torch.inf), -1)
        mixed = attention @ v[shared]
        out = mixed.transpose(0, 1).flatten(1) @ own["self_attn.o_proj.weight"].T
        bias = own.get("self_attn.o_proj.bias", torch.zeros(out.shape[1]))
        yield {
            "state": state,
            "scores": scores,
            "attention": attention,
            "mixed": mixed,
            "output": out + bias,
            "bias": bias,
        }
        state = state + out + bias
        y = rms(state, own["post_attention_layernorm.weight"], config.rms_norm_eps)
        gate = torch.nn.functional.silu(y @ own["mlp.gate_proj.weight"].T)
        state = state + (gate * (y @ own["mlp.up_proj.weight"].T)) @ own["mlp.down_proj.weight"].T
    yield {"state": state}


def whole(model: Any, ids: Tensor, **options: Any) -> Capture:
    wanted = Wanted(queries=ALL, scores=True, states=(0, 1, 2, 3), **options)
    with torch.no_grad():
        return capture(Architecture.of(model), ids, wanted, logits_at=None)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_capture_equals_the_computation_from_raw_weights(family: str) -> None:
    model, ids = tiny(family), some_ids()
    got = whole(model, ids)
    *layers, last = list(by_hand(model, ids))
    for at, expected in enumerate(layers):
        for name in ("scores", "attention", "mixed"):
            torch.testing.assert_close(getattr(got, name)[at], expected[name], **CLOSE)
        torch.testing.assert_close(got.state(at), expected["state"], **CLOSE)
    torch.testing.assert_close(got.state(3), last["state"], **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
def test_head_writes_and_the_bias_add_up_to_the_attention_output(family: str) -> None:
    model, ids = tiny(family), some_ids()
    got = whole(model, ids)
    for at, expected in enumerate(list(by_hand(model, ids))[:-1]):
        total = got.writes(at).sum(0) + expected["bias"]
        torch.testing.assert_close(total, expected["output"], **CLOSE)
        torch.testing.assert_close(got.write(at, 2), got.writes(at)[2], **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("own", ["eager", "sdpa"])
def test_logits_equal_the_models_own(family: str, own: str) -> None:
    model, ids = tiny(family), some_ids()
    model.set_attn_implementation(own)
    got = whole(model, ids).logits
    assert model.config._attn_implementation == own
    with torch.no_grad():
        torch.testing.assert_close(got, model(ids[None]).logits[0], **CLOSE)


def test_only_what_is_wanted_is_kept() -> None:
    model, ids = tiny(), some_ids()
    few = Wanted(queries=(3, 9), layers=(1,), heads=(0, 3), keys=(2, 5, 7), mixed=False)
    with torch.no_grad():
        got = capture(Architecture.of(model), ids, few)
    full = whole(model, ids).attention
    assert got.attention is not None
    assert full is not None
    assert got.mixed is got.scores is got.states is got.logits is None
    expected = full[1][[0, 3]][:, [3, 9]][:, :, [2, 5, 7]]
    torch.testing.assert_close(got.attention[0], expected)
    assert got.bytes == 4 * 2 * 2 * 3
    with pytest.raises(InputError, match="no mixed"):
        got.writes(1)


def test_gradients_flow_through_a_capture_where_they_are_enabled() -> None:
    model, ids = tiny(), some_ids()
    got = capture(Architecture.of(model), ids, Wanted(queries=(5, 19), states=(2,)))
    assert got.attention is not None
    (got.attention.square().sum() + got.write(2, 1).sum() + got.state(2).sum()).backward()
    assert model.model.layers[0].self_attn.q_proj.weight.grad.abs().sum() > 0
    assert model.model.layers[2].self_attn.o_proj.weight.grad.abs().sum() > 0


def test_the_models_own_attention_is_back_after_an_error() -> None:
    model = tiny()
    before = model.config._attn_implementation
    with probed(model, None):
        assert model.config._attn_implementation == "phaselens"
    assert model.config._attn_implementation == before
    with pytest.raises(IndexError), probed(model, None):
        model(torch.tensor([[10**6]]))
    assert model.config._attn_implementation == before


@pytest.mark.parametrize("family", FAMILIES)
def test_known_families_pass_the_check(family: str) -> None:
    check(Architecture.of(tiny(family)))


def refused() -> list[Any]:
    from transformers import (
        Gemma2Config,
        Gemma2ForCausalLM,
        GptOssConfig,
        GptOssForCausalLM,
        GraniteConfig,
        GraniteForCausalLM,
        MambaConfig,
        MambaForCausalLM,
        T5Config,
        T5ForConditionalGeneration,
    )

    sizes = {
        "vocab_size": 97,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
    }
    t5 = T5Config(vocab_size=97, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return [
        Gemma2ForCausalLM(Gemma2Config(**sizes)),  # soft-capping, norms after attention
        GptOssForCausalLM(  # attention sinks
            GptOssConfig(**sizes, num_local_experts=2, num_experts_per_tok=1)
        ),
        GraniteForCausalLM(GraniteConfig(**sizes, residual_multiplier=0.5)),
        MambaForCausalLM(MambaConfig(vocab_size=97, hidden_size=32, num_hidden_layers=1)),
        T5ForConditionalGeneration(t5),
    ]


def test_what_cannot_be_done_exactly_is_refused() -> None:
    for model in refused():
        before = model.config._attn_implementation
        with pytest.raises(ModelError):
            check(Architecture.of(model.eval()))
        assert model.config._attn_implementation == before
