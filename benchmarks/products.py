"""What the products of a small language model cost in each number format, by the number of tokens
that go through at once.

    python -m benchmarks.products [--runs 9] [--json]

The linear layers of the packaged model's shape, random weights, one pass through all of them:

    float32      weights and numbers in float32, torch's linear
    float32 left the same with the weights on the left, (W x^T)^T
    bfloat16     weights and numbers in bfloat16
    float16      weights in float16, numbers in float32 (core/models/half_weights.py), or nothing
                 where the processor cannot

Formats take turns; figures are medians of the runs.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from core.config import load_settings
from core.models.half_weights import available, half_weights

SHAPES = ((960, 576), (576, 576), (3072, 576), (576, 1536))  # qkv, out, gate and up, down
LAYERS = 30
TOKENS = (1, 2, 4, 8, 16, 32, 64, 128, 512)

Product = Callable[[torch.Tensor], torch.Tensor]


def formats() -> dict[str, list[tuple[int, Product]]]:
    """For each format, (inputs, product) of every linear layer."""
    drawn = torch.Generator().manual_seed(0)
    weights = [
        (torch.randn(shape, generator=drawn) * 0.02).bfloat16()
        for _ in range(LAYERS)
        for shape in SHAPES
    ]
    found: dict[str, list[tuple[int, Product]]] = {"float32": [], "float32 left": []}
    found |= {"bfloat16": []} | ({"float16": []} if available() else {})
    for half in weights:
        exact, inputs = half.float(), half.shape[1]
        found["float32"].append((inputs, partial(_linear, exact)))
        found["float32 left"].append((inputs, partial(_left, exact)))
        found["bfloat16"].append((inputs, partial(_bfloat16, half)))
        if "float16" in found and (packed := half_weights(exact, None)) is not None:
            found["float16"].append((inputs, packed))
    return found


def _linear(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(x, weight)


def _left(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.mm(weight, x.t()).t()


def _bfloat16(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(x.bfloat16(), weight)


@torch.inference_mode()
def measure(runs: int) -> list[dict[str, float]]:
    """Milliseconds of one pass, a row for each number of tokens."""
    made = formats()
    rows = []
    for tokens in TOKENS:
        given = {inputs: torch.randn(tokens, inputs) for _, inputs in SHAPES}
        taken: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(runs + 1):
            for name, products in made.items():
                started = time.perf_counter()
                for inputs, product in products:
                    product(given[inputs])
                taken[name].append((time.perf_counter() - started) * 1000)
        medians = {name: statistics.median(some[1:]) for name, some in taken.items()}
        rows.append({"tokens": float(tokens), **medians})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(load_settings().torch_threads())
    rows = measure(chosen.runs)
    if chosen.json:
        print(json.dumps({"threads": torch.get_num_threads(), "rows": rows}))
        return
    names = [name for name in rows[0] if name != "tokens"]
    print(f"| tokens | {' | '.join(names)} |\n| ---: |{' ---: |' * len(names)}")
    for row in rows:
        print(f"| {row['tokens']:.0f} | {' | '.join(f'{row[name]:.1f}' for name in names)} |")


if __name__ == "__main__":
    main()
