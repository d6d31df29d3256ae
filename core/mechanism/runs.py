"""Runs of one text through a model, clean and corrupted, that share what they can.

1. What stands before the first token that any run changes is computed once (`Prefix`).
2. Each run reads the rest on top of that cache. Two runs of the same rest go through the same
   products of the same shapes, so that they are equal bit for bit.
3. A `Patch` puts what chosen heads did in one run in the place of what they do in another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.attention import probed
from core.mechanism.request import Head, PatchKind

Past = tuple[tuple[Tensor, Tensor], ...]  # keys and values a layer, (rows, kv heads, tokens, dim)


@dataclass(frozen=True)
class Kept:
    """What chosen heads did in one pass, for another run to take.

    By layer: the heads, and `(rows, len(heads), queries, keys or head_dim)`.
    """

    kind: PatchKind
    by_layer: dict[int, tuple[list[int], Tensor]]

    @property
    def bytes(self) -> int:
        """Memory of what is kept."""
        return sum(t.numel() * t.element_size() for _, t in self.by_layer.values())

    def only(self, heads: Sequence[Head]) -> "Kept":
        """The same for fewer heads. Raises InputError for a head that was not kept."""
        chosen: dict[int, tuple[list[int], Tensor]] = {}
        for layer, wanted in by_layer(heads).items():
            if layer not in self.by_layer or not set(wanted) <= set(self.by_layer[layer][0]):
                raise InputError(
                    f"Heads {wanted} of layer {layer} were not kept.",
                    "Run the source again with all heads that are to be patched.",
                )
            kept, tensor = self.by_layer[layer]
            chosen[layer] = (wanted, tensor[:, [kept.index(head) for head in wanted]])
        return Kept(self.kind, chosen)


def by_layer(heads: Sequence[Head]) -> dict[int, list[int]]:
    """The heads of each layer, in rising order, without repeats."""
    found: dict[int, list[int]] = {}
    for layer, head in sorted(set(heads)):
        found.setdefault(layer, []).append(head)
    return found


class Patching:
    """A probe that keeps chosen heads (`keep`), and puts kept ones in (`take`)."""

    own_position_only = False

    def __init__(
        self, kind: PatchKind, keep: Sequence[Head] = (), take: Kept | None = None
    ) -> None:
        self.kind = kind
        self._keep = by_layer(keep)
        self._take = take.by_layer if take else {}
        self._found: dict[int, tuple[list[int], Tensor]] = {}

    def scores(self, layer: int, scores: Tensor) -> None:
        pass

    def weights(self, layer: int, weights: Tensor) -> Tensor:
        return self._go(layer, weights) if self.kind is PatchKind.PATTERN else weights

    def mixed(self, layer: int, mixed: Tensor) -> Tensor:
        return self._go(layer, mixed) if self.kind is PatchKind.OUTPUT else mixed

    def _go(self, layer: int, tensor: Tensor) -> Tensor:
        if layer in self._take:
            heads, taken = self._take[layer]
            tensor = tensor.clone()
            tensor[:, heads] = taken
        if layer in self._keep:
            heads = self._keep[layer]
            self._found[layer] = (heads, tensor[:, heads].clone())
        return tensor

    @property
    def kept(self) -> Kept:
        return Kept(self.kind, self._found)


class Lockstep:
    """A probe for a batch of two rows in which row 0's chosen heads take what row 1's do."""

    own_position_only = False

    def __init__(self, kind: PatchKind, heads: Sequence[Head]) -> None:
        self.kind = kind
        self._heads = by_layer(heads)

    def scores(self, layer: int, scores: Tensor) -> None:
        pass

    def weights(self, layer: int, weights: Tensor) -> Tensor:
        return self._go(layer, weights) if self.kind is PatchKind.PATTERN else weights

    def mixed(self, layer: int, mixed: Tensor) -> Tensor:
        return self._go(layer, mixed) if self.kind is PatchKind.OUTPUT else mixed

    def _go(self, layer: int, tensor: Tensor) -> Tensor:
        if layer not in self._heads:
            return tensor
        tensor = tensor.clone()
        tensor[0, self._heads[layer]] = tensor[1, self._heads[layer]]
        return tensor


@dataclass(frozen=True)
class Passed:
    """One forward pass: logits `(rows, positions, vocabulary)` where asked, the cache after it,
    and what chosen heads did."""

    logits: Tensor
    past: Past
    kept: Kept


def forward(
    architecture: Architecture,
    embeddings: Tensor,
    past: Past,
    probe: Any,
    logits_at: Sequence[int],
) -> tuple[Tensor, Past]:
    """Embeddings `(rows, tokens, d_model)` on top of a cache, with a probe in the attention.

    `logits_at` counts from the first of these tokens. The given cache is not changed. Sliding
    windows are in the mask, so every layer's cache holds all tokens.
    """
    from transformers import DynamicCache

    cache = DynamicCache(past) if past else DynamicCache()
    keep = torch.tensor(list(logits_at), device=architecture.device)
    with probed(architecture.model, probe):
        output = architecture.model(
            inputs_embeds=embeddings, past_key_values=cache, use_cache=True, logits_to_keep=keep
        )
    return output.logits, tuple((layer.keys, layer.values) for layer in cache.layers)


def run(
    architecture: Architecture,
    embeddings: Tensor,
    past: Past,
    kind: PatchKind,
    *,
    logits_at: Sequence[int],
    keep: Sequence[Head] = (),
    take: Kept | None = None,
) -> Passed:
    """A pass without gradients that keeps the `keep` heads and patches in those of `take`."""
    probe = Patching(kind, keep, take)
    with torch.no_grad():
        logits, after = forward(architecture, embeddings, past, probe, logits_at)
    return Passed(logits, after, probe.kept)


def prefix(architecture: Architecture, ids: Sequence[int]) -> Past:
    """Keys and values of tokens that all runs share; () for none."""
    if not ids:
        return ()
    with torch.no_grad():
        embeddings = embed(architecture, ids)
        return forward(architecture, embeddings, (), None, [len(ids) - 1])[1]


def embed(architecture: Architecture, ids: Sequence[int]) -> Tensor:
    """Embeddings of token ids, `(1, tokens, d_model)`."""
    tokens = torch.tensor([list(ids)], device=architecture.device)
    found: Tensor = architecture.model.get_input_embeddings()(tokens)
    return found


def repeated(past: Past, rows: int) -> Past:
    """The cache of one row, for many (a view, not a copy)."""
    return tuple((k.expand(rows, -1, -1, -1), v.expand(rows, -1, -1, -1)) for k, v in past)
