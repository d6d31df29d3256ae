"""The network of all-MiniLM-L6-v2 on 8-bit integers, for processors that multiply these quickly.

1. Weights become integers of -127..127, with one scale for each output.
2. What a linear layer is given becomes 0..255 with fixed scales, found once by running the float
   network over random words of its own vocabulary. So a text's vector depends on nothing but the
   text, and one index can hold any labels.
3. Channels are brought to like size first, and the weights multiplied to match: SmoothQuant
   (Xiao et al. 2023, equation 4) with 0.75 of the difficulty moved to the weights.
4. In the hidden layer a few channels are many times as large as all others (24 against 4), and
   would cost the others their resolution. These eight are computed in float32, and so never
   rounded (as LLM.int8() does: Dettmers et al. 2022).
5. Attention, norms and sums stay float32.

Products of integers are by oneDNN, through the operators that torch's own x86 quantisation uses.
"""

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as nn

from core.minilm import Affine, Layer, MiniLM, as_numbers, attended, on_all_cores
from core.token_windows import TokenWindows, packed

LEAST_COSINE = 0.99  # to the float32 network, on average; less, and integers are not used
_SMOOTHING = 0.75
_WIDE = 8  # hidden channels a layer that stay float32
_SIGNED_ZERO = 128  # the integer that stands for 0 where numbers may be negative
_LEAST_GELU = -0.17  # GELU is never below -0.16997
_TEXTS, _WORDS, _REPEATS = 160, (1, 48), (2, 64)
_CHECKED_TEXTS = 32
_FIRST_WORD = 999  # of the vocabulary; before it are [UNK], [CLS] and unused places
_START, _END = 101, 102

Maxima = dict[tuple[int, str], torch.Tensor]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntAffine:
    """A linear layer on integers: inputs times `fit` plus a zero, rounded, are what it is given."""

    weight: Any  # packed by oneDNN
    scales: torch.Tensor  # (out,)
    zeros: torch.Tensor  # (out,), all 0
    bias: torch.Tensor  # (out,)
    fit: torch.Tensor  # (in,): 1 / scale of each input

    def integers(self, x: torch.Tensor) -> torch.Tensor:
        """`x` `(tokens, in)` as 0..255, where 128 is 0. What is out of range is cut off."""
        shifted = torch.addcmul(torch.tensor(_SIGNED_ZERO + 0.5), x, self.fit)
        return shifted.clamp_(0, 255).to(torch.uint8)  # which rounds down: hence the 0.5


@dataclass(frozen=True, slots=True)
class IntLayer:
    """One layer; `wide_up` and `wide_down` are the hidden channels left in float32."""

    qkv: IntAffine
    out: IntAffine
    norm_attention: Affine
    up: IntAffine
    down: IntAffine
    hidden_scale: float
    hidden_zero: int
    wide_up: Affine  # (8, 384)
    wide_down: torch.Tensor  # (8, 384)
    norm: Affine


class IntMiniLM:
    """As MiniLM: called with windows, gives the vectors of their tokens, `(tokens, 384)`."""

    def __init__(self, model: MiniLM, maxima: Maxima) -> None:
        """`model` in float32; `maxima` as `maxima_of` gives them."""
        self._embedded = model.embedded
        self._layers = [_int_layer(n, layer, maxima) for n, layer in enumerate(model.layers)]

    def __call__(self, windows: TokenWindows) -> torch.Tensor:
        x = self._embedded(windows)
        mask = as_numbers(windows.mask(), torch.float32)
        for layer in self._layers:
            qkv = _product(layer.qkv, layer.qkv.integers(x))
            _add_product(x, layer.out, layer.out.integers(attended(qkv, mask)))
            x = layer.norm_attention.norm(x)
            scale, zero = layer.hidden_scale, layer.hidden_zero
            hidden = _gelu_product(layer.up, layer.up.integers(x), scale, zero)
            wide = nn.gelu(layer.wide_up.linear(x))  # (tokens, 8)
            x = torch.addmm(x, wide, layer.wide_down)
            _add_product(x, layer.down, hidden, scale, zero)
            x = layer.norm.norm(x)
        return x


def int_model(model: MiniLM) -> IntMiniLM | None:
    """The integer form of a float32 model (takes about a second), or None, and a line in the log,
    when its vectors are not those of the model: `LEAST_COSINE`."""
    some = packed(vocabulary_texts(len(model.words)))
    ours = IntMiniLM(model, largest(on_all_cores(partial(maxima_of, model), some)))

    def cosines(windows: TokenWindows) -> torch.Tensor:
        with torch.inference_mode():
            return nn.cosine_similarity(windows.means(model(windows)), windows.means(ours(windows)))

    check = packed(vocabulary_texts(len(model.words), seed=1)[:_CHECKED_TEXTS])
    cosine = float(torch.cat(list(on_all_cores(cosines, check))).mean())
    if cosine >= LEAST_COSINE:
        return ours
    log.warning("8-bit integers are not used: vectors have cosine %.4f to float32.", cosine)
    return None


def vocabulary_texts(words: int, seed: int = 0) -> list[list[int]]:
    """Token ids of random texts, the same on every machine, from a vocabulary of `words`; some
    are one word again and again, which drives numbers high."""
    rng = random.Random(seed)
    drawn = range(_FIRST_WORD, words)
    many = [rng.choices(drawn, k=rng.randint(*_WORDS)) for _ in range(_TEXTS)]
    repeats = [[rng.choice(drawn)] * rng.randint(*_REPEATS) for _ in range(_TEXTS // 8)]
    return [[_START, *ids, _END] for ids in many + repeats]


def maxima_of(model: MiniLM, windows: TokenWindows) -> Maxima:
    """The largest number each channel of each linear layer is given: absolute, but for the hidden
    layer, where only positive ones are large."""
    maxima: Maxima = {}
    real = windows.owners < len(windows.rows)

    def watch(layer: int, what: str, x: torch.Tensor) -> None:
        maxima[layer, what] = (x if what == "down" else x.abs())[real].amax(0)

    with torch.inference_mode():
        model(windows, watch)
    return maxima


def largest(some: Iterable[Maxima]) -> Maxima:
    """The largest of each channel over all groups."""
    maxima: Maxima = {}
    for group in some:
        for place, found in group.items():
            maxima[place] = torch.maximum(maxima.get(place, found), found)
    return maxima


def _int_layer(n: int, layer: Layer, maxima: Maxima) -> IntLayer:
    hidden = maxima[n, "down"]
    wide = hidden.topk(_WIDE).indices
    rest = layer.down.weight.clone()
    rest[:, wide] = 0
    most = float(hidden.topk(_WIDE + 1).values[-1])
    scale = (most - _LEAST_GELU) / 255
    return IntLayer(
        qkv=_smoothed(layer.qkv, maxima[n, "qkv"]),
        out=_smoothed(layer.out, maxima[n, "out"]),
        norm_attention=layer.norm_attention,
        up=_smoothed(layer.up, maxima[n, "up"]),
        down=_int_affine(Affine(rest, layer.down.bias), torch.ones(rest.shape[1])),
        hidden_scale=scale,
        hidden_zero=round(-_LEAST_GELU / scale),
        wide_up=Affine(layer.up.weight[wide], layer.up.bias[wide]),
        wide_down=layer.down.weight[:, wide].T.contiguous(),
        norm=layer.norm,
    )


def _smoothed(layer: Affine, maxima: torch.Tensor) -> IntAffine:
    """With a scale for each input, from the largest it had, `(in,)`."""
    maxima = maxima.clamp_min(1e-6)
    weights = layer.weight.abs().amax(0).clamp_min(1e-6)  # (in,)
    smooth = maxima**_SMOOTHING / weights ** (1 - _SMOOTHING)
    return _int_affine(layer, smooth * ((maxima / smooth).max() / 127))


def _int_affine(layer: Affine, scale: torch.Tensor) -> IntAffine:
    weight = layer.weight * scale
    scales = weight.abs().amax(1) / 127
    integers = (weight / scales[:, None]).round().to(torch.int8)
    return IntAffine(
        weight=torch.ops.onednn.qlinear_prepack(integers, None),
        scales=scales,
        zeros=torch.zeros(len(scales), dtype=torch.int64),
        bias=layer.bias,
        fit=1 / scale,
    )


def _product(layer: IntAffine, integers: torch.Tensor) -> torch.Tensor:
    """`(tokens, out)` float32."""
    given = (integers, 1.0, _SIGNED_ZERO, layer.weight, layer.scales, layer.zeros, layer.bias)
    wanted = (1.0, 0, torch.float32)
    y: torch.Tensor = torch.ops.onednn.qlinear_pointwise.default(*given, *wanted, "none", [], "")
    return y


def _gelu_product(layer: IntAffine, integers: torch.Tensor, scale: float, zero: int) -> Any:
    """GELU of the product, `(tokens, out)`, as integers of this scale and zero."""
    given = (integers, 1.0, _SIGNED_ZERO, layer.weight, layer.scales, layer.zeros, layer.bias)
    wanted = (scale, zero, torch.uint8)
    return torch.ops.onednn.qlinear_pointwise.default(*given, *wanted, "gelu", [], "none")


def _add_product(
    x: torch.Tensor,
    layer: IntAffine,
    integers: torch.Tensor,
    scale: float = 1.0,
    zero: int = _SIGNED_ZERO,
) -> None:
    """Adds the product to `x` `(tokens, out)`, in place."""
    given = (integers, scale, zero, layer.weight, layer.scales, layer.zeros, x, layer.bias)
    wanted = (1.0, 0, torch.float32)
    add: tuple[Any, ...] = (1.0, 0, "sum", 1.0, "none", [], "")
    torch.ops.onednn.qlinear_pointwise.binary(*given, *wanted, *add)
