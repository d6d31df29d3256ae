"""The number format of a training: products in bfloat16 where the machine multiplies it, sums and
losses always in float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

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


@contextmanager
def products_as_given(device: str) -> Iterator[None]:
    """Within it, matrices are multiplied in the format they have, whatever `products_in` says."""
    with torch.autocast(device, enabled=False):
        yield
