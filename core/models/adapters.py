"""Low-rank adapters (Hu et al., LoRA, arXiv 2106.09685) on a local model, by peft.

A student keeps some layers of the base; they are the base's own tensors, so that base, teacher and
students are in memory once, but for their adapters.
"""

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core.atomic import new_folder
from core.errors import ModelError
from core.models.adapter_files import ABOUT, WEIGHTS, About, read_about

LAYER = re.compile(r"(?<=\.layers\.)\d+(?=\.)")  # in a tensor's name
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
        _moved(base.model.layers[n], at, model.config) for at, n in enumerate(wanted)
    )
    model.model = inner
    return model


def _moved(layer: Any, at: int, config: Any) -> Any:
    """The layer as number `at`: the same tensors in modules of its own, for the cache goes by
    number, an adapter by module, and the way to attend by the configuration."""
    moved = copy.deepcopy(layer, {id(p): p for p in (*layer.parameters(), *layer.buffers())})
    moved.self_attn.layer_idx = at
    for module in moved.modules():
        if hasattr(module, "config"):
            module.config = config
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


def save_adapter(model: Any, folder: Path, about: About) -> None:
    """Writes the adapter of a model as float16 safetensors with its description; whole or not at
    all."""
    from safetensors.torch import save_file

    state = {
        name: parameter.detach().to("cpu", torch.float16).contiguous()
        for name, parameter in model.named_parameters()
        if "lora_" in name
    }
    with new_folder(folder) as new:
        save_file(state, new / WEIGHTS)
        (new / ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")


def adapted(base: Any, folder: Path) -> Any:
    """The base's layers that an adapter keeps, with the adapter. Raises ModelError."""
    about = read_about(folder)
    model = with_adapter(student_of(base, about.layers), about.rank, about.alpha, seed=0)
    load_adapter(model, folder)
    return model.requires_grad_(requires_grad=False).eval()


def load_adapter(model: Any, folder: Path, layers: Sequence[int] | None = None) -> None:
    """Puts saved weights into the adapter that a model has, in float32 whatever the model is in.

    layers: those of the adapter's own that the model has, in order, counted from 0; None: all.
    Raises ModelError.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    about = read_about(folder)
    try:
        state = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"The weights of the adapter {about.name} cannot be read ({error}).",
            "Copy the folder anew.",
        ) from error
    if layers is not None:
        state = _of_layers(state, layers)
    places = {name: p for name, p in model.named_parameters() if "lora_" in name}
    shapes = {name: tuple(place.shape) for name, place in places.items()}
    if shapes != {name: tuple(tensor.shape) for name, tensor in state.items()}:
        raise ModelError(
            f"The adapter {about.name} does not fit {model.config.model_type} of "
            f"{model.config.num_hidden_layers} layers.",
            "Use the base model that it was trained on.",
        )
    with torch.no_grad():
        for name, place in places.items():
            place.data = state[name].to(model.device, torch.float32)


def _of_layers(state: dict[str, torch.Tensor], layers: Sequence[int]) -> dict[str, torch.Tensor]:
    """The tensors of those layers, which are counted anew from 0."""
    counted = {layer: at for at, layer in enumerate(layers)}
    found = {}
    for name, tensor in state.items():
        match = LAYER.search(name)
        if match is None:
            found[name] = tensor
        elif int(match[0]) in counted:
            found[LAYER.sub(str(counted[int(match[0])]), name)] = tensor
    return found
