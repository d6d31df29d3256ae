"""Several texts through a model in one pass, one after another and without padding.

What a layer does token by token is done for all texts at once; attention is done text by text, so
that no text sees another. The numbers are those of one pass a text, but for rounding.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.mechanism.capture import Recorder, state_hooks

NAME = "phaselens-packed"
PASS_TOKENS = 1024  # longer passes are no faster, and take 1.3 MB a token where gradients are kept
_LENGTHS, _RECORDERS = (
    "_phaselens_lengths",
    "_phaselens_recorders",
)  # on attention modules, for a pass


def hidden_states(
    model: Any, texts: Sequence[Tensor], recorders: Sequence[Recorder] = ()
) -> list[Tensor]:
    """Last hidden states of a causal model for each of `texts` `(tokens,)`: `(tokens, d_model)`.

    `recorders`: one a text, or none; each keeps what its `Wanted` says but scores, in positions of
    its text.
    Raises ModelError for a text longer than the window of a model that attends within one.
    """
    lengths = [len(text) for text in texts]
    starts = [sum(lengths[:at]) for at in range(len(lengths))]
    positions = torch.cat([torch.arange(length) for length in lengths])
    with ExitStack() as stack:
        stack.enter_context(_packed(model, lengths, recorders))
        for start, recorder in zip(starts, recorders, strict=False):
            stack.enter_context(state_hooks(recorder, -start))
        states = model.model(
            input_ids=torch.cat(list(texts))[None].to(model.device),
            position_ids=positions[None].to(model.device),
            use_cache=False,
        ).last_hidden_state[0]
    return list(torch.split(states, lengths))


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


@contextmanager
def _packed(model: Any, lengths: Sequence[int], recorders: Sequence[Recorder]) -> Iterator[None]:
    """Within it, the model attends within each text alone."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attend)
    before = model.config._attn_implementation
    modules = [m for m in model.modules() if hasattr(m, "o_proj")]
    try:
        model.set_attn_implementation(NAME)
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


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
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
        mixed = nn.functional.scaled_dot_product_attention(
            q, k, v, dropout_p=dropout, is_causal=True, scale=scale, enable_gqa=True
        )
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
