"""Which number format and device a model runs in. Both are part of a run's identity."""

from typing import TYPE_CHECKING

from core.errors import ModelError

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "bfloat16", "float32")


def cpu_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16, AMX or Armv8.6 BF16).

    Elsewhere torch emulates it, several times slower than float32.
    """
    import torch

    found = torch.cpu.get_capabilities()
    names = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16", "sve_bf16")
    return any(found.get(name) for name in names)


def cpu_has_int8() -> bool:
    """Whether this processor multiplies and sums 8-bit integers in one step (AVX512-VNNI), and
    torch was built to use that.

    Elsewhere oneDNN takes a reference kernel for some shapes, a thousand times slower.
    """
    import torch

    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_vnni")) and torch._C._has_mkldnn


def device_name() -> str:
    """ "cuda" where torch finds an NVIDIA or AMD card, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def dtype_of(choice: str, device: str) -> "torch.dtype":
    """The torch dtype for "auto", "bfloat16" or "float32". Raises ModelError for another word."""
    import torch

    if choice not in DTYPES:
        raise ModelError(f"The number format {choice!r} is unknown.", f"Use one of {DTYPES}.")
    if choice == "auto":
        fast = torch.cuda.is_bf16_supported() if device == "cuda" else cpu_has_bfloat16()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if choice == "bfloat16" else torch.float32
