"""How well a teacher decides and answers, for a learning rate and a number of steps: on dev alone.

    python -m benchmarks.warm_up --rate 1.5e-3 --steps 95 [--preset laptop] [--documents 80]

The warm-up of the preset's teacher (core/distill/teacher.py) on the first of its lessons, then
keep-or-drop AUC on dev documents, and F1 of the decisions at the threshold that is best there and
at 0; beside them the same of the cosine, of the n nearest labels with the best n, and the ceiling
that retrieval allows; and F1 of the traces' own answers on --answered of the documents. Nothing is
kept. A step takes 10 to 15 s on two cores.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.config import load_settings
from core.datasets.base import Split
from core.distill.decisions import auc, best_threshold, best_top, mean_f1, mean_f1_of_top
from core.distill.lessons import ceiling
from core.distill.precision import precision_here
from core.distill.teacher import Teacher, by_cosine
from core.distill.training import Training
from core.study.material import lessons
from core.study.models import StudyModels
from core.study.presets import find_preset
from core.study.tuning import answered_f1
from core.toolbox import Toolbox


def measure(
    preset_name: str, rate: float, steps: int, documents: int, answered: int
) -> dict[str, Any]:
    """Plain data: by dataset."""
    preset = find_preset(preset_name)
    box = Toolbox(load_settings())

    def say(stage: str, done: int, total: int) -> None:
        if total and done % 50 == 0:
            print(f"{stage}: {done:,} of {total:,}", file=sys.stderr, flush=True)

    counts = dict(zip(preset.datasets, preset.lessons, strict=True))
    taught = lessons(box, counts, Split.TRAIN_TEACHER, say)
    dev = lessons(box, dict.fromkeys(preset.datasets, documents), Split.DEV, say)
    base = StudyModels(box, preset).base()
    teacher = Teacher(base, preset.rank, preset.alpha, seed=0)
    plan = replace(
        preset.warm_up, steps=steps, learning_rate=rate, rank=preset.rank, alpha=preset.alpha,
        precision=precision_here(),
    )  # fmt: skip
    examples = teacher.examples(taught[: steps * plan.batch])
    found: dict[str, Any] = {"rate": rate, "steps": steps}
    with tempfile.TemporaryDirectory() as folder:
        training = Training(Path(folder), plan, teacher.model, examples, teacher.lesson_losses)
        training.run(lambda done, total: say("Train", done, total))
        found |= {"tokens": training.tokens, "seconds": round(training.seconds)}
    for dataset in preset.datasets:
        some = [one for one in dev if one.dataset == dataset]
        judged, cosine = teacher.judge(some), by_cosine(some)
        writer = replace(base, model=teacher.model.eval(), _lean=None, _writer=None)
        f1 = answered_f1(writer, some[:answered], preset.max_new_tokens, lambda: False)
        found[dataset] = {
            "answered": len(f1),
            "answered_f1": float(np.mean(f1)) if f1 else None,
            "documents": len(some),
            "auc": auc(judged),
            "cosine_auc": auc(cosine),
            "f1": mean_f1(judged, best_threshold(judged)),
            "threshold": best_threshold(judged),
            "f1_at_0": mean_f1(judged, 0.0),
            "cosine_f1": mean_f1(cosine, best_threshold(cosine)),
            "nearest_f1": mean_f1_of_top(cosine, best_top(cosine)),
            "ceiling": ceiling(some),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--documents", type=int, default=80, help="of dev, of each dataset")
    parser.add_argument("--answered", type=int, default=40, help="of these, how many are answered")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.preset, asked.rate, asked.steps, asked.documents, asked.answered)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{found['steps']} steps at {found['rate']:g}: {found['tokens']:,} tokens")
    for name, part in found.items():
        if isinstance(part, dict):
            print(
                f"{name}: AUC {part['auc']:.3f} (cosine {part['cosine_auc']:.3f}), F1 "
                f"{part['f1']:.3f} at {part['threshold']:+.2f}, {part['f1_at_0']:.3f} at 0 (cosine "
                f"{part['cosine_f1']:.3f}, nearest {part['nearest_f1']:.3f}, ceiling "
                f"{part['ceiling']:.3f}); {part['documents']} documents. Answers: F1 "
                f"{part['answered_f1']:.3f} on {part['answered']}"
            )


if __name__ == "__main__":
    main()
