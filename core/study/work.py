"""The work of a study's cells (core/study/study.py says which, and in what order)."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.config import Settings
from core.datasets.base import Split
from core.distill.arm import TEACHER
from core.distill.crew import crew
from core.distill.decisions import auc, best_threshold, mean_f1
from core.distill.lessons import METHOD, SHOWN, K, Rewriter, Taught
from core.distill.precision import precision_here
from core.distill.teacher import OWN_WORDS, WARM_UP, Teacher, Told, by_cosine, parted
from core.distill.training import CURVES, Plan
from core.errors import JobError
from core.mechanism.positions import Example as Answered
from core.metrics.sets import example_f1
from core.models.adapters import load_adapter
from core.models.catalogue import BASE
from core.rerank.base import Decoding, Mode
from core.rerank.prompts import DEFAULT_PROMPT, RATED_PROMPT
from core.run_request import ids_of
from core.run_result import RunResult
from core.runs import run_batch
from core.study.baselines import baselines
from core.study.cell_files import study_folder
from core.study.material import answered, lessons
from core.study.models import StudyModels
from core.study.pack_loading import load_pack
from core.study.presets import Preset
from core.study.shipped import shipped_pack, shipped_packs
from core.study.tested import runs_are_away
from core.systems import RunConfig
from core.toolbox import Toolbox
from core.traces.base import FinishReason
from db.runs import answered_traces, run_records
from db.session import Store
from db.trainings import save_training

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]
Result = dict[str, Any]


@dataclass
class Work:
    """What the cells of one preset do in one home. `done`: results of earlier cells, by name, as
    they are now."""

    settings: Settings
    store: Store
    preset: Preset
    report: Report
    cancelled: Cancelled
    done: dict[str, Result] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = study_folder(self.settings, self.preset.name)
        self.toolbox = Toolbox(self.settings, self.store)
        self.models = StudyModels(self.toolbox, self.preset)

    def warm_up(self) -> Result | None:
        """The teacher's first training; its adapter is a system of its own, which the second one
        sets out from, wherever that is done."""
        taught, _ = self._lessons()
        teacher, plan = self._new_teacher(), self.sized(self.preset.warm_up)
        teacher.model = crew().place(teacher.model)
        told = Told(self.report, self.cancelled)
        if not teacher.warm_up(self.folder / "teacher", plan, taught, told):
            return None
        return self._taught(WARM_UP, teacher, WARM_UP, plan, {"lessons": len(taught)})

    def teach(self) -> Result | None:
        _, taught = self._lessons()
        teacher, plan = self._new_teacher(), self.sized(self.preset.own_words)
        load_adapter(teacher.model, self.models.folder(WARM_UP))
        teacher.model = crew().place(teacher.model)
        cuts = teacher.put_into_words(
            self.folder / "teacher", plan, taught, self._dev(), Rewriter(self.toolbox),
            Told(self.report, self.cancelled),
        )  # fmt: skip
        if cuts is None:
            return None
        found: Result = {
            "lessons": len(taught),
            "cuts": {name: asdict(one) for name, one in cuts.items()},
        }
        return self._taught(TEACHER, teacher, OWN_WORDS, plan, found)

    def _new_teacher(self) -> Teacher:
        return Teacher(self.models.base(), self.preset.rank, self.preset.alpha, seed=0)

    def _lessons(self) -> list[Sequence[Taught]]:
        """Those of each of the teacher's trainings."""
        preset = self.preset
        counts = dict(zip(preset.datasets, preset.lessons, strict=True))
        taught = crew().first_before_others(
            lambda: lessons(self.toolbox, counts, Split.TRAIN_TEACHER, self.report)
        )
        return parted(taught, (preset.warm_up, preset.own_words))

    def _dev(self) -> list[Taught]:
        each = self.preset.dev_documents
        return crew().first_before_others(lambda: self.dev_lessons(each))

    def _taught(
        self, system: str, teacher: Teacher, stage: str, plan: Plan, found: Result
    ) -> Result:
        """Keeps what a training of the teacher has left, and tells how well it decides on dev."""
        dev = self._dev()
        if not crew().first:
            return {}
        self.keep_curves(TEACHER, stage, self.folder / "teacher" / stage, plan)
        found |= {"adapter": self.models.name(system)}
        for dataset in self.preset.datasets:
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
        self.models.save(system, teacher.model, layers, {"plan": asdict(plan)})
        return found

    def write_traces(self, dataset: str) -> Result | None:
        """Those that ship are brought in where the cell tells of them: they need not be written
        anew, in what may be other words."""
        told = self.done.get(f"traces/{dataset}")
        if told is not None and self.preset.name in (pack.name for pack in shipped_packs()):
            place = shipped_pack(self.preset.name)
            load_pack(self.settings, self.store, place, (Split.TRAIN_STUDENT,))
            if self.has_traces(dataset):
                return told
        result = run_batch(
            self.settings, self.store, self._config(TEACHER, dataset, Mode.FAST),
            Split.TRAIN_STUDENT, self.preset.student_documents, self.report, self.cancelled,
        )  # fmt: skip
        if result.cancelled:
            return None
        check_all_ours(result)
        return {"run": result.run, "documents": result.documents, "failed": len(result.failures)}

    def has_traces(self, dataset: str) -> bool:
        """Whether the traces that students learn from are in the store: a cell may have come from
        another machine without them."""
        told = self.done[f"traces/{dataset}"]
        with self.store.read() as session:
            found = answered_traces(session, told["run"])
        return found >= int(told["documents"]) - int(told["failed"])

    def test(self, system: str, dataset: str) -> Result | None:
        """Over test documents, in reference mode. All systems are shown what the teacher was, on
        whatever machine that may have been."""
        config = self._config(system, dataset, Mode.REFERENCE)
        shown_in = None if system == TEACHER else self.shown_in(dataset)
        return self._scored(config, Split.TEST, self.preset.test_documents, shown_in)

    def shown_in(self, dataset: str) -> str:
        """The teacher's test run. Raises InputError where it is not in the store as a whole."""
        told = self.done[f"test/teacher/{dataset}"]
        with self.store.read() as session:
            if answered_traces(session, told["run"]) < told["documents"]:
                raise runs_are_away(self.preset.name, [dataset])
        return str(told["run"])

    def check_shown(self) -> None:
        """Raises InputError where tests of students have nothing to be shown."""
        for dataset in self.preset.datasets:
            self.shown_in(dataset)

    def try_on_dev(self, system: str, dataset: str) -> Result | None:
        config = self._config(system, dataset, Mode.FAST)
        return self._scored(config, Split.DEV, self.preset.dev_documents)

    def _scored(
        self, config: RunConfig, split: Split, count: int | None, shown_in: str | None = None
    ) -> Result | None:
        result = run_batch(
            self.settings, self.store, config, split, count, self.report, self.cancelled,
            shown_in=shown_in,
        )  # fmt: skip
        if result.cancelled:
            return None
        check_all_ours(result)
        with self.store.read() as session:
            records = list(run_records(session, result.run))
        f1 = [example_f1(set(r.selected), set(r.gold)) for r in records]
        return {
            "run": result.run,
            "documents": len(records),
            "failed": len(result.failures),
            "example_f1": float(np.mean(f1)) if f1 else None,
            "buckets": dict(Counter(r.bucket.value for r in records)),
            "answered": result.answered,  # in these seconds: a resumed run had some before
            "seconds": round(result.seconds, 1),
        }

    def baselines(self, dataset: str) -> Result | None:
        preset = self.preset
        dev = lessons(self.toolbox, {dataset: preset.dev_documents}, Split.DEV, self.report)
        test = lessons(self.toolbox, {dataset: preset.test_documents}, Split.TEST, self.report)
        return baselines(self.models.base(), dev, test, self.report, self.cancelled)

    def dev_lessons(self, each: int) -> list[Taught]:
        counts = dict.fromkeys(self.preset.datasets, each)
        return lessons(self.toolbox, counts, Split.DEV, self.report)

    def trace_runs(self) -> list[str]:
        """The runs that students learn from: written anew on another machine, where traces did not
        travel, they may be other words."""
        return [self.done[f"traces/{name}"]["run"] for name in self.preset.datasets]

    def answered(self) -> list[tuple[str, Answered]]:
        """The teacher's traces on train-student that came to their end: one that was cut off would
        teach to end there."""
        runs = {
            name: (run, self._documents(name))
            for name, run in zip(self.preset.datasets, self.trace_runs(), strict=True)
        }
        every = answered(self.store, runs)
        whole = [one for one in every if one[1].trace.finish_reason is FinishReason.STOP]
        return whole or every  # a teacher of two steps never ends

    def _documents(self, dataset: str) -> set[str]:
        """Those that students learn from."""
        count = self.preset.student_documents
        return set(ids_of(self.toolbox.dataset(dataset), Split.TRAIN_STUDENT, count))

    def _config(self, system: str, dataset: str, mode: Mode) -> RunConfig:
        decoding = Decoding(max_new_tokens=self.preset.max_new_tokens, mode=mode)
        labels = len(self.toolbox.dataset(dataset).labels)
        asked = (BASE, DEFAULT_PROMPT)
        if system != BASE:
            asked = (self.models.name(system), RATED_PROMPT)
        return RunConfig(
            dataset, *asked, k=min(K, labels), n=min(SHOWN, labels), decoding=decoding,
            use_scorer=False, method=METHOD.value,
        )  # fmt: skip

    def sized(self, plan: Plan) -> Plan:
        rank, alpha = self.preset.rank, self.preset.alpha
        return replace(plan, rank=rank, alpha=alpha, precision=precision_here())

    def keep_curves(self, system: str, stage: str, folder: Path, plan: Plan) -> None:
        lines = (folder / CURVES).read_text(encoding="utf-8").splitlines()
        with self.store.write() as session:
            save_training(
                session, system=self.models.name(system), stage=stage, plan=asdict(plan),
                curves=[json.loads(line) for line in lines],
            )  # fmt: skip


def check_all_ours(result: RunResult) -> None:
    """Raises JobError where another process has part of a run: it is not whole yet."""
    if result.elsewhere:
        raise JobError(
            f"{result.elsewhere:,} documents of run {result.run} are being answered by another "
            "process.",
            "Give the same command again once that process has ended.",
        )
