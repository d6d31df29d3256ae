"""The six phase losses of mechanistic distillation, after "Characterize Then Distill"
(arXiv 2606.06840). The paper's exact forms are not public; these are ours:

    L_attn(1)  = mean KL(attn_T(q, X) || attn_S(q, X))
    L_write(1) = mean max(0, cos(Delta_T, c_T)) (1 - cos(Delta_S, c_S))
    L_int(1)   = mean (s_S - s_T)^2,  s = attention mass on A(x) * cos(Delta, c)
    L_loop(2)  = mean KL(attn_T(q, SL+NM) || attn_S(q, SL+NM))
    L_write(2) = mean softplus(-cos(Delta_S, u_S) / tau)
    L_int(2)   = mean (r_S - r_T)^2,  r = (mass on SL - mass on NM) * cos(Delta, u)

over heads h (the student's is pi(h)) and queries q; attn(q, K) is renormalised over the keys K,
"mass" is of the whole row. core/distill/base.py says what the names hold, and
docs/distillation-losses.md where each term has its minimum.

Rules for all: sums in float32 (float64 for float64); nothing of the teacher gets a gradient; a
(head, query) for which a term is undefined is left out of its mean, and a mean over nothing is 0
with `count` 0, and passes no gradient. Undefined is: a KL where either model gives the keys less
than 1e-12 of its attention; a cosine with a vector shorter than 1e-12; an interaction where the
teacher gives the keys nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import torch
from torch.nn.functional import softplus

from core.distill.base import HeadView, PhaseOneKeys, PhaseTwoKeys, accumulation_dtype
from core.errors import InputError

TAU = 0.1
_NOTHING = 1e-12  # less attention, or a shorter vector, is none
_SMOOTH = 1e-8  # added to both distributions of a KL, so that a weight of 0 costs no infinity


class TermName(StrEnum):
    ATTN_1 = "L_attn(1)"
    WRITE_1 = "L_write(1)"
    INT_1 = "L_int(1)"
    LOOP_2 = "L_loop(2)"
    WRITE_2 = "L_write(2)"
    INT_2 = "L_int(2)"


PHASE_1 = (TermName.ATTN_1, TermName.WRITE_1, TermName.INT_1)
PHASE_2 = (TermName.LOOP_2, TermName.WRITE_2, TermName.INT_2)


@dataclass(frozen=True, slots=True)
class Term:
    """A mean, `()`, lower is better, and the number of (head, query) pairs it is over, `()`."""

    value: torch.Tensor
    count: torch.Tensor


class Schedule(StrEnum):
    """How the phases' weight goes along a training: FADING to nothing, so that phases come first
    and the trace alone last; RISING from nothing, so that they come to a student that writes."""

    STEADY = "steady"
    FADING = "fading"
    RISING = "rising"

    def share(self, along: float) -> float:
        """Of the full weight, in [0, 1], where `along` of the steps, in [0, 1), are done."""
        shares = {Schedule.STEADY: 1.0, Schedule.FADING: 1.0 - along, Schedule.RISING: along}
        return shares[self]


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How the terms add up. Ablations: a lambda of 0, or terms in `off`. `sizes`: what terms are
    divided by, where they have it, so that terms of unlike size weigh alike."""

    lambda_1: float = 1.0
    lambda_2: float = 1.0
    off: frozenset[TermName] = field(default=frozenset())
    sizes: Mapping[TermName, float] = field(default_factory=dict)
    schedule: Schedule = Schedule.STEADY

    def of(self, term: TermName) -> float:
        if term in self.off:
            return 0.0
        weight = self.lambda_1 if term in PHASE_1 else self.lambda_2
        return weight / self.sizes.get(term, 1.0)

    def at(self, along: float) -> "LossWeights":
        """Those that hold where `along` of the steps, in [0, 1), are done."""
        share = self.schedule.share(along)
        return replace(self, lambda_1=share * self.lambda_1, lambda_2=share * self.lambda_2)

    def check(self) -> None:
        """Raises InputError for a weight that is not a number from 0 up, or a size of 0."""
        for weight in (self.lambda_1, self.lambda_2):
            if not 0.0 <= weight < float("inf"):
                raise InputError(f"A loss weight is {weight}.", "Give a number from 0 up.")
        for term, size in self.sizes.items():
            if not 0.0 < size < float("inf"):
                raise InputError(f"The size of {term} is {size}.", "Give a number above 0.")


@dataclass(frozen=True, slots=True)
class PhaseLosses:
    """All six terms; `total` is their weighted sum, to be added to L_cot."""

    terms: dict[TermName, Term]
    weights: LossWeights

    @property
    def total(self) -> torch.Tensor:
        """`()`. A term of weight 0 is left out altogether, so that it passes no gradient."""
        total = torch.zeros_like(self.terms[TermName.ATTN_1].value)
        for name, term in self.terms.items():
            if (weight := self.weights.of(name)) > 0:
                total = total + weight * term.value
        return total


def phase_losses(
    teacher_1: HeadView,
    student_1: HeadView,
    keys_1: PhaseOneKeys,
    teacher_2: HeadView,
    student_2: HeadView,
    keys_2: PhaseTwoKeys,
    *,
    weights: LossWeights | None = None,
    tau: float = TAU,
) -> PhaseLosses:
    """All six terms of one document: phase-1 heads and queries, then phase-2 ones.

    Raises InputError for shapes that do not fit, and for weights or tau that cannot be.
    """
    weights = weights or LossWeights()
    weights.check()
    terms = {
        TermName.ATTN_1: attention_loss(teacher_1, student_1, keys_1),
        TermName.WRITE_1: write_loss_1(teacher_1, student_1),
        TermName.INT_1: interaction_loss_1(teacher_1, student_1, keys_1),
        TermName.LOOP_2: loop_loss(teacher_2, student_2, keys_2),
        TermName.WRITE_2: write_loss_2(student_2, keys_2, tau=tau),
        TermName.INT_2: interaction_loss_2(teacher_2, student_2, keys_2),
    }
    return PhaseLosses(terms, weights)


def attention_loss(teacher: HeadView, student: HeadView, keys: PhaseOneKeys) -> Term:
    """L_attn(1), in [0, inf): how far the student's attention over the document is from the
    teacher's. 0 where they are equal."""
    return _mean_divergence(teacher, student, keys.document)


def write_loss_1(teacher: HeadView, student: HeadView) -> Term:
    """L_write(1), in [0, 2]: where the teacher's head writes towards its anchors, the student's
    should. 0 where the student writes straight along its own c, whatever the teacher's angle."""
    _check(teacher, student)
    teacher = teacher.detached()
    goal, goal_known = _cosine(teacher.writes, teacher.towards)
    written, known = _cosine(student.writes, student.towards)
    return _mean(goal.clamp_min(0) * (1 - written), goal_known & known)


def interaction_loss_1(teacher: HeadView, student: HeadView, keys: PhaseOneKeys) -> Term:
    """L_int(1), in [0, 4]: s couples looking at the anchors with writing them. 0 where s_S = s_T.
    Left out where the document has no anchors."""
    _check(teacher, student)
    nothing = torch.zeros_like(keys.anchors)
    return _mean_interaction(teacher, student, keys.anchors, nothing, keys.document)


def loop_loss(teacher: HeadView, student: HeadView, keys: PhaseTwoKeys) -> Term:
    """L_loop(2), in [0, inf): how far the student's attention over the labels it has named, right
    ones and near misses, is from the teacher's. 0 where they are equal."""
    return _mean_divergence(teacher, student, keys.shortlist | keys.near_misses)


def write_loss_2(student: HeadView, keys: PhaseTwoKeys, *, tau: float = TAU) -> Term:
    """L_write(2), in [softplus(-1/tau), softplus(1/tau)]: the student's heads should write along
    u at verdicts. Least where they write straight along it; the teacher plays no part."""
    if not tau > 0:
        raise InputError(f"tau is {tau}.", "Give a number above 0; 0.1 is usual.")
    _check(student, student)
    written, known = _cosine(student.writes, student.towards)
    if keys.verdicts is not None:
        known = known & keys.verdicts
    return _mean(softplus(-written / tau), known)


def interaction_loss_2(teacher: HeadView, student: HeadView, keys: PhaseTwoKeys) -> Term:
    """L_int(2), in [0, 4]: r couples looking at right labels, not near misses, with writing the
    margin. 0 where r_S = r_T. An empty SL or NM has mass 0; with both empty nothing is left."""
    _check(teacher, student)
    both = keys.shortlist | keys.near_misses
    return _mean_interaction(teacher, student, keys.shortlist, keys.near_misses, both)


def _mean_divergence(teacher: HeadView, student: HeadView, keys: torch.Tensor) -> Term:
    """Mean of KL(T || S) over `keys`, bool `(keys,)` or `(queries, keys)`."""
    _check(teacher, student)
    goal, goal_known = _over(teacher.attention.detach(), keys)
    seen, known = _over(student.attention, keys)
    parts = torch.where(keys, goal * (goal.log() - seen.log()), 0.0)
    return _mean(parts.sum(dim=-1), goal_known & known)


def _over(attention: torch.Tensor, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention renormalised over `keys` `(heads, queries, keys)`, 1 elsewhere; and which rows,
    `(heads, queries)`, look there at all. A row that does not is flat."""
    inside = torch.where(keys, _accumulated(attention), 0.0)
    mass = inside.sum(dim=-1, keepdim=True)
    known = mass > _NOTHING
    shares = torch.where(known, inside / torch.where(known, mass, 1.0), 0.0) + _SMOOTH
    size = torch.where(keys, shares, 0.0).sum(dim=-1, keepdim=True)
    return torch.where(keys, shares / size.clamp_min(_SMOOTH), 1.0), known.squeeze(-1)


def _mean_interaction(
    teacher: HeadView,
    student: HeadView,
    wanted: torch.Tensor,
    unwanted: torch.Tensor,
    reachable: torch.Tensor,
) -> Term:
    """Mean of (S - T)^2 of (mass on wanted - mass on unwanted keys) * cosine of the writes, where
    the teacher looks at `reachable` keys and there is one to look at of the others."""
    teacher = teacher.detached()
    goal, goal_known = _interaction(teacher, wanted, unwanted)
    got, known = _interaction(student, wanted, unwanted)
    looks = _mass(teacher.attention, reachable) > _NOTHING
    there = (wanted | unwanted).any(dim=-1)
    return _mean((got - goal).square(), goal_known & known & looks & there)


def _interaction(
    view: HeadView, wanted: torch.Tensor, unwanted: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    written, known = _cosine(view.writes, view.towards)
    return (_mass(view.attention, wanted) - _mass(view.attention, unwanted)) * written, known


def _mass(attention: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The share of each row that falls on `keys`, `(heads, queries)`, in [0, 1]."""
    return torch.where(keys, _accumulated(attention), 0.0).sum(dim=-1)


def _cosine(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines over the last axis, and where they are defined: neither vector is too short."""
    a, b = _accumulated(a), _accumulated(b)
    square_a, square_b = a.square().sum(dim=-1), b.square().sum(dim=-1)
    known = (square_a > _NOTHING**2) & (square_b > _NOTHING**2)
    # The square root's own argument is swapped: through where() alone, 0 * infinity would be NaN.
    size = torch.where(known, square_a, 1.0).sqrt() * torch.where(known, square_b, 1.0).sqrt()
    return (a * b).sum(dim=-1) / size, known


def _mean(values: torch.Tensor, known: torch.Tensor) -> Term:
    """The mean of the known values; 0 where there is none."""
    known = known.expand_as(values)
    count = known.sum()
    return Term(torch.where(known, values, 0.0).sum() / count.clamp_min(1), count)


def _accumulated(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(accumulation_dtype(tensor))


def _check(teacher: HeadView, student: HeadView) -> None:
    for view in (teacher, student):
        if view.attention.ndim != 3 or view.writes.shape[:2] != view.attention.shape[:2]:
            raise InputError(
                f"Attention {tuple(view.attention.shape)} and writes {tuple(view.writes.shape)} "
                "are not of the same heads and queries.",
                "Give (heads, queries, keys) and (heads, queries, d_model).",
            )
    if teacher.attention.shape != student.attention.shape:
        raise InputError(
            f"Teacher and student differ in heads, queries or keys: "
            f"{tuple(teacher.attention.shape)} and {tuple(student.attention.shape)}.",
            "Feed both the same tokens, and map each teacher head to one of the student.",
        )
