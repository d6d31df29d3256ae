"""Tokens a second of a training step of the teacher: `python -m benchmarks.training`.

Forward and backward of the packaged model with its adapter over a batch of texts as long as
lessons, in a fresh process. The baseline is what transformers and peft do by themselves: a pass a
text, all weights in float32, as torch's autocast takes them. Then, each with those before it:
texts packed into passes of up to 1,024 tokens; frozen weights kept in bfloat16, where products
are in bfloat16; attention and adapters by products of our own; passes of up to 4,096 tokens.
Several rounds, each way once a round: median, spread and ratio to the baseline.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from core.config import load_settings
from core.distill.packed import hidden_states, in_passes
from core.distill.precision import frozen_in, precision_here, products_in
from core.models.adapters import with_adapter
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel

LENGTHS = (511, 657, 501, 719, 784, 564, 580, 441)
ROUNDS = 7


def texts() -> list[Tensor]:
    made = torch.Generator().manual_seed(0)
    return [torch.randint(100, 40_000, (length,), generator=made) for length in LENGTHS]


@dataclass(frozen=True, slots=True)
class Way:
    """`most`: tokens a pass. `frozen`: whether weights lie in the format of products. `plain`:
    torch's attention and peft's adapters."""

    most: int
    frozen: bool
    plain: bool


WAYS = {
    "a pass a text": Way(1, frozen=False, plain=True),
    "packed": Way(1024, frozen=False, plain=True),
    "frozen weights in bfloat16": Way(1024, frozen=True, plain=True),
    "our own products": Way(1024, frozen=True, plain=False),
    "longer passes": Way(4096, frozen=True, plain=False),
}


def step(model: Any, some: Sequence[Tensor], way: Way) -> float:
    """Seconds of one step over all texts."""
    began = time.perf_counter()
    for places in in_passes(some, way.most):
        with products_in(precision_here(), "cpu"):
            states = hidden_states(model, [some[at] for at in places], plain=way.plain)
            total = torch.stack([one[::20].float().pow(2).mean() for one in states]).sum()
        total.backward()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - began


def main() -> None:
    spec = replace(PACKAGED, dtype="float32")
    model = with_adapter(LocalModel.load(spec, load_settings()).model, 16, 32, 0).train()
    some = texts()
    tokens = sum(LENGTHS)
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(ROUNDS + 1):
        for name, way in WAYS.items():
            context = frozen_in(precision_here(), model) if way.frozen else nullcontext()
            with context:
                seconds = step(model, some, way)
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
