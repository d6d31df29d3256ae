"""Small random models of the families that are checked, made in the test: no download."""

from typing import Any

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
    "initializer_range": 0.15,
}
FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM, {"head_dim": 8, "attention_bias": True}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, {"head_dim": 16}),
    "mistral": (MistralConfig, MistralForCausalLM, {"head_dim": 8, "sliding_window": 7}),
}


def tiny(family: str = "llama", seed: int = 0) -> Any:
    """A model of a family in float32, 3 layers of 4 heads that share 2 keys, biases not zero."""
    config, kind, more = FAMILIES[family]
    torch.manual_seed(seed)
    model = kind(config(**SIZES, **more)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.15)
            elif "norm" in name:
                parameter.uniform_(0.5, 1.5)
    return model


def some_ids(tokens: int = 20, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, 97, (tokens,), generator=torch.Generator().manual_seed(seed))
