"""A study from its first lesson to its last test, in cells (core/study/cells.py).

    warm-up                  the teacher's first training, on lessons from gold; an adapter
    teacher                  its second, in its own words, both on train-teacher; an adapter
    dev/teacher/<dataset>    how well its traces answer documents of dev: for choices, not results
    traces/<dataset>         the teacher's own traces on train-student: a run in the store
    layers                   which of the teacher's students have; not where a student was named
    heads                    the teacher's heads of each phase, and the student's mapped to them
    tune/<arm>/<number>      a student with one setting, tried on dev (core/study/tuning.py)
    student/<arm>/<seed>     an adapter for each
    baselines/<dataset>      what the teacher must beat: rules over cosines and the untuned Scorer
    test/<system>/<dataset>  a run over test documents, in reference mode;
                             `base` is the untuned model

Adapters lie in the home (`adapters/<preset>-<system>`), where Explore finds them; runs lie in the
store, and learning curves in `distill/<preset>/`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from core import allocator
from core.config import Settings
from core.distill.arm import HEADLINE, LOOKS_INSIDE, TEACHER, Arm
from core.distill.crew import crew
from core.distill.teacher import WARM_UP
from core.errors import ModelError
from core.models.base import ModelSpec
from core.models.catalogue import BASE
from core.study.anatomy import Anatomy
from core.study.apart import work_apart
from core.study.cell_files import cells_folder
from core.study.cells import Cell, Cells
from core.study.presets import Preset
from core.study.students import Students
from core.study.tuning import TUNED, tuned_as, tuning_cell
from core.study.work import Cancelled, Report, Result, Work
from db.session import Store

Train = Callable[[], Result | None]


@dataclass
class Study:
    """One preset's study in one home."""

    settings: Settings
    store: Store
    preset: Preset
    report: Report
    cancelled: Cancelled

    def __post_init__(self) -> None:
        self.cells = Cells(cells_folder(self.settings, self.preset.name))
        self.work = Work(
            self.settings, self.store, self.preset, self._told, self.cancelled, self.cells.results
        )
        self.anatomy = Anatomy(self.work)
        self.students = Students(self.work, self.anatomy)

    def run(self) -> dict[str, Result] | None:
        """All cells in order; None where cancelled. Raises PhaseLensError."""
        for cell in self.plan():
            self.report(cell.name, 0, 0)
            cell.check()
            if self._is_apart(cell):
                work_apart(self.settings, self.preset, cell.name, self.report, self.cancelled)
                self.cells.read_again()
                if not self.cells.is_done(cell):
                    if not self.cancelled():
                        raise ModelError(
                            f"The process that was to train {cell.name} has left no result.",
                            "Give the same command again; it goes on from the last checkpoint.",
                        )
                    return None
            if self.cells.do(cell) is None:
                return None
        return self.cells.results

    def run_until(self, name: str) -> None:
        """All cells up to one, in this process, unless cancelled. Raises PhaseLensError."""
        for cell in self.plan():
            if self.cells.do(cell) is None or cell.name == name:
                return

    def _is_apart(self, cell: Cell) -> bool:
        """Whether a process of its own does it: a training, where no others take part in it."""
        alone = self.preset.apart and cell.together and crew().size == 1
        return alone and not self.cells.is_done(cell)

    def _told(self, stage: str, done: int, total: int) -> None:
        """After each document and each step."""
        self.report(stage, done, total)
        allocator.give_back()

    def plan(self) -> list[Cell]:
        """Every cell of the study, each after those that it stands on; a system's tests come right
        after its training, so that a study that is broken off has whole systems."""
        preset = self.preset
        lessons = [
            preset.datasets, preset.lessons, asdict(preset.warm_up), *self._named(preset.teacher)
        ]  # fmt: skip
        traces = tuple(f"traces/{name}" for name in preset.datasets)
        learned = (TEACHER, *traces)
        return [
            self._trained(WARM_UP, (), lessons, self.work.warm_up),
            self._trained(TEACHER, (WARM_UP,), asdict(preset.own_words), self.work.teach),
            *self._on_each("dev", TEACHER, (TEACHER,)),
            *self._on_each("traces", TEACHER, (TEACHER,)),
            *self._anatomy(learned),
            *self._tuning(learned),
            *self._on_each("test", TEACHER, (TEACHER,)),
            *self._students(learned),
            *self._baselines(),
            *self._on_each("test", BASE, ()),  # last: it rarely ends before it is cut off
        ]

    def _anatomy(self, after: tuple[str, ...]) -> list[Cell]:
        """What students take over; of a model that was named, all layers."""
        preset = self.preset
        chosen = [preset.heads, preset.scored_traces, *self._named(preset.student)]
        cells = []
        if preset.student is None:
            deciding = [preset.depth_share, preset.pruned_on]
            cells.append(Cell("layers", after, deciding, self.anatomy.choose_layers))
            after = (*after, "layers")
        return [*cells, Cell("heads", after, chosen, self.anatomy.choose_heads)]

    def _trained(self, system: str, after: tuple[str, ...], deciding: Any, work: Train) -> Cell:
        """One that leaves the system's adapter."""
        kept = partial(self.work.models.kept, system)
        return Cell(system, after, deciding, work, together=True, kept=kept)

    def _named(self, model: ModelSpec | None) -> list[Any]:
        """A model that was named, as part of what decides a cell."""
        return [] if model is None else [asdict(model)]

    def _on_each(self, kind: str, system: str, after: tuple[str, ...]) -> list[Cell]:
        """A system's runs over one split of each dataset."""
        preset, found = self.preset, []
        deciding: Any = {
            "dev": preset.dev_documents,
            "traces": preset.student_documents,
            "test": preset.test_documents,
        }[kind]
        deciding = [deciding, preset.max_new_tokens]
        for dataset in preset.datasets:
            name = f"traces/{dataset}" if kind == "traces" else f"{kind}/{system}/{dataset}"
            work = {
                "dev": partial(self.work.try_on_dev, system, dataset),
                "traces": partial(self.work.write_traces, dataset),
                "test": partial(self.work.test, system, dataset),
            }[kind]
            kept = partial(self.work.has_traces, dataset) if kind == "traces" else (lambda: True)
            found.append(Cell(name, after, deciding, work, kept=kept))
        return found

    def _baselines(self) -> list[Cell]:
        documents = [self.preset.dev_documents, self.preset.test_documents]
        return [
            Cell(f"baselines/{name}", (), documents, partial(self.work.baselines, name))
            for name in self.preset.datasets
        ]

    def _tuning(self, after: tuple[str, ...]) -> list[Cell]:
        preset, cells = self.preset, list[Cell]()
        deciding = [asdict(preset.tuning), asdict(preset.student_plan), preset.max_new_tokens]
        for arm in (arm for arm in TUNED if arm in preset.arms):
            stands_on = (*after, *self._grown_from(arm))
            if arm is not Arm.STANDARD:
                stands_on = (*stands_on, *self._tried(Arm.STANDARD))
            for number in range(preset.tuning.count(arm)):
                work = partial(self.students.tune, arm, number)
                name = tuning_cell(arm, number)
                cells.append(Cell(name, stands_on, deciding, work, together=True))
        return cells

    def _grown_from(self, arm: Arm) -> tuple[str, ...]:
        """The cells of a student's anatomy; heads matter to arms that look inside alone."""
        layers = ("layers",) if self.preset.student is None else ()
        return (*layers, "heads") if arm in LOOKS_INSIDE else layers

    def _tried(self, arm: Arm) -> tuple[str, ...]:
        """The cells whose results say with what setting an arm is trained."""
        tuned = {Arm.STANDARD, tuned_as(arm)}
        count = self.preset.tuning.count
        return tuple(tuning_cell(one, n) for one in sorted(tuned) for n in range(count(one)))

    def _students(self, after: tuple[str, ...]) -> list[Cell]:
        """In the order of the preset, each with its tests."""
        preset, cells = self.preset, list[Cell]()
        for arm, seed in preset.students():
            longer = arm is Arm.LONGER
            timed = [f"student/{one}/{preset.seeds[0]}" for one in HEADLINE] if longer else []
            name = f"student/{arm.value}/{seed}"
            work = partial(self.students.distill, arm, seed)
            plan = asdict(preset.student_plan)
            stands_on = (*after, *self._grown_from(arm), *self._tried(arm), *timed)
            system = f"{arm.value}-{seed}"
            kept = partial(self.work.models.kept, system)
            check = self.work.check_shown
            cells.append(Cell(name, stands_on, plan, work, True, kept, check))
            cells += self._on_each("test", system, (name,))
        return cells
