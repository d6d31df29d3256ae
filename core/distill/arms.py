"""The losses of the arms of the comparison (core/distill/arm.py says which there are)."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.nn.functional import kl_div, log_softmax, softplus

from core.distill.arm import LOOKS_INSIDE, Arm
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
from core.distill.losses import (
    PHASE_1,
    PHASE_2,
    LossWeights,
    PhaseLosses,
    TermName,
    phase_losses,
)
from core.distill.packed import hidden_states
from core.distill.precision import products_as_given
from core.distill.text_losses import TOKENS_AT_ONCE, differences, trace_loss
from core.distill.training import Losses
from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.capture import Capture, Recorder, Wanted

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


@dataclass(frozen=True, slots=True)
class PhaseExample:
    """An example with the parts its tokens play (positions, as core.mechanism.positions.Roles).

    `late_right`: for each query of `late`, whether the label that its line judges is right.
    `verdicts`: those of `late` that predict a verdict word which is right.
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


def heads_beside(
    architecture: Architecture, chosen: Sequence[Head], taken: Collection[Head], seed: int
) -> tuple[Head, ...]:
    """For each of `chosen` another head of its layer by chance, none of `taken` and none twice, so
    that what differs is the head and not its depth. Where a layer has no more, of the nearest that
    has. Raises InputError where the model has too few."""
    draw = random.Random(seed)
    left = [head for head in architecture.all_heads if head not in set(taken)]
    draw.shuffle(left)
    found = []
    for layer, _ in chosen:
        if not left:
            raise InputError("The model has too few other heads.", "Choose fewer.")
        nearest = min(left, key=lambda head: abs(head[0] - layer))
        left.remove(nearest)
        found.append(nearest)
    return tuple(found)


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

    def __call__(self, model: Any, examples: Sequence[Example], along: float = 0.0) -> list[Losses]:
        """Of each example; all of them go through student and teacher in one pass. `along`: the
        share of the training that is done, by which the phases' weights go."""
        texts = [example.ids for example in examples]
        parts = [self.phases.get(example.document_id) for example in examples]
        if self.arm in LOOKS_INSIDE:
            return self._looking_inside(model, examples, parts, self.weights.at(along))
        own = hidden_states(model, texts)
        theirs: Sequence[torch.Tensor | None] = [None] * len(texts)
        if self.arm is Arm.LOGITS:
            with torch.no_grad():
                theirs = hidden_states(self.teacher, texts)
        found = []
        for example, part, hidden, goal in zip(examples, parts, own, theirs, strict=True):
            losses = {"L_cot": trace_loss(model, hidden, example)}
            if goal is not None:
                losses["L_logits"] = self._logits_loss(model, hidden, goal, example)
            if self.arm is Arm.MARGIN and part is not None and part.verdicts:
                losses["L_margin"] = self._margin_loss(model, hidden, part)
            extra = [value for name, value in losses.items() if name != "L_cot"]
            found.append({"total": losses["L_cot"] + self.extra_weight * sum(extra), **losses})
        return found

    def _logits_loss(
        self, model: Any, hidden: torch.Tensor, theirs: torch.Tensor, example: Example
    ) -> torch.Tensor:
        """KL(teacher || student) over tokens, a mean over the trace, weighted as L_cot is.
        `hidden`, `theirs`: last hidden states of student and teacher."""
        before = slice(example.start - 1, len(example.ids) - 1)
        weights = example.weights[example.start :].to(hidden.device)
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
        """Mean of softplus(-margin) over verdicts that are right; margin = its logit less the other
        verdict's."""
        judged = dict(zip(parts.late, parts.late_right, strict=True))
        margins = differences(model, hidden[list(parts.verdicts)], self.keep, self.drop)
        signs = margins.new_tensor([1.0 if judged[at] else -1.0 for at in parts.verdicts])
        return softplus(-signs * margins).mean()

    def _looking_inside(
        self,
        model: Any,
        examples: Sequence[Example],
        parts: Sequence[PhaseExample | None],
        weights: LossWeights,
    ) -> list[Losses]:
        if self.heads is None:
            raise InputError(f"{self.arm} needs heads.", "Score the teacher's heads first.")
        if self._teacher is None or self._student is None or self._student.model is not model:
            self._teacher, self._student = Architecture.of(self.teacher), Architecture.of(model)
        one, two = self.heads.one, self.heads.two
        own, hidden = _read(self._student, examples, parts, (*one.student, *two.student))
        with torch.no_grad():
            goals, _ = _read(self._teacher, examples, parts, (*one.teacher, *two.teacher))
        found = []
        for at, (example, part) in enumerate(zip(examples, parts, strict=True)):
            cot = trace_loss(model, hidden[at], example)
            losses = {"total": cot, "L_cot": cot}
            if part is not None:
                with products_as_given(cot.device.type):
                    terms = self._phase_losses(goals[at], own[at], part, self.heads, weights)
                losses["total"] = cot + terms.total
                losses |= {name.value: term.value for name, term in terms.terms.items()}
            found.append(losses)
        return found

    def _phase_losses(
        self,
        theirs: Capture,
        own: Capture,
        parts: PhaseExample,
        heads: Heads,
        weights: LossWeights,
    ) -> PhaseLosses:
        device = own.architecture.unembedding.device
        keys = torch.arange(len(parts.example.ids), device=device)
        late = torch.tensor(parts.late, device=device)
        return phase_losses(
            self._view_1(theirs, parts, heads.one.teacher),
            self._view_1(own, parts, heads.one.student),
            PhaseOneKeys(_mask(keys, parts.document), _mask(keys, parts.anchors)),
            self._view_2(theirs, parts, heads.two.teacher),
            self._view_2(own, parts, heads.two.student),
            PhaseTwoKeys(
                _mask(keys, parts.right),
                _mask(keys, parts.wrong),
                _mask(late, parts.verdicts),
            ),
            weights=weights,
        )

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
    architecture: Architecture,
    examples: Sequence[Example],
    parts: Sequence[PhaseExample | None],
    heads: Sequence[Head],
) -> tuple[list[Capture], list[torch.Tensor]]:
    """What the phases need of each example, and its last hidden states, by one pass."""
    layers = tuple(sorted({layer for layer, _ in heads}))
    recorders = [Recorder(architecture, _wanted(part, layers, architecture)) for part in parts]
    hidden = hidden_states(architecture.model, [one.ids for one in examples], recorders)
    return [recorder.capture() for recorder in recorders], hidden


def _wanted(
    part: PhaseExample | None, layers: tuple[int, ...], architecture: Architecture
) -> Wanted:
    if part is None:
        return Wanted(layers=())
    return Wanted(
        queries=tuple(sorted({*part.early, *part.late})),
        layers=layers,
        states=tuple(range(architecture.depth)),
        state_positions=part.anchors,
    )


def _mask(positions: torch.Tensor, chosen: Sequence[int]) -> torch.Tensor:
    at = torch.tensor(list(chosen), dtype=torch.long, device=positions.device)
    return torch.isin(positions, at)
