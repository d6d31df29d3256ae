"""What students take over from the teacher: its layers, and the heads that they are likened in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.distill.arm import TEACHER, random_name
from core.distill.arms import heads_beside, random_heads
from core.distill.base import Head
from core.distill.head_map import HeadMap, depths_of
from core.distill.phases import text_example
from core.distill.pruning import least_missed
from core.errors import InputError
from core.mechanism.analysis import Inside
from core.mechanism.architecture import Architecture
from core.mechanism.positions import Example as Answered
from core.study.material import (
    attention_over,
    end_of,
    lesson_traces,
    map_together,
    top_heads,
)
from core.study.work import Result, Work

MAPPED_TRACES = 4  # over which heads are compared


@dataclass
class Anatomy:
    """The cells that choose it; `work` has the other cells, and their results."""

    work: Work

    def layers(self) -> tuple[int, ...]:
        """Those of its base that a student has: the chosen ones of the teacher's, or all of a model
        that was named."""
        if self.work.preset.student is None:
            return tuple(self.work.done["layers"]["layers"])
        return tuple(range(self.work.models.student_base().model.config.num_hidden_layers))

    def new_student(self, seed: int) -> Any:
        """A student before its training."""
        return self.work.models.new_student(self.layers(), seed)

    def choose_layers(self, spared: Collection[int] = ()) -> Result | None:
        """The layers that the teacher misses most, in its own traces on train-student; `spared`
        ones are among them."""
        work = self.work
        base, teacher = work.models.base(), work.models.teacher()
        depth = teacher.config.num_hidden_layers
        count = depth - max(round(work.preset.depth_share * depth), 1)
        traces = work.answered()[: work.preset.pruned_on * len(work.preset.datasets)]
        examples = [text_example(base.tokenizer, name, one, end_of(base)) for name, one in traces]
        removed = least_missed(
            teacher, examples, count,
            lambda at, of: work.report("Choose the students' layers", at, of), work.cancelled,
            spared,
        )  # fmt: skip
        if removed is None:
            return None
        gone = {one.layer for one in removed}
        return {
            "traces": len(examples),
            "layers": [layer for layer in range(depth) if layer not in gone],
            "removed": [asdict(one) for one in removed],
        }

    def choose_heads(self) -> Result | None:
        """Mean scores of the teacher's heads over its own traces; the best of each phase, and the
        student heads that attend most like them."""
        work, preset = self.work, self.work.preset
        inside = Inside.open(work.models.written_by(TEACHER))
        sums: dict[str, list[Any]] = {"coarse": [], "refine": []}
        traces, of = self._with_phases()
        for at, one in enumerate(traces):
            if work.cancelled():
                return None
            work.report("Score the teacher's heads", at, len(traces))
            try:
                scores = inside.analyse(one).scores
            except InputError:
                continue  # no anchor, or nothing to set against: the counts below say how many
            sums["coarse"].append(scores.coarse)
            sums["refine"] += [] if scores.refine is None else [scores.refine]
        teacher = inside.architecture
        chosen: dict[str, Sequence[Head]] = {
            name: top_heads(grids, preset.heads) if grids
            else random_heads(teacher, preset.heads, seed=0)
            for name, grids in sums.items()
        }  # fmt: skip
        return {
            "traces": len(traces),
            "of": of,
            "scored": {name: len(grids) for name, grids in sums.items()},
            **self._likened(teacher, traces, chosen),
        }

    def liken_heads(self, chosen: Mapping[str, Sequence[Head]]) -> Result:
        """Heads of the teacher that were chosen before, by phase ("coarse", "refine"), with those
        of a student of other layers."""
        inside = Inside.open(self.work.models.written_by(TEACHER))
        traces, _ = self._with_phases()
        return self._likened(inside.architecture, traces, chosen)

    def _likened(
        self,
        teacher: Architecture,
        traces: Sequence[Answered],
        chosen: Mapping[str, Sequence[Head]],
    ) -> Result:
        """By phase, and random ones beside them: the teacher's heads and the student's."""
        groups = [chosen]
        for seed in self.work.preset.seeds:
            groups.append(_by_chance(teacher, chosen["coarse"], chosen["refine"], seed))
        maps = self._mapped(teacher, traces[:MAPPED_TRACES], groups)
        return {name: asdict(found) for name, found in maps.items()}

    def _mapped(
        self,
        teacher: Architecture,
        traces: Sequence[Answered],
        groups: Sequence[Mapping[str, Sequence[Head]]],
    ) -> dict[str, HeadMap]:
        """The student's heads for the teacher's, those of a group together.

        A student's heads are heads of its teacher, so they are compared there, where they work: a
        student before its training attends to nothing in particular. One that it has kept takes
        after itself. Of a model that was named, the heads are compared as they are.
        """
        base = self.work.models.base()
        theirs = attention_over(teacher, traces, base)
        if self.work.preset.student is None:
            layers = self.layers()
            own, depths = theirs[list(layers)], depths_of(layers, teacher.depth)
        else:
            student = Architecture.of(self.new_student(seed=0))
            own, depths = attention_over(student, traces, base), None
        found: dict[str, HeadMap] = {}
        for chosen in groups:
            found |= map_together(theirs, own, chosen, depths)
        return found

    def _with_phases(self) -> tuple[Sequence[Answered], str]:
        """Traces to score heads over, and what they are."""
        count = self.work.preset.scored_traces
        traces = [one for _, one in self.work.answered() if one.trace.boundary is not None]
        if len(traces) >= count:
            return traces[:count], "the teacher's traces"
        lessons = self.work.dev_lessons(count)  # it has hardly learned to write them
        return lesson_traces(self.work.models.base(), lessons), "lessons of dev documents"


def _by_chance(
    teacher: Architecture, coarse: Sequence[Head], refine: Sequence[Head], seed: int
) -> dict[str, Sequence[Head]]:
    """Heads of the same layers as the chosen ones, and none of these."""
    taken = {*coarse, *refine}
    one = heads_beside(teacher, coarse, taken, 2 * seed)
    two = heads_beside(teacher, refine, {*taken, *one}, 2 * seed + 1)
    return {random_name("coarse", seed): one, random_name("refine", seed): two}
