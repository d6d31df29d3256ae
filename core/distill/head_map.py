"""pi(h): which head of the student takes after which head of the teacher.

1. Both models read the same tokens. The likeness of two heads is 1 - JS(attention, attention) in
   bits, averaged over queries: 1 for equal patterns, 0 for patterns without a common key.
2. From it goes `depth_weight` times how far apart the heads lie in relative depth,
   (layer + 1/2) / layers; of a student that keeps some of its teacher's layers, the depth that
   they had there.
3. One to one: the assignment of the largest total (Hungarian method, scipy's
   linear_sum_assignment). Otherwise each teacher head takes the best student head, which several
   may share.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from core.distill.base import Head, accumulation_dtype, select_heads
from core.errors import InputError

DEPTH_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class HeadMap:
    """`student[i]` is the student head for `teacher[i]`; `likeness[i]` of the two, in [0, 1],
    higher = more alike, without the share that depth has in the choice."""

    teacher: tuple[Head, ...]
    student: tuple[Head, ...]
    likeness: tuple[float, ...]


def map_heads(
    teacher: torch.Tensor,
    student: torch.Tensor,
    heads: Sequence[Head] | None = None,
    *,
    depth_weight: float = DEPTH_WEIGHT,
    one_to_one: bool = True,
    student_depths: Sequence[float] | None = None,
) -> HeadMap:
    """Maps `heads` of the teacher (None: all) to heads of the student.

    teacher, student: attention over the same tokens, `(layers, heads, queries, keys)` each.
    depth_weight: 0 for likeness alone. student_depths: the relative depth of each of its layers,
    in (0, 1); None: as they follow each other. Raises InputError where the tokens differ, a head is
    not there, or one to one is asked of more teacher heads than the student has.
    """
    if teacher.shape[2:] != student.shape[2:]:
        raise InputError(
            f"The models read different tokens: {tuple(teacher.shape[2:])} and "
            f"{tuple(student.shape[2:])} queries and keys.",
            "Capture both over the same tokens.",
        )
    named = tuple(heads) if heads is not None else _all_heads(teacher)
    theirs = _all_heads(student)
    if one_to_one and len(named) > len(theirs):
        raise InputError(
            f"{len(named)} teacher heads cannot have a head each of a student with {len(theirs)}.",
            "Map fewer heads, or let them share (one_to_one=False).",
        )
    likeness = attention_likeness(select_heads(teacher, named), student.flatten(0, 1))
    own = _evenly(len(student)) if student_depths is None else student_depths
    apart = _depths(named, _evenly(len(teacher)))[:, None] - _depths(theirs, own)[None]
    score = likeness - depth_weight * apart.abs().to(likeness)
    if one_to_one:
        _, chosen = linear_sum_assignment(score.cpu().numpy(), maximize=True)
    else:
        chosen = score.argmax(dim=1).cpu().numpy()
    at = [int(column) for column in chosen]
    alike = tuple(float(likeness[row, column]) for row, column in enumerate(at))
    return HeadMap(named, tuple(theirs[column] for column in at), alike)


def attention_likeness(teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """1 - JS of each teacher head with each student head, `(teacher heads, student heads)`.

    teacher, student: `(heads, queries, keys)`, renormalised over the keys given. In [0, 1], higher
    = more alike. Queries where a head attends to no key are left out; 0 where no query is left.
    """
    goal, goal_known = _shares(teacher.detach())
    seen, known = _shares(student.detach())
    own, others = _entropy(goal), _entropy(seen)
    rows = []
    for head in range(len(goal)):  # one at a time: all pairs at once would not fit in memory
        between = _entropy((goal[head] + seen) / 2) - (own[head] + others) / 2  # (heads, queries)
        both = goal_known[head] & known
        likeness = torch.where(both, 1 - between.clamp(0, 1), 0.0)
        rows.append(likeness.sum(dim=-1) / both.sum(dim=-1).clamp_min(1))
    return torch.stack(rows) if rows else goal.new_zeros((0, len(seen)))


def _shares(attention: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    attention = attention.to(accumulation_dtype(attention))
    mass = attention.sum(dim=-1, keepdim=True)
    known = mass > 0
    return attention / torch.where(known, mass, 1.0), known.squeeze(-1)


def _entropy(shares: torch.Tensor) -> torch.Tensor:
    """In bits, over the last axis."""
    nats: torch.Tensor = -torch.special.xlogy(shares, shares).sum(dim=-1)
    return nats / math.log(2)


def _all_heads(attention: torch.Tensor) -> tuple[Head, ...]:
    layers, heads = attention.shape[:2]
    return tuple((layer, head) for layer in range(layers) for head in range(heads))


def depths_of(layers: Sequence[int], depth: int) -> list[float]:
    """The relative depths of some layers of a model with `depth` of them."""
    return [(layer + 0.5) / depth for layer in layers]


def _evenly(layers: int) -> list[float]:
    return depths_of(range(layers), layers)


def _depths(heads: Sequence[Head], of_layers: Sequence[float]) -> torch.Tensor:
    return torch.tensor([of_layers[layer] for layer, _ in heads])
