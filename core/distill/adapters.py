"""Low-rank adapters (Hu et al., LoRA, arXiv 2106.09685) on a local model, by peft.

A student keeps every other layer of the base; its layers are the base's own tensors, so that base,
teacher and students are in memory once, but for their adapters.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch

from core.errors import ModelError

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def student_of(base: Any, layers: Sequence[int]) -> Any:
    """A model of those layers of `base`, sharing their tensors. Raises ModelError."""
    wanted = list(layers)
    depth = base.config.num_hidden_layers
    if not wanted or sorted(set(wanted)) != wanted or wanted[-1] >= depth or wanted[0] < 0:
        raise ModelError(
            f"A model of {depth} layers has no layers {wanted}.",
            "Name some of its layers, counted from 0, in their order.",
        )
    model = copy.copy(base)
    model._modules = dict(base._modules)
    model.config = copy.deepcopy(base.config)
    model.config.num_hidden_layers = len(wanted)
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [base.config.layer_types[layer] for layer in wanted]
    inner = copy.copy(base.model)
    inner._modules = dict(base.model._modules)
    inner.config = model.config
    inner.layers = torch.nn.ModuleList(
        _moved(base.model.layers[n], at) for at, n in enumerate(wanted)
    )
    model.model = inner
    return model


def _moved(layer: Any, at: int) -> Any:
    """The layer as number `at`: the same tensors in modules of its own, for the cache goes by
    number and an adapter by module."""
    moved = copy.deepcopy(layer, {id(p): p for p in (*layer.parameters(), *layer.buffers())})
    moved.self_attn.layer_idx = at
    return moved


def with_adapter(model: Any, rank: int, alpha: int, seed: int) -> Any:
    """The model with a fresh adapter on all its linear layers, which alone can be trained; at
    first it changes nothing. Gives the causal model itself; peft's modules are inside it."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=list(TARGETS), task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return model
