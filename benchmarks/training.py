"""Tokens a second of a training step of the teacher: `python -m benchmarks.training`.

Forward and backward of the packaged model with its adapter over texts of about 270 tokens, in a
fresh process. The baseline is a pass a text with all weights in float32, as torch's autocast takes
them; then texts packed into one pass; then frozen weights kept in bfloat16 besides, where products
are in bfloat16. Several rounds, each way once a round: median, spread and ratio to the baseline.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from core.config import load_settings
from core.distill.packed import hidden_states, in_passes
from core.distill.precision import frozen_in, precision_here, products_in
from core.models.adapters import with_adapter
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel

LENGTHS = (270, 214, 333, 181, 296, 258)
ROUNDS = 7


def texts() -> list[Tensor]:
    made = torch.Generator().manual_seed(0)
    return [torch.randint(100, 40_000, (length,), generator=made) for length in LENGTHS]


def step(model: Any, some: Sequence[Tensor], most: int) -> float:
    """Seconds of one step over all texts, up to `most` tokens a pass."""
    began = time.perf_counter()
    for places in in_passes(some, most):
        with products_in(precision_here(), "cpu"):
            states = hidden_states(model, [some[at] for at in places])
            total = torch.stack([one[::20].float().pow(2).mean() for one in states]).sum()
        total.backward()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - began


def main() -> None:
    spec = replace(PACKAGED, dtype="float32")
    model = with_adapter(LocalModel.load(spec, load_settings()).model, 16, 32, 0).train()
    some = texts()
    tokens = sum(LENGTHS)
    ways = {"a pass a text": (1, False), "packed": (1024, False),
            "packed, frozen weights in bfloat16": (1024, True)}  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, (most, frozen) in ways.items():
            context = frozen_in(precision_here(), model) if frozen else nullcontext()
            with context:
                seconds = step(model, some, most)
            if number:  # the first round makes the kernels
                found[name].append(tokens / seconds)
    base = statistics.median(found["a pass a text"])
    print(f"products in {precision_here()}, {torch.get_num_threads()} threads, {ROUNDS} rounds")
    print("| way | tokens/s | least to most | times the first |\n| --- | ---: | --- | ---: |")
    for name, rates in found.items():
        median = statistics.median(rates)
        spread = f"{min(rates):.0f} to {max(rates):.0f}"
        print(f"| {name} | {median:.0f} | {spread} | {median / base:.2f} |")


if __name__ == "__main__":
    main()
