"""The arms of the comparison: what a student's loss holds beside the next token of the trace.

    standard      L_cot
    longer        the same with more steps: as long as the mechanistic student is computed
    logits        L_cot + KL of the teacher's distribution over tokens from the student's
    margin        L_cot + softplus(-margin) at verdicts, the right verdict's logit less the other's
    mechanistic   L_cot + lambda_1 (phase-1 terms) + lambda_2 (phase-2 terms)
    random heads  the same on heads drawn by chance
    no ...        mechanistic without a phase, or without one of its six terms

Margin and mechanistic have seen which labels are gold; standard and logits have not.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import torch
from torch.nn.functional import kl_div, log_softmax, softplus

from core.distill.base import (
    Head,
    HeadView,
    PhaseOneKeys,
    PhaseTwoKeys,
    anchor_directions,
    margin_directions,
)
from core.distill.examples import Example
from core.distill.head_map import HeadMap
from core.distill.losses import PHASE_1, PHASE_2, LossWeights, TermName, phase_losses
from core.distill.precision import products_as_given
from core.distill.text_losses import TOKENS_AT_ONCE, differences, hidden_states, trace_loss
from core.distill.training import Losses
from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.capture import Capture, Recorder, Wanted, recording


class Arm(StrEnum):
    STANDARD = "standard"
    LONGER = "standard-longer"
    LOGITS = "logits"
    MARGIN = "margin"
    MECHANISTIC = "mechanistic"
    NO_PHASE_1 = "no-phase-1"
    NO_PHASE_2 = "no-phase-2"
    RANDOM_HEADS = "random-heads"
    NO_ATTN_1 = "no-attn-1"
    NO_WRITE_1 = "no-write-1"
    NO_INT_1 = "no-int-1"
    NO_LOOP_2 = "no-loop-2"
    NO_WRITE_2 = "no-write-2"
    NO_INT_2 = "no-int-2"


OFF: dict[Arm, tuple[TermName, ...]] = {  # the terms that an arm leaves out
    Arm.NO_PHASE_1: PHASE_1,
    Arm.NO_PHASE_2: PHASE_2,
    Arm.NO_ATTN_1: (TermName.ATTN_1,),
    Arm.NO_WRITE_1: (TermName.WRITE_1,),
    Arm.NO_INT_1: (TermName.INT_1,),
    Arm.NO_LOOP_2: (TermName.LOOP_2,),
    Arm.NO_WRITE_2: (TermName.WRITE_2,),
    Arm.NO_INT_2: (TermName.INT_2,),
}
LOOKS_INSIDE = frozenset((Arm.MECHANISTIC, Arm.RANDOM_HEADS, *OFF))


@dataclass(frozen=True, slots=True)
class PhaseExample:
    """An example with the parts its tokens play (positions, as core.mechanism.positions.Roles).

    `late_right`: for each query of `late`, whether the label that its line judges is right.
    `verdicts`: those of `late` that predict a verdict word.
    """

    example: Example
    document: tuple[int, ...]
    anchors: tuple[int, ...]
    early: tuple[int, ...]
    late: tuple[int, ...]
    late_right: tuple[bool, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    verdicts: tuple[int, ...]


@dataclass(frozen=True)
class Heads:
    """The teacher's heads of each phase, and the student's that take after them."""

    one: HeadMap
    two: HeadMap


def random_heads(architecture: Architecture, count: int, seed: int) -> tuple[Head, ...]:
    """`count` heads by chance, none twice."""
    every = list(architecture.all_heads)
    if count > len(every):
        raise InputError(f"The model has {len(every)} heads, not {count}.", "Ask for fewer.")
    return tuple(random.Random(seed).sample(every, count))


@dataclass
class ArmLoss:
    """The loss of one arm, for Training. `keep`, `drop`: tokens of the verdicts."""

    arm: Arm
    teacher: Any  # the causal model; asked without gradients
    keep: int
    drop: int
    phases: dict[str, PhaseExample] = field(default_factory=dict)  # by document
    heads: Heads | None = None
    weights: LossWeights = field(default_factory=LossWeights)
    extra_weight: float = 1.0  # of the term that logits and margin add
    _teacher: Architecture | None = None
    _student: Architecture | None = None

    def __post_init__(self) -> None:
        if self.arm in LOOKS_INSIDE and self.heads is None:
            raise InputError(f"{self.arm} needs heads.", "Score the teacher's heads first.")
        self.weights = replace(self.weights, off=self.weights.off.union(OFF.get(self.arm, ())))

    def __call__(self, model: Any, example: Example) -> Losses:
        parts = self.phases.get(example.document_id)
        if self.arm in LOOKS_INSIDE and parts is not None:
            return self._with_phases(model, parts)
        hidden = hidden_states(model, example.ids)
        losses = {"L_cot": trace_loss(model, hidden, example)}
        if self.arm is Arm.LOGITS:
            losses["L_logits"] = self._logits_loss(model, hidden, example)
        if self.arm is Arm.MARGIN and parts is not None and parts.verdicts:
            losses["L_margin"] = self._margin_loss(model, hidden, parts)
        extra = [value for name, value in losses.items() if name != "L_cot"]
        return {"total": losses["L_cot"] + self.extra_weight * sum(extra), **losses}

    def _logits_loss(self, model: Any, hidden: torch.Tensor, example: Example) -> torch.Tensor:
        """KL(teacher || student) over tokens, a mean over the trace, weighted as L_cot is."""
        with torch.no_grad():
            theirs = hidden_states(self.teacher, example.ids)
        before = slice(example.start - 1, len(example.ids) - 1)
        weights = example.weights[example.start :]
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(weights), TOKENS_AT_ONCE):
            part = slice(start, start + TOKENS_AT_ONCE)
            with torch.no_grad():
                goal = log_softmax(self.teacher.lm_head(theirs[before][part]).float(), dim=-1)
            own = log_softmax(model.lm_head(hidden[before][part]).float(), dim=-1)
            each = kl_div(own, goal, reduction="none", log_target=True).sum(dim=-1)
            total = total + (each * weights[part]).sum()
        return total / weights.sum()

    def _margin_loss(self, model: Any, hidden: torch.Tensor, parts: PhaseExample) -> torch.Tensor:
        """Mean of softplus(-margin) over verdicts; margin = logit(right verdict) - logit(wrong)."""
        judged = dict(zip(parts.late, parts.late_right, strict=True))
        margins = differences(model, hidden[list(parts.verdicts)], self.keep, self.drop)
        signs = margins.new_tensor([1.0 if judged[at] else -1.0 for at in parts.verdicts])
        return softplus(-signs * margins).mean()

    def _with_phases(self, model: Any, parts: PhaseExample) -> Losses:
        if self.heads is None:
            raise InputError(f"{self.arm} needs heads.", "Score the teacher's heads first.")
        if self._teacher is None or self._student is None or self._student.model is not model:
            self._teacher, self._student = Architecture.of(self.teacher), Architecture.of(model)
        with torch.no_grad():
            theirs, _ = _read(self._teacher, parts, self.heads.one.teacher, self.heads.two.teacher)
        one, two = self.heads.one.student, self.heads.two.student
        own, hidden = _read(self._student, parts, one, two)
        keys = torch.arange(len(parts.example.ids))
        with products_as_given(hidden.device.type):
            found = phase_losses(
                self._view_1(theirs, parts, self.heads.one.teacher),
                self._view_1(own, parts, one),
                PhaseOneKeys(_mask(keys, parts.document), _mask(keys, parts.anchors)),
                self._view_2(theirs, parts, self.heads.two.teacher),
                self._view_2(own, parts, two),
                PhaseTwoKeys(
                    _mask(keys, parts.right),
                    _mask(keys, parts.wrong),
                    _mask(torch.tensor(parts.late), parts.verdicts),
                ),
                weights=self.weights,
            )
        cot = trace_loss(model, hidden, parts.example)
        terms = {name.value: term.value for name, term in found.terms.items()}
        return {"total": cot + found.total, "L_cot": cot, **terms}

    def _view_1(self, seen: Capture, parts: PhaseExample, heads: Sequence[Head]) -> HeadView:
        rows = [seen.queries.index(q) for q in parts.early]
        states = seen.states
        if states is None:
            raise InputError("The anchors' states were not kept.", "Ask for them.")
        every = torch.ones(states.shape[1], dtype=torch.bool, device=states.device)
        towards = anchor_directions(states.float(), every, heads)
        return _view(seen, rows, heads, towards)

    def _view_2(self, seen: Capture, parts: PhaseExample, heads: Sequence[Head]) -> HeadView:
        rows = [seen.queries.index(q) for q in parts.late]
        judged = torch.tensor(parts.late_right)
        correct = torch.where(judged, self.keep, self.drop)
        wrong = torch.where(judged, self.drop, self.keep)
        towards = margin_directions(seen.architecture.unembedding, correct, wrong)
        return _view(seen, rows, heads, towards)


def _view(
    seen: Capture, rows: Sequence[int], heads: Sequence[Head], towards: torch.Tensor
) -> HeadView:
    """In float32, whatever the pass was computed in."""
    of, writes = seen.of(heads)[:, rows], seen.writes_of(heads)[:, rows]
    return HeadView(of.float(), writes.float(), towards)


def _read(
    architecture: Architecture, parts: PhaseExample, one: Sequence[Head], two: Sequence[Head]
) -> tuple[Capture, torch.Tensor]:
    """What the phases need of a pass over an example, and its last hidden states."""
    layers = tuple(sorted({layer for layer, _ in (*one, *two)}))
    wanted = Wanted(
        queries=tuple(sorted({*parts.early, *parts.late})),
        layers=layers,
        states=tuple(range(architecture.depth)),
        state_positions=parts.anchors,
    )
    recorder = Recorder(architecture, wanted)
    with recording(recorder):
        hidden = hidden_states(architecture.model, parts.example.ids)
    return recorder.capture(), hidden


def _mask(positions: torch.Tensor, chosen: Sequence[int]) -> torch.Tensor:
    return torch.isin(positions, torch.tensor(list(chosen), dtype=torch.long))
