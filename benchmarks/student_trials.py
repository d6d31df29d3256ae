"""Students of another make than the study's, tried on dev: what its choices may have missed.

    python -m benchmarks.student_trials --arm mechanistic --weight 3
    python -m benchmarks.student_trials --arm mechanistic --schedule fading
    python -m benchmarks.student_trials --arm mechanistic --even
    python -m benchmarks.student_trials --arm mechanistic --layers with-heads
    python -m benchmarks.student_trials --arm mechanistic --layers two-thirds
    python -m benchmarks.student_trials --told

Trains one as the study does that is in the home (its teacher, traces, steps and rate), but
otherwise in one thing, and prints the F1 of its answers on the dev documents by which the study was
tuned. `--schedule`: the weight of the phases fades along the training, or rises. `--even`: each of
the six terms is divided by what it was in the first steps of the study's mechanistic student, so
that all begin alike. `with-heads`: the layers of the teacher's chosen heads, and the others that it
misses most; `two-thirds`: more layers. Test documents are not touched. A trial that was broken off
goes on from its last checkpoint; what was found is kept in the study's folder, and `--told` prints
all of it. A trial takes as long as a student of the study, and a third of its tests.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.atomic import write_text
from core.config import load_settings
from core.distill.arm import Arm
from core.distill.losses import LossWeights, Schedule, TermName
from core.study.anatomy import Anatomy
from core.study.cell_files import cells_folder, read_results, study_folder
from core.study.choice import study_named
from core.study.made import learned_of
from core.study.students import Students
from core.study.work import Work
from db.session import open_store

STUDY, WITH_HEADS, TWO_THIRDS = "study", "with-heads", "two-thirds"
FOUND = "found.json"


@dataclass(frozen=True, slots=True)
class Trial:
    arm: Arm
    seed: int
    layers: str = STUDY
    weight: float | None = None  # None: the study's
    schedule: Schedule = Schedule.STEADY
    even: bool = False

    def named(self, said: str) -> str:
        """`said`: its setting."""
        parts = [self.arm.value, self.layers, said, self.schedule.value, "even" * self.even]
        return "-".join([*filter(None, parts), str(self.seed)])


def never() -> bool:
    return False


def trials_folder(study: str) -> Path:
    return study_folder(load_settings(), study) / "trials"


def measure(study: str, trial: Trial) -> dict[str, Any]:
    """Plain data; from the folder where it is there."""
    settings = load_settings()
    store = open_store(settings)
    preset = study_named(settings, store, study)
    done = read_results(cells_folder(settings, preset.name))
    if trial.layers == TWO_THIRDS:
        preset = replace(preset, depth_share=2 / 3)
    work = Work(settings, store, preset, _say, never, dict(done))
    anatomy = Anatomy(work)
    students = Students(work, anatomy)
    setting = students.setting(trial.arm)
    if trial.weight is not None:
        setting = replace(setting, weight=trial.weight)
    work.folder = trials_folder(preset.name) / trial.named(setting.said)
    place = work.folder / FOUND
    if place.exists():
        return dict(json.loads(place.read_text(encoding="utf-8")))
    for dataset in preset.datasets:
        if not work.has_traces(dataset):
            work.write_traces(dataset)
    if trial.layers != STUDY:
        _choose_anew(trial.layers, work, anatomy)
    sizes: dict[TermName, float] = {}
    if trial.even:
        learned = learned_of(store, done)[f"{Arm.MECHANISTIC.value}-0"]
        sizes = {term: learned[term.value]["first"] for term in TermName}
    weights = LossWeights(setting.weight, setting.weight, sizes=sizes, schedule=trial.schedule)
    found = students.try_out(trial.arm, setting, trial.seed, weights) or {}
    told = {
        "arm": trial.arm.value,
        "seed": trial.seed,
        "layers": list(anatomy.layers()),
        "schedule": trial.schedule.value,
        "sizes": {name.value: size for name, size in sizes.items()},
        "documents": preset.tuning.documents,
        **found,
    }
    write_text(place, json.dumps(told))
    return told


def _choose_anew(layers: str, work: Work, anatomy: Anatomy) -> None:
    """Other layers, and the students' heads in them for those of the teacher that were chosen."""
    phases = ("coarse", "refine")
    chosen = {name: [tuple(at) for at in work.done["heads"][name]["teacher"]] for name in phases}
    spared = {layer for heads in chosen.values() for layer, _ in heads}
    work.done["layers"] = anatomy.choose_layers(spared if layers == WITH_HEADS else ()) or {}
    work.done["heads"] = work.done["heads"] | anatomy.liken_heads(chosen)


def _say(stage: str, done: int, total: int) -> None:
    if not total or done % 10 == 0:
        print(f"{stage}: {done:,} of {total:,}" if total else stage, file=sys.stderr, flush=True)


def tell(found: Mapping[str, Any]) -> None:
    f1 = ", ".join(f"{name} {value:.3f}" for name, value in found["example_f1"].items())
    mean = sum(found["example_f1"].values()) / len(found["example_f1"])
    setting = found["setting"]
    even = ", terms made even" if found["sizes"] else ""
    print(
        f"{found['arm']}, seed {found['seed']}, rate {setting['learning_rate']:g}, weight "
        f"{setting['weight']:g} {found['schedule']}{even}, {len(found['layers'])} layers "
        f"({', '.join(map(str, found['layers']))}): F1 {f1}, mean {mean:.3f}; "
        f"{found['documents']} dev documents each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--study", default="laptop")
    parser.add_argument("--arm", choices=[one.value for one in Arm], default=Arm.MECHANISTIC.value)
    parser.add_argument("--layers", choices=[STUDY, WITH_HEADS, TWO_THIRDS], default=STUDY)
    parser.add_argument("--weight", type=float, help="of its terms; default: the study's")
    parser.add_argument(
        "--schedule", choices=[one.value for one in Schedule], default=Schedule.STEADY.value
    )
    parser.add_argument("--even", action="store_true", help="each term by its size at first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--told", action="store_true", help="print what was found before")
    asked = parser.parse_args()
    if asked.told:
        for place in sorted(trials_folder(asked.study).glob(f"*/{FOUND}")):
            tell(json.loads(place.read_text(encoding="utf-8")))
        return
    trial = Trial(
        Arm(asked.arm), asked.seed, asked.layers, asked.weight, Schedule(asked.schedule), asked.even
    )
    tell(measure(asked.study, trial))


if __name__ == "__main__":
    main()
