"""Everything that a reader of one trace is shown beside its text, worked out from what is stored:
steps and what they do, the document's words that they repeat, contradictions, the outline, and the
boundary as the machine and as people have it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.rerank.base import Candidate
from core.traces.anchors import Anchor, anchors_of
from core.traces.base import BoundarySource, Phase, PhaseKind, Trace
from core.traces.contradictions import Contradicted, contradictions
from core.traces.functions import Step, StepFunction, functions_of, verdicts_of
from core.traces.phases import share_before
from core.traces.prose import alternations, moved

OUTLINE_CHARS = 70


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A line of the outline: the step that it leads to, its phase, and its words."""

    step: int
    phase: PhaseKind | None
    function: StepFunction
    words: str


@dataclass(frozen=True)
class Reading:
    """`trace`: with the phases that hold, a person's where one has moved the boundary; `machine`:
    as the machine has it. `step_phase`: the phase of each step; `ends`: t at the end of each step,
    in (0, 1]."""

    trace: Trace
    machine: Trace
    steps: tuple[Step, ...]
    step_phase: tuple[PhaseKind | None, ...]
    ends: tuple[float, ...]
    anchors: tuple[Anchor, ...]
    contradictions: tuple[Contradicted, ...]

    @property
    def alternations(self) -> int:
        """How often shortlisting turns into reasoning, as the machine has it."""
        return alternations(self.machine.phases)

    @property
    def boundary_confidence(self) -> float | None:
        """In [0, 1], of the machine's boundary; None where it is by rules, or there is none."""
        kinds = (PhaseKind.SHORTLISTING, PhaseKind.REASONING)
        ordered = [p for p in sorted(self.machine.phases, key=lambda p: p.start) if p.kind in kinds]
        first = next((n for n, p in enumerate(ordered) if p.kind is kinds[0]), None)
        if first is None:
            return None
        turn = next((p for p in ordered[first:] if p.kind is kinds[1]), None)
        return turn.confidence if turn else None

    def step_at(self, t: float) -> int:
        """The step in which share t of the trace ends."""
        return min(bisect_right(self.ends, t - 1e-9), max(len(self.steps) - 1, 0))

    def step_of(self, character: int) -> int:
        """The step that holds a character."""
        starts = [step.start for step in self.steps]
        return max(bisect_right(starts, character) - 1, 0)

    def outline(self) -> tuple[OutlineEntry, ...]:
        """A line for each phase, and within it for every step that does something."""
        found = []
        before: PhaseKind | None = None
        for at, (step, phase) in enumerate(zip(self.steps, self.step_phase, strict=True)):
            new = at == 0 or phase is not before
            before = phase
            if new or step.function is not StepFunction.OTHER:
                words = " ".join(self.trace.text[step.start : step.end].split())
                short = words if len(words) <= OUTLINE_CHARS else f"{words[:OUTLINE_CHARS]} …"
                found.append(OutlineEntry(at, phase, step.function, short))
        return tuple(found)


def reading_of(
    trace: Trace,
    document: str,
    candidates: Sequence[Candidate],
    answer: Sequence[str] | None,
    moved_to: tuple[int | None] | None = None,
) -> Reading:
    """`answer`: label ids, None without one. `candidates`: the labels shown, () where that is not
    known. `moved_to`: (character,) where a person says that reasoning begins, (None,) where one
    says that there are no phases; None: nobody has said anything."""
    held = trace if moved_to is None else with_boundary(trace, moved_to[0])
    steps = functions_of(held.text, held.phases, held.mentions, document)
    phases = _phases_of(held.phases, steps)
    answer_at = min((p.start for p in held.phases if p.kind is PhaseKind.ANSWER), default=None)
    named = {m.label_id for m in held.mentions if answer_at is None or m.start < answer_at}
    shown = {c.label_id for c in candidates}
    return Reading(
        trace=held, machine=trace, steps=steps, step_phase=phases,
        ends=_ends(held, steps), anchors=anchors_of(held.text, document),
        contradictions=contradictions(answer, verdicts_of(steps), named, shown),
    )  # fmt: skip


def with_boundary(trace: Trace, at: int | None) -> Trace:
    """The trace with the boundary that a person says; None: without phases."""
    boundary = None if at is None else share_before(at, trace.text, trace.token_offsets)
    phases = moved(trace.phases, at, len(trace.text))
    return replace(trace, phases=phases, boundary=boundary, boundary_source=BoundarySource.HUMAN)


def _phases_of(phases: Sequence[Phase], steps: Sequence[Step]) -> tuple[PhaseKind | None, ...]:
    """The phase of each step's middle."""
    ordered, at = sorted(phases, key=lambda p: p.start), 0
    found = []
    for step in steps:
        middle = (step.start + step.end) // 2
        while at < len(ordered) and ordered[at].end <= middle:
            at += 1
        inside = at < len(ordered) and ordered[at].start <= middle
        found.append(ordered[at].kind if inside else None)
    return tuple(found)


def _ends(trace: Trace, steps: Sequence[Step]) -> tuple[float, ...]:
    """t at the end of each step: the share of tokens, or of characters where there are none."""
    if not trace.token_offsets:
        return tuple(step.end / max(len(trace.text), 1) for step in steps)
    starts = [start for start, _ in trace.token_offsets]
    return tuple(bisect_right(starts, step.end - 1) / len(starts) for step in steps)
