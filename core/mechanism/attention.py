"""Attention that can be watched and changed, through transformers' own extension point.

transformers lets a model's attention be computed by any registered function
(`AttentionInterface`, https://huggingface.co/docs/transformers/attention_interface). Ours is its
"eager" computation step by step, with a probe asked at each step:

    scores  = q k^T * scaling         after rotary and q/k-norm; keys shared by groups of heads
    weights = softmax(scores + mask)  in float32, as eager does
    mixed   = weights v               z of each head, before W_O

transformers makes no mask at all for an attention it does not know, and a prompt would then read
its own future; so the name is registered for masks as well (as eager's).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from core.errors import ModelError

NAME = "phaselens"
_PROBE = "_phaselens_probe"  # on each attention module, while a `with probed(...)` lasts
# Arguments that change nothing here: a sliding window is in the mask already.
_HARMLESS = frozenset(
    (
        "sliding_window",
        "position_ids",
        "cache_position",
        "use_cache",
        "is_causal",
        "output_attentions",
        "output_hidden_states",
        "return_dict",
        "logits_to_keep",
    )
)


class Probe(Protocol):
    """What is asked at each layer. Shapes: scores and weights `(rows, heads, queries, keys)`,
    mixed `(rows, heads, queries, head_dim)`.

    `own_position_only`: gradients reach a position's output through its own key and value, and
    through no other position's. The numbers are the same.
    """

    own_position_only: bool

    def scores(self, layer: int, scores: Tensor) -> None:
        """Sees q k^T * scaling, before the mask."""
        ...

    def weights(self, layer: int, weights: Tensor) -> Tensor:
        """Gives the weights to go on with."""
        ...

    def mixed(self, layer: int, mixed: Tensor) -> Tensor:
        """Gives the heads' outputs to go on with."""
        ...


@contextmanager
def probed(model: Any, probe: Probe | None) -> Iterator[None]:
    """Computes the model's attention by `attend`, asking `probe`, until the block ends.

    The model's own attention is back afterwards, whatever happened. Raises ModelError where the
    model does not take an attention from outside. Of nested blocks on one model the inner counts.
    """
    _register()
    before = model.config._attn_implementation
    modules = [m for m in model.modules() if hasattr(m, "o_proj")]
    outer = [module.__dict__.get(_PROBE) for module in modules]
    try:
        model.set_attn_implementation(NAME)
        if model.config._attn_implementation != NAME:
            raise ModelError(
                f"{type(model).__name__} does not let its attention be computed from outside.",
                "Choose a model that follows transformers' attention interface.",
            )
        for module in modules:
            module.__dict__[_PROBE] = probe
        yield
    finally:
        for module, probe_before in zip(modules, outer, strict=True):
            module.__dict__[_PROBE] = probe_before
        model.set_attn_implementation(before)


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, eager_mask)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **others: Any,
) -> tuple[Tensor, Tensor]:
    """`(rows, queries, heads, head_dim)` and the weights `(rows, heads, queries, keys)`.

    Raises ModelError for what changes attention in a way that is not computed here.
    """
    mask, scale = _checked(module, attention_mask, scaling, others)
    probe: Probe | None = module.__dict__.get(_PROBE)
    return attend_with(probe, module, query, key, value, mask, scale, dropout)


def attend_with(
    probe: Probe | None,
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    scale: float,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The same with a probe of one's own. `mask` is added to the scores; any shape that fits."""
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    alone = probe is not None and probe.own_position_only
    scores = (_own_scores(query, key) if alone else query @ key.transpose(2, 3)) * scale
    if probe:
        probe.scores(layer, scores)
    weights = torch.softmax(scores + mask, dim=-1, dtype=torch.float32).to(query.dtype)
    if probe:
        weights = probe.weights(layer, weights)
    dropped = nn.functional.dropout(weights, p=dropout, training=module.training)
    mixed = _own_mixed(dropped, value) if alone else dropped @ value
    if probe:
        mixed = probe.mixed(layer, mixed)
    return mixed.transpose(1, 2).contiguous(), weights


def _checked(
    module: nn.Module, mask: Tensor | None, scaling: float | None, others: dict[str, Any]
) -> tuple[Tensor, float]:
    """The mask and the scaling, both there. Raises ModelError."""
    unknown = sorted(k for k, v in others.items() if v is not None and k not in _HARMLESS)
    if unknown or scaling is None or others.get("is_causal") is False:
        why = ", ".join(unknown) or "an unusual scaling or mask"
        raise ModelError(
            f"{type(module).__name__} computes attention with {why}, which the inside view "
            "cannot do exactly.",
            "Choose a model with plain softmax attention: Llama, Mistral, Qwen2, Qwen3, SmolLM.",
        )
    if not isinstance(mask, Tensor) or mask.dim() != 4:
        raise ModelError(
            f"{type(module).__name__} gives attention no causal mask.",
            "Choose a model with causal self-attention.",
        )
    return mask, scaling


def _own_scores(query: Tensor, key: Tensor) -> Tensor:
    """q k^T in which a key passes gradients to its own position's query alone.

    The last `queries` keys are the queries' own positions: `d` is 0 in value, and carries on the
    diagonal the gradient that the detached key lost.
    """
    queries = query.shape[2]
    scores = query @ key.detach().transpose(2, 3)
    own = (query.detach() * key[:, :, -queries:]).sum(-1)  # (rows, heads, queries)
    d = torch.diag_embed(own - own.detach())  # (rows, heads, queries, queries)
    return torch.cat([scores[..., :-queries], scores[..., -queries:] + d], dim=-1)


def _own_mixed(weights: Tensor, value: Tensor) -> Tensor:
    """weights v in which a value passes gradients to its own position alone."""
    queries = weights.shape[2]
    own = weights[..., -queries:].diagonal(dim1=2, dim2=3)  # (rows, heads, queries)
    values = value[:, :, -queries:]
    return weights @ value.detach() + own.detach()[..., None] * (values - values.detach())
