"""Next-token probabilities after many texts that start alike, by the lean network.

1. The longest common start of all rows goes through the network once.
2. What is left of the rows is sorted by length, so that little is padded, and goes through in
   groups. The start is copied into as many rows of a cache as a group has, once for all groups.
3. Only the last token of each row goes through the output layer.
"""

from collections.abc import Sequence

import torch

from core.models.lean import LeanCache, LeanNetwork
from core.models.shared_prompt import shared_length

PREFILL_AT_ONCE = 512  # tokens a pass


@torch.inference_mode()
def next_token_log_probabilities(
    network: LeanNetwork, rows: Sequence[Sequence[int]], at_once: int
) -> list[torch.Tensor]:
    """One tensor `(vocabulary,)` of float32 log-probabilities for each row of token ids."""
    shared, device = shared_length(rows), network.device
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    cache = LeanCache(network, min(at_once, len(rows)), max(map(len, rows)))
    start = torch.tensor([list(rows[0][:shared])], device=device)
    for at in range(0, shared, PREFILL_AT_ONCE):
        begun = torch.tensor([at], device=device)
        network.hidden(start[:, at : at + PREFILL_AT_ONCE], begun, cache)
    for row in range(1, cache.rows):
        cache.copy(0, row, shared)
    found: dict[int, torch.Tensor] = {}
    for first in range(0, len(rows), cache.rows):
        group = order[first : first + cache.rows]
        rest = [list(rows[at][shared:]) for at in group]
        width = max(map(len, rest))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rest], device=device)
        starts = torch.full((len(rest),), shared, device=device)
        hidden = network.hidden(ids, starts, cache)  # (group, width, d_model)
        last = torch.tensor([len(row) - 1 for row in rest], device=device)
        ends = hidden[torch.arange(len(rest), device=device), last]
        scores = network.logits(ends).log_softmax(dim=-1)
        found.update(zip(group, scores, strict=True))
    return [found[at] for at in range(len(rows))]
