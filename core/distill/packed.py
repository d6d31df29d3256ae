"""Several texts through a model in one pass, one after another and without padding.

What a layer does token by token is done for all texts at once; attention is done text by text, so
that no text sees another. The numbers are those of one pass a text, but for rounding.
On a processor, attention and adapters are computed in ways of our own
(core/distill/causal_attention.py, core/distill/low_rank.py).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from core.distill.causal_attention import causal_attention
from core.distill.low_rank import low_rank_products
from core.errors import ModelError
from core.mechanism.capture import Recorder, state_hooks
from core.models.precision import device_name

NAME, PLAIN = "phaselens-packed", "phaselens-packed-plain"
PASS_TOKENS = 4096  # about a batch of lessons
_WIDTH_BYTES = 21  # kept for the gradient, for each token and number that a layer is wide
_LENGTHS, _RECORDERS = (
    "_phaselens_lengths",
    "_phaselens_recorders",
)  # on attention modules, for a pass


def hidden_states(
    model: Any,
    texts: Sequence[Tensor],
    recorders: Sequence[Recorder] = (),
    *,
    plain: bool = False,
) -> list[Tensor]:
    """Last hidden states of a causal model for each of `texts` `(tokens,)`: `(tokens, d_model)`.

    `recorders`: one a text, or none; each keeps what its `Wanted` says but scores, in positions of
    its text. `plain`: with torch's attention and peft's adapters, which ours are measured by.
    Raises ModelError for a text longer than the window of a model that attends within one.
    """
    lengths = [len(text) for text in texts]
    read = {"input_ids": torch.cat(list(texts))[None].to(model.device)}
    states = _pass(model, lengths, read, recorders, plain=plain).last_hidden_state[0]
    return list(torch.split(states, lengths))


def layer_inputs(model: Any, texts: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What each layer reads, `(tokens of all texts, d_model)`; at the end, last hidden states."""
    read = {"input_ids": torch.cat(list(texts))[None].to(model.device)}
    lengths = [len(text) for text in texts]
    found = _pass(model, lengths, read, output_hidden_states=True).hidden_states
    return tuple(states[0] for states in found)


def states_from(model: Any, states: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """Last hidden states, as `hidden_states` gives them, where the first layer reads `states`,
    `(tokens of all texts, d_model)`, in the place of embeddings."""
    found = _pass(model, lengths, {"inputs_embeds": states[None]}).last_hidden_state[0]
    return list(torch.split(found, list(lengths)))


def _pass(
    model: Any,
    lengths: Sequence[int],
    read: dict[str, Tensor],
    recorders: Sequence[Recorder] = (),
    *,
    plain: bool = False,
    **options: Any,
) -> Any:
    starts = [sum(lengths[:at]) for at in range(len(lengths))]
    positions = torch.cat([torch.arange(length) for length in lengths])
    with ExitStack() as stack:
        stack.enter_context(_packed(model, lengths, recorders, PLAIN if plain else NAME))
        if not plain:
            stack.enter_context(low_rank_products(model))
        for start, recorder in zip(starts, recorders, strict=False):
            stack.enter_context(state_hooks(recorder, -start))
        return model.model(
            **read, position_ids=positions[None].to(model.device), use_cache=False, **options
        )


def in_passes(texts: Sequence[Tensor], most: int = PASS_TOKENS) -> list[list[int]]:
    """Which texts go through together: neighbours, up to `most` tokens, or one that is longer."""
    passes: list[list[int]] = []
    room = 0
    for at, text in enumerate(texts):
        if not passes or len(text) > room:
            passes.append([])
            room = most
        passes[-1].append(at)
        room -= len(text)
    return passes


def pass_tokens_for(model: Any) -> int:
    """As many as a quarter of the device's memory holds with what a causal model keeps for the
    gradient, up to PASS_TOKENS."""
    if device_name() == "cuda":
        memory = int(torch.cuda.get_device_properties().total_memory)
    else:
        memory = psutil.virtual_memory().total
    config = model.config
    width: int = config.num_hidden_layers * (config.hidden_size + config.intermediate_size)
    return min(PASS_TOKENS, max(memory // 4 // (_WIDTH_BYTES * width), 1))


@contextmanager
def _packed(
    model: Any, lengths: Sequence[int], recorders: Sequence[Recorder], attention: str
) -> Iterator[None]:
    """Within it, the model attends within each text alone."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, partial(_attend, causal_attention))
    AttentionInterface.register(PLAIN, partial(_attend, _fused))
    before = model.config._attn_implementation
    modules = [m for m in model.modules() if hasattr(m, "o_proj")]
    try:
        model.set_attn_implementation(attention)
        for module in modules:
            wanted = [r if r.wants(int(module.layer_idx)) else None for r in recorders]
            module.__dict__[_LENGTHS] = list(lengths)
            module.__dict__[_RECORDERS] = wanted
        yield
    finally:
        for module in modules:
            for name in (_LENGTHS, _RECORDERS):
                module.__dict__.pop(name, None)
        model.set_attn_implementation(before)


def _fused(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """torch's own, for any device."""
    return nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=True, scale=scale, enable_gqa=True
    )


def _attend(
    attention: Callable[[Tensor, Tensor, Tensor, float], Tensor],
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """`(1, tokens, heads, head_dim)`; transformers makes no mask for an attention of this name."""
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    lengths: list[int] = module.__dict__[_LENGTHS]
    window = others.get("sliding_window")
    if window is not None and window < max(lengths):
        raise ModelError(
            f"A text of {max(lengths):,} tokens is longer than this model attends ({window:,}).",
            "Use shorter texts, or a model that attends to all of a text.",
        )
    watching: list[Recorder | None] = module.__dict__[_RECORDERS] or [None] * len(lengths)
    parts = zip(*(torch.split(t, lengths, dim=2) for t in (query, key, value)), strict=True)
    found = []
    for recorder, (q, k, v) in zip(watching, parts, strict=True):
        mixed = (attention if q.device.type == "cpu" else _fused)(q, k, v, scale)
        if recorder is not None:
            rows = _rows(q, k, recorder.wanted.queries, scale)
            at = list(recorder.wanted.queries)
            recorder.wanted_rows(int(module.layer_idx), rows, mixed[:, :, at])
        found.append(mixed.transpose(1, 2))
    return torch.cat(found, dim=1), None


def _rows(query: Tensor, key: Tensor, at: Sequence[int], scale: float) -> Tensor:
    """The attention of the queries `at` alone, `(1, heads, len(at), tokens)`, float32: the whole
    square is what costs, in memory and in time."""
    chosen = torch.tensor(at, device=query.device)
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = (query[:, :, chosen] @ key.transpose(2, 3)).float() * scale
    later = torch.arange(key.shape[2], device=query.device) > chosen[:, None]
    return torch.softmax(scores.masked_fill(later, float("-inf")), dim=-1)
