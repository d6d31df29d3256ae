"""A study from its first lesson to its last test, in cells (core/study/cells.py).

    teacher                  lessons from gold on train-teacher; an adapter
    traces/<dataset>         the teacher's own traces on train-student: a run in the store
    heads                    the teacher's heads of each phase, and the student's mapped to them
    student/<arm>/<seed>     an adapter for each
    test/<system>/<dataset>  a run over test documents, in reference mode

Adapters lie in the home (`adapters/<preset>-<system>`), where Explore finds them; runs lie in the
store, and learning curves in `distill/<preset>/`.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.config import Settings
from core.datasets.base import Split
from core.distill.arms import Arm, ArmLoss, Heads, random_heads
from core.distill.decisions import auc, best_threshold, mean_f1
from core.distill.examples import ExampleMaker
from core.distill.head_map import HeadMap
from core.distill.lessons import SHOWN, K, Taught
from core.distill.precision import precision_here
from core.distill.teacher import Teacher, TeacherPlan, by_cosine
from core.distill.training import CURVES, Plan, Training
from core.errors import InputError, ModelError
from core.mechanism.analysis import Inside
from core.mechanism.architecture import Architecture
from core.mechanism.positions import Example as Answered
from core.metrics.sets import example_f1
from core.models.adapter_files import About
from core.models.adapters import adapted, save_adapter, student_of, with_adapter
from core.models.base import ModelKind, ModelSpec
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel
from core.rerank.base import Decoding, Mode
from core.rerank.prompts import RATED_PROMPT
from core.runs import run_batch
from core.study.cells import Cell, Cells
from core.study.material import (
    answered,
    end_of,
    examples_of,
    lesson_traces,
    lessons,
    mapped,
    top_heads,
)
from core.study.presets import Preset
from core.systems import RunConfig
from core.toolbox import Toolbox
from db.runs import run_records
from db.session import Store
from db.trainings import save_training

EQUAL = (Arm.STANDARD.value, Arm.MECHANISTIC.value)  # the second takes longer, for the same steps
MAPPED_TRACES = 4  # over which the heads of teacher and student are compared

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]
Result = dict[str, Any]


@dataclass
class Study:
    """One preset's study in one home."""

    settings: Settings
    store: Store
    preset: Preset
    report: Report
    cancelled: Cancelled

    def __post_init__(self) -> None:
        self.folder = self.settings.home / "distill" / self.preset.name
        self.cells = Cells(self.folder / "cells")
        self.toolbox = Toolbox(self.settings, self.store)
        self.done: dict[str, Result] = {}

    def run(self) -> dict[str, Result] | None:
        """All cells in order; None where cancelled. Raises PhaseLensError."""
        for cell in self.plan():
            self.report(cell.name, 0, 0)
            result = self.cells.do(cell)
            if result is None:
                return None
            self.done[cell.name] = result
        return self.done

    def plan(self) -> list[Cell]:
        """Every cell of the study, each after those that it stands on."""
        preset = self.preset
        lessons = [preset.datasets, preset.lessons, asdict(preset.warm_up)]
        cells = [Cell("teacher", (), [*lessons, asdict(preset.lessons_plan)], self.teach)]
        traces = tuple(f"traces/{name}" for name in preset.datasets)
        for name, dataset in zip(traces, preset.datasets, strict=True):
            written = [preset.student_documents, preset.max_new_tokens]
            cells.append(Cell(name, ("teacher",), written, partial(self.write_traces, dataset)))
        chosen = [preset.heads, preset.scored_traces, *preset.student_layers]
        cells.append(Cell("heads", traces, chosen, self.choose_heads))
        students = []
        for arm in preset.arms:
            longer = arm is Arm.LONGER
            after = (f"student/{one}/{preset.seeds[0]}" for one in EQUAL) if longer else ()
            stands_on = (*traces, "heads", *after)
            for seed in preset.seeds if arm in preset.repeated else preset.seeds[:1]:
                students.append(f"{arm.value}-{seed}")
                cells.append(
                    Cell(
                        f"student/{arm.value}/{seed}", stands_on,
                        asdict(preset.student_plan), partial(self.distill, arm, seed),
                    )
                )  # fmt: skip
        for system in ("teacher", *students):
            made = "teacher" if system == "teacher" else _student_cell(system)
            for dataset in preset.datasets:
                cells.append(
                    Cell(
                        f"test/{system}/{dataset}", (made,), preset.test_documents,
                        partial(self.test, system, dataset),
                    )
                )  # fmt: skip
        return cells

    def teach(self) -> Result | None:
        preset = self.preset
        counts = dict(zip(preset.datasets, preset.lessons, strict=True))
        taught = lessons(self.toolbox, counts, Split.TRAIN_TEACHER, self.report)
        teacher = Teacher(self._base(), preset.rank, preset.alpha, seed=0)
        plan = TeacherPlan(self._sized(preset.warm_up), self._sized(preset.lessons_plan))
        if not teacher.train(self.folder / "teacher", plan, taught, self.report, self.cancelled):
            return None
        for stage, done in (("decisions", plan.warm_up), ("traces", plan.traces)):
            self._keep_curves("teacher", stage, self.folder / "teacher" / stage, done)
        dev = self._dev_lessons(max(min(preset.lessons) // 4, 4))
        found: Result = {"adapter": f"{preset.name}-teacher", "lessons": len(taught)}
        for dataset in preset.datasets:
            some = [one for one in dev if one.dataset == dataset]
            judged, cosine = teacher.judge(some), by_cosine(some)
            found[dataset] = {
                "dev_documents": len(some),
                "decision_auc": auc(judged),
                "cosine_auc": auc(cosine),
                "decision_f1": mean_f1(judged, best_threshold(judged)),
                "cosine_f1": mean_f1(cosine, best_threshold(cosine)),
            }
        layers = tuple(range(teacher.model.config.num_hidden_layers))
        self._save("teacher", teacher.model, layers, {"plan": asdict(plan)})
        return found

    def write_traces(self, dataset: str) -> Result | None:
        result = run_batch(
            self.settings, self.store, self._config("teacher", dataset, Mode.FAST),
            Split.TRAIN_STUDENT, self.preset.student_documents, self.report, self.cancelled,
        )  # fmt: skip
        if result.cancelled:
            return None
        return {"run": result.run, "documents": result.documents, "failed": len(result.failures)}

    def choose_heads(self) -> Result | None:
        """Mean scores of the teacher's heads over its own traces; the best of each phase, and the
        student heads that attend most like them."""
        base = self._base()
        teacher = LocalModel.adapted(self._spec("teacher"), base, self.settings)
        inside = Inside.open(teacher)
        sums: dict[str, list[Any]] = {"coarse": [], "refine": []}
        traces = [one for _, one in self._answered() if one.trace.boundary is not None]
        traces, of = traces[: self.preset.scored_traces], "the teacher's traces"
        if len(traces) < self.preset.scored_traces:  # it has hardly learned to write them
            of = "lessons of dev documents"
            traces = lesson_traces(base, self._dev_lessons(self.preset.scored_traces))
        for at, one in enumerate(traces):
            if self.cancelled():
                return None
            self.report("Score the teacher's heads", at, len(traces))
            try:
                scores = inside.analyse(one).scores
            except InputError:
                continue  # no anchor, or nothing to set against: the counts below say how many
            sums["coarse"].append(scores.coarse)
            sums["refine"] += [] if scores.refine is None else [scores.refine]
        architecture = inside.architecture
        chosen = {
            name: top_heads(grids, self.preset.heads) if grids
            else random_heads(architecture, self.preset.heads, seed=0)
            for name, grids in sums.items()
        }  # fmt: skip
        drawn = random_heads(architecture, 2 * self.preset.heads, seed=0)
        chosen["random_coarse"], chosen["random_refine"] = (
            drawn[: self.preset.heads], drawn[self.preset.heads :],
        )  # fmt: skip
        student = Architecture.of(student_of(base.model, self.preset.student_layers))
        maps = mapped(architecture, student, traces[:MAPPED_TRACES], base, chosen)
        return {
            "traces": len(traces),
            "of": of,
            "scored": {name: len(grids) for name, grids in sums.items()},
            **{name: asdict(found) for name, found in maps.items()},
        }

    def distill(self, arm: Arm, seed: int) -> Result | None:
        preset, base = self.preset, self._base()
        teacher = adapted(base.model, self._adapter("teacher"))
        model = with_adapter(
            student_of(base.model, preset.student_layers), preset.rank, preset.alpha, seed
        )
        if model.lm_head.weight.shape != teacher.lm_head.weight.shape:
            raise ModelError("Teacher and student have other vocabularies.", "Use one base.")
        examples, phases = examples_of(base, self._answered())
        maker = ExampleMaker(base.tokenizer, base.render, end_of(base))
        loss = ArmLoss(arm, teacher, maker.keep, maker.drop, phases, self._heads(arm))
        plan = replace(self._student_plan(arm), seed=seed)
        folder = self.folder / f"student-{arm.value}-{seed}"
        training = Training(folder, plan, model, examples, loss)
        if not training.run(
            lambda d, t: self.report(f"Distil: {arm} {seed}", d, t), self.cancelled
        ):
            return None
        name = f"{arm.value}-{seed}"
        self._keep_curves(name, "distillation", folder, plan)
        self._save(name, model, preset.student_layers, {"arm": arm.value, "plan": asdict(plan)})
        return {
            "adapter": f"{preset.name}-{name}",
            "traces": len(examples),
            "with_phases": len(phases),
            "tokens": training.tokens,
            "seconds": round(training.seconds, 1),
        }

    def _student_plan(self, arm: Arm) -> Plan:
        plan = self._sized(self.preset.student_plan)
        if arm is not Arm.LONGER:
            return plan
        first = self.preset.seeds[0]
        standard, mechanistic = (self.done[f"student/{one}/{first}"]["seconds"] for one in EQUAL)
        return replace(plan, steps=round(plan.steps * max(mechanistic / standard, 1.0)))

    def test(self, system: str, dataset: str) -> Result | None:
        result = run_batch(
            self.settings, self.store, self._config(system, dataset, Mode.REFERENCE), Split.TEST,
            self.preset.test_documents, self.report, self.cancelled,
        )  # fmt: skip
        if result.cancelled:
            return None
        with self.store.read() as session:
            records = list(run_records(session, result.run))
        f1 = [example_f1(set(r.selected), set(r.gold)) for r in records]
        return {
            "run": result.run,
            "documents": len(records),
            "failed": len(result.failures),
            "example_f1": float(np.mean(f1)) if f1 else None,
            "buckets": dict(Counter(r.bucket.value for r in records)),
        }

    def _dev_lessons(self, each: int) -> list[Taught]:
        counts = dict.fromkeys(self.preset.datasets, each)
        return lessons(self.toolbox, counts, Split.DEV, self.report)

    def _answered(self) -> list[tuple[str, Answered]]:
        """The teacher's finished traces on train-student."""
        runs = {name: self.done[f"traces/{name}"]["run"] for name in self.preset.datasets}
        return answered(self.store, runs)

    def _heads(self, arm: Arm) -> Heads:
        prefix = "random_" if arm is Arm.RANDOM_HEADS else ""
        chosen = self.done["heads"]
        return Heads(*(_head_map(chosen[prefix + name]) for name in ("coarse", "refine")))

    def _config(self, system: str, dataset: str, mode: Mode) -> RunConfig:
        decoding = Decoding(max_new_tokens=self.preset.max_new_tokens, mode=mode)
        labels = len(self.toolbox.dataset(dataset).labels)
        return RunConfig(
            dataset, f"{self.preset.name}-{system}", RATED_PROMPT, k=min(K, labels),
            n=min(SHOWN, labels), decoding=decoding, use_scorer=False, method="dense",
        )  # fmt: skip

    def _base(self) -> LocalModel:
        model = self.toolbox.model(replace(PACKAGED, dtype="float32"))
        if not isinstance(model, LocalModel):
            raise TypeError("the packaged model runs in this process")
        return model

    def _adapter(self, system: str) -> Path:
        return self.settings.adapters_dir / f"{self.preset.name}-{system}"

    def _spec(self, system: str) -> ModelSpec:
        return ModelSpec(system, ModelKind.ADAPTER, str(self._adapter(system)), dtype="float32")

    def _sized(self, plan: Plan) -> Plan:
        rank, alpha = self.preset.rank, self.preset.alpha
        return replace(plan, rank=rank, alpha=alpha, precision=precision_here())

    def _keep_curves(self, system: str, stage: str, folder: Path, plan: Plan) -> None:
        lines = (folder / CURVES).read_text(encoding="utf-8").splitlines()
        with self.store.write() as session:
            save_training(
                session, system=f"{self.preset.name}-{system}", stage=stage, plan=asdict(plan),
                curves=[json.loads(line) for line in lines],
            )  # fmt: skip

    def _save(
        self, system: str, model: Any, layers: Sequence[int], provenance: dict[str, Any]
    ) -> None:
        name = f"{self.preset.name}-{system}"
        about = About(
            name, f"{system}, preset {self.preset.name}", tuple(layers), self.preset.rank,
            self.preset.alpha, RATED_PROMPT,
            {"preset": asdict(self.preset), **provenance},
        )  # fmt: skip
        save_adapter(model, self._adapter(system), about)


def _student_cell(system: str) -> str:
    arm, _, seed = system.rpartition("-")
    return f"student/{arm}/{seed}"


def _head_map(data: dict[str, Any]) -> HeadMap:
    pairs = [tuple(tuple(head) for head in data[side]) for side in ("teacher", "student")]
    return HeadMap(pairs[0], pairs[1], tuple(data["likeness"]))
