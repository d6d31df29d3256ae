"""Processes that train one adapter together, as `accelerate launch` starts them, or one alone.

Each has the whole model (or its part of it: core/distill/sharding.py) and takes its share of every
batch; gradients are summed over all of them, so every process makes the same step. What is kept
(checkpoints, curves, adapters, runs) the first one writes, and the others read.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

import torch

from core.distill.packed import pass_tokens_for
from core.distill.sharding import is_sharded, shard

Item = TypeVar("Item")

SHARDED_PASS_TOKENS = 512

PATIENCE = timedelta(days=1)  # a process may wait this long for another one's step


class Crew:
    """One process that works alone."""

    rank = 0
    size = 1
    lockstep = False  # whether all must make as many passes through a model

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, batch: Sequence[Item]) -> Sequence[Item]:
        """This process's part of a batch."""
        return batch[self.rank :: self.size]

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Every gradient becomes the sum of all processes'."""

    def place(self, model: Any) -> Any:
        """The model as this crew computes it."""
        return model

    def pass_tokens(self, model: Any) -> int:
        """How many go through a model in one pass, at most."""
        return pass_tokens_for(model)

    def gather(self, what: Item) -> list[Item]:
        """What each process gives, by rank, in all of them."""
        return [what]

    def first_before_others(self, work: Callable[[], Item]) -> Item:
        """The first does it alone; then the others do, and find what it has left."""
        if not self.first:
            self.gather(None)
        found = work()
        if self.first:
            self.gather(None)
        return found


class Launched(Crew):
    """One of several processes, on a device of its own."""

    def __init__(self) -> None:
        from accelerate import PartialState  # type: ignore[import-untyped]

        cpu = os.environ.get("ACCELERATE_USE_CPU", "false").lower() == "true"
        state = PartialState(cpu=cpu, timeout=PATIENCE)
        self.rank, self.size = int(state.process_index), int(state.num_processes)
        self.lockstep = is_sharded()

    def place(self, model: Any) -> Any:
        return shard(model) if self.lockstep else model

    def pass_tokens(self, model: Any) -> int:
        # A model of that size keeps 40 MB a token (core/distill/dry_run.py).
        return SHARDED_PASS_TOKENS if self.lockstep else super().pass_tokens(model)

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        from accelerate.utils import reduce  # type: ignore[import-untyped]

        moved = list(parameters)
        found = [torch.zeros_like(p) if p.grad is None else p.grad for p in moved]
        together: Any = reduce(torch.cat([one.reshape(-1) for one in found]), "sum")
        parts = torch.split(together, [one.numel() for one in found])
        for parameter, part in zip(moved, parts, strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def gather(self, what: Item) -> list[Item]:
        from accelerate.utils import gather_object

        found: list[Item] = gather_object([what])
        return found


@lru_cache(maxsize=1)
def crew() -> Crew:
    """This process's. Several processes are there where a launcher says so (WORLD_SIZE)."""
    return Launched() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Crew()
