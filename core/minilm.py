"""The network of all-MiniLM-L6-v2: token windows to token vectors, in float32 or bfloat16.

A BERT of 6 layers, 12 heads of 32 and 384 numbers a token (Devlin et al. 2019; post-norm). It is
written out here, and not taken from transformers, for two reasons: texts of many lengths share
one matrix without padding (core/token_windows.py), and the same six steps a layer run on 8-bit
integers (core/minilm_int8.py). tests/encoders holds it to sentence-transformers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as nn
from safetensors.torch import load_file

from core.token_windows import TokenWindows

DIM = 384
HEADS = 12
LAYERS = 6
_EPSILON = 1e-12

Watch = Callable[[int, str, torch.Tensor], None]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Affine:
    """Weights and biases of a linear layer `(out, in)`, `(out,)`, or of a norm `(384,)` each."""

    weight: torch.Tensor
    bias: torch.Tensor

    def linear(self, x: torch.Tensor) -> torch.Tensor:
        return nn.linear(x, self.weight, self.bias)

    def norm(self, x: torch.Tensor) -> torch.Tensor:
        return nn.layer_norm(x, (DIM,), self.weight, self.bias, _EPSILON)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, in the order it is computed."""

    qkv: Affine  # (1152, 384): queries, keys and values in one product
    out: Affine  # (384, 384)
    norm_attention: Affine
    up: Affine  # (1536, 384)
    down: Affine  # (384, 1536)
    norm: Affine


class MiniLM:
    """Called with windows, gives the vectors of their tokens, `(tokens, 384)`."""

    def __init__(self, weights: Mapping[str, torch.Tensor], dtype: torch.dtype) -> None:
        """`weights`: named as in the model's file. Raises KeyError when one is missing."""
        self.weights = weights
        self.dtype = dtype

        def affine(*names: str) -> Affine:
            weight = torch.cat([weights[f"{name}.weight"] for name in names])
            bias = torch.cat([weights[f"{name}.bias"] for name in names])
            return Affine(weight.to(dtype), bias.to(dtype))

        self.words = weights["embeddings.word_embeddings.weight"].to(dtype)
        places = weights["embeddings.position_embeddings.weight"]
        self.places = (places + weights["embeddings.token_type_embeddings.weight"][0]).to(dtype)
        self.norm = affine("embeddings.LayerNorm")
        self.layers = []
        for n in range(LAYERS):
            layer = f"encoder.layer.{n}"
            heads = f"{layer}.attention"
            self.layers.append(
                Layer(
                    qkv=affine(*(f"{heads}.self.{part}" for part in ("query", "key", "value"))),
                    out=affine(f"{heads}.output.dense"),
                    norm_attention=affine(f"{heads}.output.LayerNorm"),
                    up=affine(f"{layer}.intermediate.dense"),
                    down=affine(f"{layer}.output.dense"),
                    norm=affine(f"{layer}.output.LayerNorm"),
                )
            )

    @classmethod
    def load(cls, file: Path) -> "MiniLM":
        """In float32. Raises OSError, SafetensorError, or KeyError for another model's file."""
        return cls(load_file(file), torch.float32)

    def to(self, dtype: torch.dtype) -> "MiniLM":
        return self if dtype is self.dtype else MiniLM(self.weights, dtype)

    def __call__(
        self, windows: TokenWindows, watch: Watch = lambda layer, what, x: None
    ) -> torch.Tensor:
        """`watch(layer, what, x)` sees what each linear layer is given, `(tokens, in)`."""
        x = self.embedded(windows)
        mask = as_numbers(windows.mask(), self.dtype)
        for n, layer in enumerate(self.layers):
            watch(n, "qkv", x)
            seen = attended(layer.qkv.linear(x), mask)
            watch(n, "out", seen)
            x = layer.norm_attention.norm(x + layer.out.linear(seen))
            watch(n, "up", x)
            hidden = nn.gelu(layer.up.linear(x))
            watch(n, "down", hidden)
            x = layer.norm.norm(x + layer.down.linear(hidden))
        return x

    def embedded(self, windows: TokenWindows) -> torch.Tensor:
        """Word and place of each token, `(tokens, 384)`: what the first layer is given."""
        words = nn.embedding(windows.ids, self.words)
        return self.norm.norm(words + nn.embedding(windows.positions, self.places))


def attended(qkv: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Attention of all heads, `(tokens, 384)`, from queries, keys and values `(tokens, 1152)`.

    `mask` `(windows, 1, width, width)`: what is added to the scores, see `as_numbers`.
    """
    parts = qkv.view(-1, mask.shape[-1], 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
    seen = nn.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=mask)
    return seen.transpose(1, 2).reshape(-1, DIM)


def as_numbers(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The mask as what is added to scores: 0, or so little that nothing is left of them."""
    return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, -1e9)


def on_all_cores(
    compute: Callable[[TokenWindows], Result], groups: Iterable[TokenWindows]
) -> Iterator[Result]:
    """What `compute` gives for each group, in order; it must set inference mode for itself.

    Each core takes a group, instead of all sharing one: the cores then wait for each other once
    in the end, not after every product, and results do not depend on how many there are.
    """
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield from pool.map(compute, groups)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)  # for threads to come; this one has kept its number
