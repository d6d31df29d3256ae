"""A lean network for Llama-family models: the same weights, far fewer steps a token.

transformers' modules cost more in Python than in arithmetic when a small model writes one token
at a time. Here a layer is some fifteen calls, over a cache that is allocated once:

1. queries, keys and values come of one product, so do gate and up of SwiGLU. transformers' own
   parameters become views of the joined ones, so the weights are in memory once.
2. Rows (documents) of different lengths stand side by side: each has its place in the cache,
   and the mask lets a token see only what came before it in its own row.
3. Where the processor can, weights are kept in float16 and all else in float32
   (core/models/half_weights.py): as exact as float32, and faster than either format. Elsewhere
   products of 1 to 63 tokens in float32 are computed with the weights on the left, (W x^T)^T: MKL
   does these faster than x W^T, and 2 tokens faster than 1.

4. What a layer adds to is kept in float32 in every format: its roundings are what makes
   bfloat16 differ most.

Adapters (LoRA, by peft) stay beside the weights, which several models can therefore share.

Known: Llama, Mistral without a sliding window, Qwen2 and Qwen3. tests/models holds the logits to
transformers'.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as nn

from core.models.half_weights import available
from core.models.lean_linear import Linear, joined

KNOWN = ("llama", "mistral", "qwen2", "qwen3")
ROPES = ("default", "linear", "llama3", "yarn")  # their angles do not change with the length


def unknown(model: Any) -> str:
    """Why the lean network cannot compute a transformers model, or "" where it can."""
    config = model.config
    if config.model_type not in KNOWN:
        return f"models of type {config.model_type} are not known to it"
    if getattr(config, "hidden_act", "silu") != "silu":
        return f"the activation {config.hidden_act} is not known to it"
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = config.model_type == "mistral" and getattr(config, "sliding_window", None)
    if window or kinds != {"full_attention"}:
        return "it knows no sliding window"
    rope = getattr(model.model.rotary_emb, "rope_type", "default")
    if rope not in ROPES:
        return f"rotary positions of type {rope} are not known to it"
    return ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, in the order it is computed. `norm_q`, `norm_k`: Qwen3's, else None."""

    norm_attention: torch.Tensor
    qkv: Linear
    norm_q: torch.Tensor | None
    norm_k: torch.Tensor | None
    out: Linear
    norm: torch.Tensor
    gate_up: Linear
    down: Linear


class LeanCache:
    """Keys and values of `rows` rows of up to `length` tokens, allocated once."""

    def __init__(self, network: "LeanNetwork", rows: int, length: int) -> None:
        self.rows, self.length = rows, length
        shape = (rows, network.kv_heads, length, network.head_dim)
        like = {"dtype": network.dtype, "device": network.device}
        # Zeros, for what is masked is still multiplied: by 0, which leaves no NaN in peace.
        self.keys = [torch.zeros(shape, **like) for _ in network.layers]
        self.values = [torch.zeros(shape, **like) for _ in network.layers]

    def copy(self, source: int, target: int, tokens: int) -> None:
        """The first `tokens` of row `source` to row `target`."""
        if source != target and tokens:
            for part in (*self.keys, *self.values):
                part[target, :, :tokens] = part[source, :, :tokens]


class LeanNetwork:
    """The weights of a loaded transformers model, and how they are multiplied."""

    def __init__(self, model: Any, *, in_half: bool = False) -> None:
        """`in_half`: weights in float16 and all else in float32, where that is as good as float32
        (`self.in_half` says so); else all in the model's own format.

        Raises ValueError for a model that it does not know: ask `unknown` first.
        """
        if why := unknown(model):
            raise ValueError(why)
        config = model.config
        self.model = model
        self.heads = config.num_attention_heads
        self.kv_heads = getattr(config, "num_key_value_heads", None) or self.heads
        self.head_dim = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon = config.rms_norm_eps
        self.words = model.get_input_embeddings().weight
        self.dtype, self.device = self.words.dtype, self.words.device
        self.norm = model.model.norm.weight.float()
        head = Linear(model.lm_head.weight, model.lm_head.bias)
        layers = [_layer(layer) for layer in model.model.layers]
        half = None
        if in_half and self.device.type == "cpu" and available():
            half = _in_half(head, layers)
        self.in_half = half is not None
        if half is not None:
            self.dtype = torch.float32
        self.head, self.layers = half or (head, [_in_own_format(layer) for layer in layers])
        self._cosines = torch.empty(0)
        self._sines = torch.empty(0)

    def hidden(
        self, ids: torch.Tensor, starts: torch.Tensor, cache: LeanCache, first: int = 0
    ) -> torch.Tensor:
        """Last hidden states `(rows, width, d_model)` of new tokens `ids` `(rows, width)`.

        Row r of `ids` is row `first + r` of the cache, and goes on after the `starts[r]` tokens
        there. A short row is padded on the right with any token: what that writes into the cache
        lies beyond the row, where nothing looks before it is written anew.
        """
        at = starts[:, None] + torch.arange(ids.shape[1], device=self.device)  # (rows, width)
        end = int(at.max()) + 1
        seen = torch.arange(end, device=self.device) <= at[:, :, None]  # (rows, width, end)
        return self._layers(ids, at, at, seen, cache, first)

    def tree(
        self, ids: torch.Tensor, parents: Sequence[int], start: int, cache: LeanCache
    ) -> torch.Tensor:
        """Last hidden states `(tokens, d_model)` of a tree of tokens `ids` `(tokens,)` that goes on
        after the first `start` tokens of row 0.

        `parents`: which token each one follows, an earlier one of the tree, or -1 for that start.
        A token sees the start, what it follows from there, and itself; the row holds the start
        alone afterwards.
        """
        tokens = len(ids)
        same = torch.zeros((tokens, tokens), dtype=torch.bool)
        for own, parent in enumerate(parents):
            if parent >= 0:
                same[own] = same[parent]
            same[own, own] = True
        same = same.to(self.device)
        at = start + same.sum(dim=1) - 1
        place = start + torch.arange(tokens, device=self.device)
        seen = torch.cat((same.new_ones(tokens, start), same), dim=1)
        found = self._layers(ids[None], at[None], place[None], seen[None], cache, 0)
        return found[0]

    def _layers(
        self,
        ids: torch.Tensor,
        at: torch.Tensor,
        places: torch.Tensor,
        seen: torch.Tensor,
        cache: LeanCache,
        first: int,
    ) -> torch.Tensor:
        """Last hidden states of tokens `ids` at positions `at` of their texts, kept in the cache
        at `places`, all `(rows, width)`; `seen` `(rows, width, end)`: which places each sees."""
        rows, width = ids.shape
        end = seen.shape[-1]
        cosines, sines = self._angles(int(at.max()) + 1)
        cosines, sines = cosines[at][:, :, None], sines[at][:, :, None]  # (rows, width, 1, dim)
        group = self.heads // self.kv_heads
        mask = seen[:, None, None].expand(rows, 1, group, width, end)
        mask = mask.reshape(rows, 1, group * width, end)
        where = (torch.arange(first, first + rows, device=self.device)[:, None], places)
        x = nn.embedding(ids.reshape(-1), self.words).float()  # (tokens, d_model)
        for n, layer in enumerate(self.layers):
            keys, values = cache.keys[n], cache.values[n]
            given = self._normed(x, layer.norm_attention)
            q, k, v = self._rotated(layer, given, (rows, width), cosines, sines)
            keys.transpose(1, 2)[where] = k
            values.transpose(1, 2)[where] = v
            grouped = q.view(rows, width, self.kv_heads, group, self.head_dim)
            grouped = grouped.permute(0, 2, 3, 1, 4).reshape(
                rows, self.kv_heads, group * width, self.head_dim
            )
            found = nn.scaled_dot_product_attention(
                grouped,
                keys[first : first + rows, :, :end],
                values[first : first + rows, :, :end],
                attn_mask=mask,
            )
            found = found.view(rows, self.kv_heads, group, width, self.head_dim)
            x = x + layer.out(found.permute(0, 3, 1, 2, 4).reshape(rows * width, -1))
            x = self.fed_forward(layer, x)
        return self._normed(x, self.norm).view(rows, width, -1)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """`(tokens, vocabulary)` float32 of hidden states `(tokens, d_model)`."""
        return self.head(hidden).float()

    def fed_forward(self, layer: Layer, x: torch.Tensor) -> torch.Tensor:
        """The second half of a layer on residual states `(tokens, d_model)`, float32."""
        gate, up = layer.gate_up(self._normed(x, layer.norm)).chunk(2, dim=-1)
        return x + layer.down(nn.silu(gate) * up)

    def _normed(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """RMSNorm of float32 residual states, in the format that is multiplied."""
        return nn.rms_norm(x, x.shape[-1:], weight, self.epsilon).to(self.dtype)

    def _rotated(
        self,
        layer: Layer,
        given: torch.Tensor,
        shape: tuple[int, int],
        cosines: torch.Tensor,
        sines: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries `(rows, width, heads, dim)`, keys and values `(rows, width, kv heads, dim)`."""
        heads = self.heads + 2 * self.kv_heads
        qkv = layer.qkv(given).reshape(*shape, heads, self.head_dim)
        turned, v = qkv[:, :, : -self.kv_heads], qkv[:, :, -self.kv_heads :]
        if layer.norm_q is not None and layer.norm_k is not None:
            q, k = turned[:, :, : self.heads], turned[:, :, self.heads :]
            size = (self.head_dim,)
            q = nn.rms_norm(q, size, layer.norm_q.to(q.dtype), self.epsilon)
            k = nn.rms_norm(k, size, layer.norm_k.to(k.dtype), self.epsilon)
            turned = torch.cat((q, k), dim=2)
        rolled = turned.roll(self.head_dim // 2, dims=-1)
        turned = torch.addcmul(turned * cosines, rolled, sines)
        return turned[:, :, : self.heads], turned[:, :, self.heads :], v

    def _angles(self, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines `(positions, head_dim)`, at least `length` of them, as transformers
        computes them; sines with the sign that a roll by half a head needs."""
        if len(self._cosines) < length:
            places = torch.arange(max(length, 2 * len(self._cosines), 1024), device=self.device)
            with torch.inference_mode():
                like = self.words.new_empty(1, dtype=self.dtype)
                cosines, sines = self.model.model.rotary_emb(like, places[None])
            half = self.head_dim // 2
            self._cosines = cosines[0]
            self._sines = torch.cat((-sines[0, :, :half], sines[0, :, half:]), dim=-1)
        return self._cosines, self._sines


def _layer(layer: Any) -> Layer:
    heads, wide = layer.self_attn, layer.mlp
    return Layer(
        norm_attention=layer.input_layernorm.weight.float(),
        qkv=joined(heads.q_proj, heads.k_proj, heads.v_proj),
        norm_q=heads.q_norm.weight if hasattr(heads, "q_norm") else None,
        norm_k=heads.k_norm.weight if hasattr(heads, "k_norm") else None,
        out=joined(heads.o_proj),
        norm=layer.post_attention_layernorm.weight.float(),
        gate_up=joined(wide.gate_proj, wide.up_proj),
        down=joined(wide.down_proj),
    )


def _in_own_format(layer: Layer) -> Layer:
    return replace(
        layer,
        qkv=layer.qkv.in_own_format(),
        out=layer.out.in_own_format(),
        gate_up=layer.gate_up.in_own_format(),
        down=layer.down.in_own_format(),
    )


def _in_half(head: Linear, layers: Sequence[Layer]) -> tuple[Linear, list[Layer]] | None:
    """Both with weights in float16; None where one of them does not fit."""
    packed, found = head.in_half(), []
    for layer in layers:
        qkv, out = layer.qkv.in_half(), layer.out.in_half()
        gate_up, down = layer.gate_up.in_half(), layer.down.in_half()
        if qkv is None or out is None or gate_up is None or down is None:
            return None
        found.append(replace(layer, qkv=qkv, out=out, gate_up=gate_up, down=down))
    return None if packed is None else (packed, found)
