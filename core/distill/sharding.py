"""Models that no card holds alone: the frozen weights of each layer are cut over all processes, and
come together while the layer computes (torch's FSDP2, set up by `accelerate launch`'s own options).

Whole on every card stay: adapters, for they are trained and small; what projects heads back to
the residual stream, which the phase losses read outside a pass; what is outside the layers.
Every process must then make the same number of passes through each model (`Crew.lockstep`).
"""

import os
from typing import Any

from torch import nn

from core.errors import ModelError


def is_sharded() -> bool:
    """Whether `accelerate launch` was asked for it."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def layers_of(model: Any, names: list[str]) -> list[nn.Module]:
    """The layers to be cut: modules of those classes; raises ModelError where there is none."""
    found = [module for module in model.modules() if type(module).__name__ in names]
    if not found:
        raise ModelError(
            f"{type(model).__name__} has no layer of the class {' or '.join(names)}.",
            "Name its layers' class as fsdp_transformer_layer_cls_to_wrap in the configuration.",
        )
    return found


def kept_whole(layer: nn.Module) -> set[nn.Parameter]:
    """Parameters of a layer that are not cut."""
    return {
        parameter
        for name, parameter in layer.named_parameters()
        if parameter.requires_grad or "lora_" in name or ".o_proj." in f".{name}"
    }


def shard(model: Any) -> Any:
    """Cuts the model's layers over all processes, in place. Raises ModelError."""
    from accelerate import FullyShardedDataParallelPlugin  # type: ignore[import-untyped]
    from torch.distributed.fsdp import fully_shard

    plugin = FullyShardedDataParallelPlugin()
    if plugin.fsdp_version != 2:
        raise ModelError("Only FSDP version 2 shards here.", "Set fsdp_version: 2.")
    for layer in layers_of(model, list(plugin.transformer_cls_names_to_wrap or ())):
        fully_shard(
            layer,
            reshard_after_forward=bool(plugin.reshard_after_forward),
            ignored_params=kept_whole(layer),
        )
    return model
