"""Next-token probabilities after many texts that start alike, computing the start once.

1. The longest common start of the token rows (never a whole row) goes through the model once;
   its keys and values are kept.
2. What is left of each row is padded on the right and goes through as one batch on top of
   copies of those keys and values. Attention is causal, so padding after a row's last token
   cannot change it; the mask hides it all the same.
3. The logits at each row's last real token give the probabilities.

Each row gets exactly the tokens it would have alone, so the result equals the plain
computation but for rounding. Models whose cache is more than keys and values (hybrids) go
through that plain computation, a row at a time.
"""

import copy
from collections.abc import Sequence
from typing import Any


def shared_length(rows: Sequence[Sequence[int]]) -> int:
    """Tokens that all rows have in common at the start, at least one short of every row."""
    shortest = min(len(row) for row in rows) - 1
    first = rows[0]
    for at in range(shortest):
        if any(row[at] != first[at] for row in rows):
            return at
    return max(shortest, 0)


def next_token_log_probabilities(
    model: Any, rows: Sequence[Sequence[int]], at_once: int
) -> list[Any]:
    """One tensor `(vocabulary,)` of float32 log-probabilities for each row of token ids."""
    import torch

    shared = shared_length(rows)
    found: list[Any] = []
    with torch.inference_mode():
        cache = None
        if shared:
            start = torch.tensor([list(rows[0][:shared])], device=model.device)
            begun = model(start, use_cache=True, logits_to_keep=1)
            cache = getattr(begun, "past_key_values", None)
        if shared and not copies_well(cache):
            return [_alone(model, row) for row in rows]
        for first in range(0, len(rows), at_once):
            group = [list(row[shared:]) for row in rows[first : first + at_once]]
            found.extend(_group(model, group, shared, cache))
    return found


def copies_well(cache: Any) -> bool:
    """Whether a cache holds nothing but the keys and values of attention, which can be copied
    for many rows. Hybrid models (Mamba, linear attention) keep a state beside them that
    transformers does not copy, or cannot."""
    from transformers.cache_utils import (
        DynamicCache,
        DynamicLayer,
        LinearAttentionCacheLayerMixin,
    )

    return isinstance(cache, DynamicCache) and all(
        isinstance(layer, DynamicLayer) and not isinstance(layer, LinearAttentionCacheLayerMixin)
        for layer in cache.layers
    )


def _alone(model: Any, row: Sequence[int]) -> Any:
    """The plain computation: one row, from its start."""
    import torch

    ids = torch.tensor([list(row)], device=model.device)
    return model(ids, use_cache=False).logits[0, -1].float().log_softmax(dim=-1)


def _group(model: Any, group: list[list[int]], shared: int, cache: Any) -> list[Any]:
    import torch

    longest = max(len(row) for row in group)
    device = model.device
    ids = torch.zeros((len(group), longest), dtype=torch.long, device=device)  # (rows, longest)
    mask = torch.zeros((len(group), shared + longest), dtype=torch.long, device=device)
    mask[:, :shared] = 1
    for at, row in enumerate(group):
        ids[at, : len(row)] = torch.tensor(row, device=device)
        mask[at, shared : shared + len(row)] = 1
    past = None
    if cache is not None:
        past = copy.deepcopy(cache)
        past.batch_repeat_interleave(len(group))
    positions = torch.arange(shared, shared + longest, device=device).expand(len(group), -1)
    output = model(
        ids, attention_mask=mask, position_ids=positions, past_key_values=past, use_cache=True
    )
    last = torch.tensor([len(row) - 1 for row in group], device=device)
    logits = output.logits[torch.arange(len(group), device=device), last]  # (rows, vocabulary)
    return list(logits.float().log_softmax(dim=-1))
