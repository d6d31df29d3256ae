"""The lean network computes what transformers computes, row by row."""

from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

import core.models.lean_scores
from core.models.adapters import student_of, with_adapter
from core.models.lean import LeanCache, LeanNetwork, unknown
from core.models.lean_scores import next_token_log_probabilities, trees_of

SIZE = {
    "vocab_size": 300,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def tiny(kind: str) -> Any:
    torch.manual_seed(7)
    models: dict[str, Any] = {
        "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, tie_word_embeddings=True)),
        "llama3": lambda: LlamaForCausalLM(
            LlamaConfig(**SIZE, rope_parameters=LLAMA3, attention_bias=True, mlp_bias=True)
        ),
        "mistral": lambda: MistralForCausalLM(MistralConfig(**SIZE, sliding_window=None)),
        "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZE)),
        "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZE, head_dim=16)),
    }
    model = models[kind]().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name or "bias" in name:
                weight.add_(torch.randn_like(weight) * 0.2)
    return model


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["llama", "llama3", "mistral", "qwen2", "qwen3"])
def test_logits_are_those_of_transformers_in_rows_of_any_length(kind: str) -> None:
    model = tiny(kind)
    texts = [torch.randint(300, (length,)) for length in (31, 5, 90)]
    wanted = [model(text[None]).logits[0] for text in texts]
    network = LeanNetwork(model)
    cache = LeanCache(network, 3, 128)
    starts = torch.tensor([27, 2, 86])
    for row, (text, start) in enumerate(zip(texts, starts.tolist(), strict=True)):
        got = network.hidden(text[None, :start], torch.tensor([0]), cache, row)
        torch.testing.assert_close(network.logits(got[0]), wanted[row][:start], atol=1e-4, rtol=0)
    ids = torch.stack(
        [torch.cat((t[s : s + 4], t.new_zeros(4)))[:4] for t, s in zip(texts, starts, strict=True)]
    )
    got = network.hidden(ids, starts, cache)
    for row, start in enumerate(starts.tolist()):
        new = wanted[row][start : start + 4]
        torch.testing.assert_close(network.logits(got[row])[: len(new)], new, atol=1e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("shared", [0, 40])
@pytest.mark.parametrize("tokens", [256, 20])
def test_scores_with_a_shared_start_are_the_plain_ones(
    shared: int, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.models.lean_scores, "PASS_TOKENS", tokens)
    model = tiny("qwen3")
    start = torch.randint(300, (shared,)).tolist()
    rows = [start + torch.randint(300, (length,)).tolist() for length in (9, 1, 4, 17, 2, 4, 1)]
    rows += [[*rows[3][:-3], 7, 8], [*rows[0], 5], rows[2]]  # that begin as others do
    wanted = [model(torch.tensor([row])).logits[0, -1].log_softmax(dim=-1) for row in rows]
    found = next_token_log_probabilities(LeanNetwork(model), rows, at_once=3)
    for got, plain in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, plain, atol=1e-4, rtol=0)


def test_what_rows_have_in_common_is_computed_once() -> None:
    rows = [[1, 2, 3], [1, 2, 4, 5], [9], [1, 2], [1, 2, 3]]
    (tree,) = trees_of(rows, at_once=9)
    assert len(tree.ids) == 6, "1 2 3, 4 5 and 9"
    for number, row in enumerate(rows):
        at, back = tree.ends[number], []
        while at >= 0:
            back.append(tree.ids[at])
            at = tree.parents[at]
        assert back[::-1] == row
    assert [len(tree.ends) for tree in trees_of(rows, at_once=2)] == [2, 2, 1]


@torch.inference_mode()
def test_transformers_goes_on_as_before_with_weights_that_are_shared() -> None:
    model = tiny("qwen2")
    ids = torch.randint(300, (1, 20))
    before = model(ids).logits
    network = LeanNetwork(model)
    assert torch.equal(model(ids).logits, before)
    shared = model.model.layers[0].self_attn.q_proj.weight
    assert shared.data_ptr() == network.layers[0].qkv.weight.data_ptr()


def adapted(model: Any, seed: int) -> Any:
    """The model with an adapter that does something."""
    model = with_adapter(model, 4, 8, seed)
    made = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=made) * 0.1)
    return model


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["llama", "llama3", "qwen3"])
def test_an_adapter_counts_alone_and_in_many_tokens(kind: str) -> None:
    plain, model = tiny(kind), adapted(tiny(kind), 1)
    ids = torch.randint(300, (1, 90))
    wanted = model(ids).logits[0]
    assert not torch.allclose(wanted, plain(ids).logits[0], atol=1e-2)
    network = LeanNetwork(model)
    cache = LeanCache(network, 1, 128)
    for start, end in ((0, 70), (70, 71), (71, 90)):
        got = network.hidden(ids[:, start:end], torch.tensor([start]), cache)
        torch.testing.assert_close(network.logits(got[0]), wanted[start:end], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_base_teacher_and_student_are_in_memory_once() -> None:
    base = tiny("llama")
    ids = torch.randint(300, (1, 20))
    before = base(ids).logits
    teacher = adapted(student_of(base, range(base.config.num_hidden_layers)), 1)
    student = adapted(student_of(base, [0, 2]), 2)
    wanted = [model(ids).logits[0] for model in (base, teacher, student)]
    networks = [LeanNetwork(model) for model in (base, teacher, student)]
    for model, network, logits in zip((base, teacher, student), networks, wanted, strict=True):
        cache = LeanCache(network, 1, 128)
        got = network.logits(network.hidden(ids, torch.tensor([0]), cache)[0])
        torch.testing.assert_close(got, logits, atol=1e-4, rtol=0)
        assert torch.equal(model(ids).logits[0], logits)
    assert torch.equal(base(ids).logits, before)
    first = [network.layers[0] for network in networks]
    assert len({layer.qkv.weight.data_ptr() for layer in first}) == 1
    assert len({layer.gate_up.weight.data_ptr() for layer in first}) == 1
    assert (
        networks[2].layers[1].down.weight.data_ptr() == networks[0].layers[2].down.weight.data_ptr()
    )


def test_what_it_does_not_know_it_says() -> None:
    windowed = MistralForCausalLM(MistralConfig(**SIZE, sliding_window=8))
    assert "sliding window" in unknown(windowed)
    gpt = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2))
    assert "gpt2" in unknown(gpt)
    with pytest.raises(ValueError, match="sliding window"):
        LeanNetwork(windowed)
