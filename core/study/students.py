"""Training the students of a study: a setting tried on dev, or a student for the test."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from core.distill.arm import HEADLINE, LOOKS_INSIDE, Arm, random_name
from core.distill.arms import ArmLoss, Heads
from core.distill.crew import crew
from core.distill.examples import Example, ExampleMaker
from core.distill.head_map import HeadMap
from core.distill.losses import LossWeights
from core.distill.training import Plan, Training
from core.study.anatomy import Anatomy
from core.study.material import end_of, examples_of, lessons
from core.study.tuning import (
    TUNING_SPLIT,
    Setting,
    answered_f1,
    best_of,
    tried_with,
    tuned_as,
)
from core.study.work import Result, Work


@dataclass
class Students:
    """The cells that train students; `work` has the other cells, and their results."""

    work: Work
    anatomy: Anatomy

    def tune(self, arm: Arm, number: int) -> Result | None:
        """Tries one setting on dev, with the first seed."""
        return self.try_out(arm, self._settings(arm)[number], self.work.preset.seeds[0])

    def try_out(
        self, arm: Arm, setting: Setting, seed: int, weights: LossWeights | None = None
    ) -> Result | None:
        """Trains a student of any setting, and has it answer documents of dev. `weights`: of the
        phases' terms, in place of the setting's."""
        preset = self.work.preset
        made = self._train(arm, setting, replace(self._student_plan(arm), seed=seed), weights)
        if made is None or not crew().first:
            return None if made is None else {}
        model, training, _ = made
        found = {}
        for dataset in preset.datasets:
            counts = {dataset: preset.tuning.documents}
            some = lessons(self.work.toolbox, counts, TUNING_SPLIT, self.work.report)
            self.work.report(f"Answer {dataset}: {arm.value}, {setting.said}", 0, 0)
            base = self.work.models.student_base()
            writer = replace(base, model=model.eval(), _lean=None, _writer=None)
            scores = answered_f1(writer, some, preset.max_new_tokens, self.work.cancelled)
            if len(scores) < len(some):
                return None
            found[dataset] = float(np.mean(scores))
        return {"setting": asdict(setting), "example_f1": found, "tokens": training.tokens}

    def distill(self, arm: Arm, seed: int) -> Result | None:
        setting = self.setting(arm)
        plan = replace(self._student_plan(arm), seed=seed)
        made = self._train(arm, setting, plan)
        if made is None or not crew().first:
            return None if made is None else {}
        model, training, with_phases = made
        name = f"{arm.value}-{seed}"
        self.work.keep_curves(name, "distillation", training.folder, training.plan)
        provenance = {
            "arm": arm.value, "plan": asdict(training.plan), "setting": asdict(setting)
        }  # fmt: skip
        self.work.models.save(name, model, self.anatomy.layers(), provenance)
        return {
            "adapter": self.work.models.name(name),
            "setting": asdict(setting),
            "learned_from": self.work.trace_runs(),
            "traces": len(training.examples),
            "with_phases": with_phases,
            "tokens": training.tokens,
            "seconds": round(training.seconds, 1),
            "compute_seconds": round(training.compute_seconds, 1),
        }

    def _train(
        self, arm: Arm, setting: Setting, plan: Plan, weights: LossWeights | None = None
    ) -> tuple[Any, Training, int] | None:
        """A student, its training, and how many of its traces have phases; None where cancelled.
        What was trained as a trial is taken from there."""
        name = f"student-{arm.value}-{plan.seed}-{setting.said}"
        base = self.work.models.base()
        model = crew().place(self.anatomy.new_student(plan.seed))
        teacher = crew().place(self.work.models.teacher())
        examples, phases = examples_of(base, self.work.answered())
        maker = ExampleMaker(base.tokenizer, base.render, end_of(base))
        loss = ArmLoss(
            arm, teacher, maker.keep, maker.drop, phases, self._heads(arm, plan.seed),
            weights or LossWeights(setting.weight, setting.weight), setting.weight,
        )  # fmt: skip
        plan = replace(plan, learning_rate=setting.learning_rate)
        training = Training(
            self.work.folder / name, plan, model, examples, loss, self._identity(loss, examples)
        )
        done = training.run(
            lambda at, steps: self.work.report(f"Distil: {name}", at, steps), self.work.cancelled
        )
        return (model, training, len(phases)) if done else None

    def _identity(self, loss: ArmLoss, examples: Sequence[Example]) -> str:
        """Of what decides a student beside its plan: another one's checkpoint is left aside."""
        off = sorted(loss.weights.off)
        parts: list[Any] = [loss.arm, loss.heads, replace(loss.weights, off=frozenset()), off]
        parts += [loss.extra_weight, self.anatomy.layers()]
        parts += [(one.ids.tolist(), one.weights.tolist()) for one in examples]
        for name, one in sorted(loss.phases.items()):
            roles = [field.name for field in fields(one) if field.name != "example"]
            parts += [name, [getattr(one, role) for role in roles]]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def setting(self, arm: Arm) -> Setting:
        """The one that was best on dev."""
        return best_of(self._settings(arm), tried_with(tuned_as(arm), self.work.done))

    def _settings(self, arm: Arm) -> tuple[Setting, ...]:
        standard = tried_with(Arm.STANDARD, self.work.done)
        return self.work.preset.tuning.of(arm, standard)

    def _student_plan(self, arm: Arm) -> Plan:
        plan = self.work.sized(self.work.preset.student_plan)
        if arm is not Arm.LONGER:
            return plan
        seed = self.work.preset.seeds[0]
        timed = [self.work.done[f"student/{one}/{seed}"] for one in HEADLINE]
        took = [one["compute_seconds"] for one in timed]
        return replace(plan, steps=round(plan.steps * max(took[1] / took[0], 1.0)))

    def _heads(self, arm: Arm, seed: int) -> Heads | None:
        if arm not in LOOKS_INSIDE:
            return None
        chosen, names = self.work.done["heads"], ("coarse", "refine")
        if arm is Arm.RANDOM_HEADS:
            names = (random_name("coarse", seed), random_name("refine", seed))
        return Heads(*(_head_map(chosen[name]) for name in names))


def _head_map(data: dict[str, Any]) -> HeadMap:
    pairs = [tuple(tuple(head) for head in data[side]) for side in ("teacher", "student")]
    return HeadMap(pairs[0], pairs[1], tuple(data["likeness"]))
