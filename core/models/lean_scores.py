"""Next-token probabilities after many texts that start alike, by the lean network.

1. The longest common start of all rows goes through the network once.
2. What is left of the rows is a tree: rows that begin alike (names of near labels do) share those
   tokens too. A group of rows goes through a pass in a single row of the cache; each token sees
   the start and what it follows. So nothing is computed twice, kept twice or padded.
3. Only the last token of each row goes through the output layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from core.models.lean import LeanCache, LeanNetwork
from core.models.shared_prompt import shared_length

PASS_TOKENS = 256  # a pass; in a longer one the rows' attention to one another, masked, costs more


@dataclass
class Tree:
    """Rows of tokens that share their beginnings: `ids`, and which token each one follows (-1: the
    start). `ends`: the last token of each row, by the row's number."""

    ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def lacks(self, row: Sequence[int]) -> int:
        """How many tokens of a row are not in the tree."""
        at = -1
        for known, token in enumerate(row):
            if (at, token) not in self._children:
                return len(row) - known
            at = self._children[at, token]
        return 0

    def add(self, number: int, row: Sequence[int]) -> None:
        at = -1
        for token in row:
            if (at, token) not in self._children:
                self._children[at, token] = len(self.ids)
                self.ids.append(token)
                self.parents.append(at)
            at = self._children[at, token]
        self.ends[number] = at


@torch.inference_mode()
def next_token_log_probabilities(
    network: LeanNetwork, rows: Sequence[Sequence[int]], at_once: int
) -> list[torch.Tensor]:
    """One tensor `(vocabulary,)` of float32 log-probabilities for each row of token ids; at most
    `at_once` rows go through a pass."""
    shared, device = shared_length(rows), network.device
    trees = trees_of([list(row[shared:]) for row in rows], at_once)
    cache = LeanCache(network, 1, shared + max(len(tree.ids) for tree in trees))
    start = torch.tensor([list(rows[0][:shared])], device=device)
    for at in range(0, shared, PASS_TOKENS):
        begun = torch.tensor([at], device=device)
        network.hidden(start[:, at : at + PASS_TOKENS], begun, cache)
    found: dict[int, torch.Tensor] = {}
    for tree in trees:
        ids = torch.tensor(tree.ids, device=device)
        hidden = network.tree(ids, tree.parents, shared, cache)  # (tokens, d_model)
        last = torch.tensor(list(tree.ends.values()), device=device)
        probabilities = network.logits(hidden[last]).log_softmax(dim=-1)
        found |= dict(zip(tree.ends, probabilities, strict=True))
    return [found[number] for number in range(len(rows))]


def trees_of(rows: Sequence[list[int]], at_once: int) -> list[Tree]:
    """Trees of PASS_TOKENS tokens, of rows that begin alike as far as can be; a row that is longer
    is a tree of its own."""
    trees: list[Tree] = []
    for number in sorted(range(len(rows)), key=lambda number: rows[number]):
        row = rows[number]
        full = not trees or len(trees[-1].ends) >= at_once
        if full or len(trees[-1].ids) + trees[-1].lacks(row) > PASS_TOKENS:
            trees.append(Tree())
        trees[-1].add(number, row)
    return trees
