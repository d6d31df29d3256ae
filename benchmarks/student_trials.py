"""Students of another make than the study's, tried on dev: what its choices may have missed.

    python -m benchmarks.student_trials --arm mechanistic --weight 3
    python -m benchmarks.student_trials --arm mechanistic --layers with-heads
    python -m benchmarks.student_trials --told

Trains one as the study does that is in the home (its teacher, traces, steps and rate), but with
another weight of its terms or other layers, and prints the F1 of its answers on the dev documents
by which the study was tuned. `with-heads`: the layers of the teacher's chosen heads, and the others
that it misses most. Test documents are not touched. A trial that was broken off goes on from its
last checkpoint; what was found is kept in the study's folder, and `--told` prints all of it. A
trial takes as long as a student of the study, and a third of its tests.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.atomic import write_text
from core.config import load_settings
from core.distill.arm import Arm
from core.study.anatomy import Anatomy
from core.study.cell_files import cells_folder, read_results, study_folder
from core.study.choice import study_named
from core.study.students import Students
from core.study.work import Work
from db.session import open_store

STUDY, WITH_HEADS = "study", "with-heads"
FOUND = "found.json"


def never() -> bool:
    return False


def trials_folder(study: str) -> Path:
    return study_folder(load_settings(), study) / "trials"


def measure(study: str, arm: Arm, layers: str, weight: float | None, seed: int) -> dict[str, Any]:
    """Plain data; from the folder where it is there."""
    settings = load_settings()
    store = open_store(settings)
    preset = study_named(settings, store, study)
    done = read_results(cells_folder(settings, preset.name))
    work = Work(settings, store, preset, _say, never, dict(done))
    anatomy = Anatomy(work)
    students = Students(work, anatomy)
    setting = students.setting(arm)
    setting = setting if weight is None else replace(setting, weight=weight)
    work.folder = trials_folder(preset.name) / f"{arm.value}-{layers}-{setting.said}-{seed}"
    place = work.folder / FOUND
    if place.exists():
        return dict(json.loads(place.read_text(encoding="utf-8")))
    for dataset in preset.datasets:
        if not work.has_traces(dataset):
            work.write_traces(dataset)
    if layers == WITH_HEADS:
        phases = ("coarse", "refine")
        chosen = {name: [tuple(head) for head in done["heads"][name]["teacher"]] for name in phases}
        spared = {layer for heads in chosen.values() for layer, _ in heads}
        work.done["layers"] = anatomy.choose_layers(spared) or {}
        work.done["heads"] = done["heads"] | anatomy.liken_heads(chosen)
    found = students.try_out(arm, setting, seed) or {}
    about = {"arm": arm.value, "seed": seed, "layers": list(anatomy.layers())}
    told = about | found | {"documents": preset.tuning.documents}
    write_text(place, json.dumps(told))
    return told


def _say(stage: str, done: int, total: int) -> None:
    if not total or done % 10 == 0:
        print(f"{stage}: {done:,} of {total:,}" if total else stage, file=sys.stderr, flush=True)


def tell(found: dict[str, Any]) -> None:
    f1 = ", ".join(f"{name} {value:.3f}" for name, value in found["example_f1"].items())
    mean = sum(found["example_f1"].values()) / len(found["example_f1"])
    setting = found["setting"]
    print(
        f"{found['arm']}, seed {found['seed']}, rate {setting['learning_rate']:g}, weight "
        f"{setting['weight']:g}, layers {', '.join(map(str, found['layers']))}: F1 {f1}, mean "
        f"{mean:.3f}; {found['documents']} dev documents each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--study", default="laptop")
    parser.add_argument("--arm", choices=[one.value for one in Arm], default=Arm.MECHANISTIC.value)
    parser.add_argument("--layers", choices=[STUDY, WITH_HEADS], default=STUDY)
    parser.add_argument("--weight", type=float, help="of its terms; default: the study's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--told", action="store_true", help="print what was found before")
    asked = parser.parse_args()
    if asked.told:
        for place in sorted(trials_folder(asked.study).glob(f"*/{FOUND}")):
            tell(json.loads(place.read_text(encoding="utf-8")))
        return
    tell(measure(asked.study, Arm(asked.arm), asked.layers, asked.weight, asked.seed))


if __name__ == "__main__":
    main()
