"""The number format of a training: products in bfloat16 where the machine multiplies it, sums and
losses always in float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import torch

from core.models.precision import device_name, dtype_of


class Precision(StrEnum):
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def precision_here() -> Precision:
    """What this machine trains fastest in."""
    half = dtype_of("auto", device_name()) is torch.bfloat16
    return Precision.BFLOAT16 if half else Precision.FLOAT32


@contextmanager
def products_in(precision: Precision, device: str) -> Iterator[None]:
    """Within it, torch multiplies matrices in that format. `device`: cpu or cuda."""
    half = precision is Precision.BFLOAT16
    with torch.autocast(device, torch.bfloat16, enabled=half):
        yield


def product_dtype(x: torch.Tensor) -> torch.dtype:
    """The format in which torch would multiply `x` here."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


@contextmanager
def products_as_given(device: str) -> Iterator[None]:
    """Within it, matrices are multiplied in the format they have, whatever `products_in` says."""
    with torch.autocast(device, enabled=False):
        yield


@contextmanager
def frozen_in(precision: Precision, model: Any) -> Iterator[None]:
    """Within it, the weights that are not trained lie in the format in which they are multiplied,
    so that they are not converted anew for every pass: the same numbers, a seventh faster on a
    processor. The vocabulary's and the attention's output projections stay as they are, for losses
    read them in float32; a card converts fast enough."""
    if precision is not Precision.BFLOAT16 or model.device.type != "cpu":
        yield
        return
    vocabulary = (model.get_input_embeddings(), model.get_output_embeddings())
    read = {id(module.weight) for module in vocabulary if module is not None}
    weights = [
        module.weight
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and not module.weight.requires_grad
        and ".o_proj" not in name
        and id(module.weight) not in read
    ]
    before = [weight.data for weight in weights]
    try:
        for weight in weights:
            weight.data = weight.data.to(torch.bfloat16)
        yield
    finally:
        for weight, data in zip(weights, before, strict=True):
            weight.data = data
