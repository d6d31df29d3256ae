"""Next-token probabilities after many texts that start alike, by the lean network.

1. The longest common start of all rows goes through the network once.
2. What is left of the rows goes through one after another in a single row of the cache, a group
   of them a pass; each sees the start and itself. So the start is kept once, however many rows
   there are, and nothing is padded.
3. Only the last token of each row goes through the output layer.
"""

from collections.abc import Sequence

import torch

from core.models.lean import LeanCache, LeanNetwork
from core.models.shared_prompt import shared_length

PASS_TOKENS = 512  # a pass; in a longer one the rows' attention to one another, masked, costs more


@torch.inference_mode()
def next_token_log_probabilities(
    network: LeanNetwork, rows: Sequence[Sequence[int]], at_once: int
) -> list[torch.Tensor]:
    """One tensor `(vocabulary,)` of float32 log-probabilities for each row of token ids; at most
    `at_once` rows go through a pass."""
    shared, device = shared_length(rows), network.device
    groups = _groups([len(row) - shared for row in rows], at_once)
    widest = max(sum(len(rows[at]) - shared for at in group) for group in groups)
    cache = LeanCache(network, 1, shared + widest)
    start = torch.tensor([list(rows[0][:shared])], device=device)
    for at in range(0, shared, PASS_TOKENS):
        begun = torch.tensor([at], device=device)
        network.hidden(start[:, at : at + PASS_TOKENS], begun, cache)
    found: list[torch.Tensor] = []
    for group in groups:
        rest = [list(rows[at][shared:]) for at in group]
        lengths = [len(row) for row in rest]
        ids = torch.tensor([token for row in rest for token in row], device=device)
        hidden = network.branches(ids, lengths, shared, cache)  # (tokens, d_model)
        last = torch.tensor(lengths, device=device).cumsum(dim=0) - 1
        found.extend(network.logits(hidden[last]).log_softmax(dim=-1))
    return found


def _groups(lengths: Sequence[int], at_once: int) -> list[list[int]]:
    """Rows in groups of PASS_TOKENS tokens; a row that is longer is a group of its own."""
    groups: list[list[int]] = []
    tokens = 0
    for at, length in enumerate(lengths):
        if not groups or len(groups[-1]) >= at_once or tokens + length > PASS_TOKENS:
            groups.append([])
            tokens = 0
        groups[-1].append(at)
        tokens += length
    return groups
