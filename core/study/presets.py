"""How large a study is: what is trained, on how much, and what is tested."""

from dataclasses import dataclass, replace

from core.distill.arm import CONTROLS, HEADLINE, Arm
from core.distill.training import Plan
from core.errors import UnknownNameError
from core.models.base import ModelSpec
from core.study.sizes import ARMS
from core.study.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Preset:
    """One size. `lessons`: of each dataset, met one training of the teacher after the other
    (core/distill/teacher.py). Documents of other splits are counted per dataset; `heads`: how many
    of each phase, of the teacher's; `seeds` of the arms in `repeated`, the others have the first
    alone."""

    name: str
    datasets: tuple[str, ...]
    lessons: tuple[int, ...]
    warm_up: Plan
    own_words: Plan
    student_documents: int
    student_plan: Plan
    tuning: Tuning
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    repeated: tuple[Arm, ...]
    depth_share: float  # of the teacher's layers that a student keeps
    pruned_on: int  # traces of each dataset, by which they are chosen
    heads: int
    scored_traces: int
    dev_documents: int  # by which a threshold is chosen, and a teacher looked at
    test_documents: int | None  # None: all
    max_new_tokens: int = 1024  # ten labels with long names, shortlisted and judged
    teacher: ModelSpec | None = None  # the teacher's base; None: the packaged model
    student: ModelSpec | None = None  # the students' base; None: the teacher's
    rank: int = 16
    alpha: int = 32
    apart: bool = True  # trainings in processes of their own (core/study/apart.py)

    def students(self) -> list[tuple[Arm, int]]:
        """Arms with seeds, as they are trained: the headline's and its controls, the further seeds
        of those that are repeated, then all others, so that a study that is broken off has what
        its first question asks for."""
        first, *further = self.seeds
        told = [arm for arm in self.arms if arm in (*HEADLINE, *CONTROLS)]
        rest = [arm for arm in self.arms if arm not in told]
        again = [(arm, seed) for seed in further for arm in self.arms if arm in self.repeated]
        return [*((arm, first) for arm in told), *again, *((arm, first) for arm in rest)]


def _plan(steps: int, rate: float, batch: int = 8) -> Plan:
    return Plan(steps=steps, batch=batch, learning_rate=rate)


TWO_EACH = Tuning(rates=(1e-3, 2e-3), weights=(0.3, 1.0), documents=80)
SMOKE = Preset(
    name="smoke",
    datasets=("icd",),
    lessons=(6,),
    warm_up=_plan(2, 1e-3, 2),
    own_words=_plan(2, 1e-3, 2),
    student_documents=3,
    student_plan=_plan(2, 1e-3, 2),
    tuning=Tuning((1e-3,), (1.0,), documents=1),
    arms=ARMS["smoke"],
    seeds=(0,),
    repeated=(),
    depth_share=28 / 30,  # each layer to go takes as long as the trainings
    pruned_on=1,
    heads=4,
    scored_traces=3,
    dev_documents=4,
    test_documents=2,
    max_new_tokens=48,
    apart=False,  # a process takes longer to start than these trainings
)
LAPTOP = Preset(
    name="laptop",
    datasets=("icd", "mesh-major", "wordnet"),
    lessons=(1152, 576, 1152),  # an abstract has three times the tokens of a title or a gloss
    warm_up=_plan(240, 1.5e-3),
    own_words=_plan(120, 1e-3),
    student_documents=328,  # 0.6 M tokens
    student_plan=_plan(123, 5e-4),
    tuning=TWO_EACH,
    arms=ARMS["laptop"],
    seeds=(0, 1, 2),
    repeated=(Arm.STANDARD, Arm.MECHANISTIC),
    depth_share=0.5,
    pruned_on=4,
    heads=8,
    scored_traces=60,
    dev_documents=150,
    test_documents=150,
)
GPU = replace(
    LAPTOP,
    name="gpu",
    lessons=(6400, 3200, 6400),
    warm_up=_plan(1400, 1.5e-3),
    own_words=_plan(600, 1e-3),
    student_documents=3000,
    student_plan=_plan(1125, 5e-4),
    arms=ARMS["gpu"],
    seeds=(0, 1, 2, 3, 4),
    scored_traces=200,
    test_documents=None,
)
PRESETS = {preset.name: preset for preset in (SMOKE, LAPTOP, GPU)}


def find_preset(name: str) -> Preset:
    """Raises UnknownNameError."""
    if name not in PRESETS:
        raise UnknownNameError(
            f"There is no preset named {name!r}.", f"Choose one of: {', '.join(PRESETS)}."
        )
    return PRESETS[name]
