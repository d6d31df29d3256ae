"""Which layers of a model can go: depth pruning, one layer after another.

As SLEB does (Song et al. 2024, arXiv 2402.09025): of the layers that are left, the one goes whose
removal leaves the lowest loss, here L_cot on texts that the model wrote itself. How much a layer is
missed depends on which others are there, so all that are left are tried anew after each removal.
What lies before a layer is computed once a round.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from core.distill.examples import Example
from core.distill.packed import layer_inputs, states_from
from core.distill.precision import frozen_in, precision_here, products_in
from core.distill.text_losses import trace_loss
from core.errors import InputError
from core.models.adapters import student_of


@dataclass(frozen=True, slots=True)
class Removed:
    """A layer, counted from 0 in the whole model, and the mean L_cot after its removal, in nats a
    token, lower = less is missed."""

    layer: int
    loss: float


@torch.no_grad()
def least_missed(
    model: Any,
    examples: Sequence[Example],
    count: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    spared: Collection[int] = (),
) -> list[Removed] | None:
    """`count` layers of a causal model in the order in which they go; None where cancelled.

    All examples go through in one pass. Of layers that are missed equally, the first one goes;
    `spared` ones stay. Raises InputError where no layer would be left, or without examples.
    """
    depth = model.config.num_hidden_layers
    if not 0 <= count < depth or count > depth - len(spared) or not examples:
        raise InputError(
            f"{count} of {depth} layers cannot go by {len(examples)} texts.",
            "Leave one layer at least, and give some texts.",
        )
    kept, removed = list(range(depth)), list[Removed]()
    with frozen_in(precision_here(), model):
        for number in range(count):
            tell(number, count)
            found = _round(model, kept, examples, cancelled, spared)
            if found is None:
                return None
            removed.append(min(found, key=lambda one: one.loss))
            kept.remove(removed[-1].layer)
    return removed


def _round(
    model: Any,
    kept: Sequence[int],
    examples: Sequence[Example],
    cancelled: Callable[[], bool],
    spared: Collection[int],
) -> list[Removed] | None:
    """What the removal of each layer that is left, and not spared, would leave."""
    lengths, found = [len(example.ids) for example in examples], list[Removed]()
    with products_in(precision_here(), model.device.type):
        read = layer_inputs(student_of(model, kept), [example.ids for example in examples])
        for at, layer in enumerate(kept):
            if cancelled():
                return None
            if layer in spared:
                continue
            if after := kept[at + 1 :]:
                states = states_from(student_of(model, after), read[at], lengths)
            else:
                states = list(torch.split(model.model.norm(read[at]), lengths))
            losses = [trace_loss(model, h, one) for h, one in zip(states, examples, strict=True)]
            found.append(Removed(layer, float(torch.stack(losses).mean())))
    return found
