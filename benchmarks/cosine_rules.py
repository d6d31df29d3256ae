"""What the rules over cosines have on dev, beside which a teacher is chosen.

    python -m benchmarks.cosine_rules [--preset laptop] [--documents 150]

Example-based F1 of the n nearest labels with the best n, and of a threshold where it is best, both
on these very documents, and the ceiling that retrieval allows. No model is opened but the encoder.
"""

import argparse
import json
import sys
from typing import Any

from core.config import load_settings
from core.datasets.base import Split
from core.distill.decisions import best_threshold, best_top, mean_f1, mean_f1_of_top
from core.distill.lessons import ceiling
from core.distill.teacher import by_cosine
from core.study.material import lessons
from core.study.presets import find_preset
from core.toolbox import Toolbox


def measure(preset_name: str, documents: int) -> dict[str, Any]:
    """Plain data: by dataset."""
    datasets = find_preset(preset_name).datasets

    def say(stage: str, done: int, total: int) -> None:
        if total and done % 50 == 0:
            print(f"{stage}: {done:,} of {total:,}", file=sys.stderr, flush=True)

    dev = lessons(Toolbox(load_settings()), dict.fromkeys(datasets, documents), Split.DEV, say)
    found: dict[str, Any] = {}
    for dataset in datasets:
        some = [one for one in dev if one.dataset == dataset]
        cosine = by_cosine(some)
        n, threshold = best_top(cosine), best_threshold(cosine)
        found[dataset] = {
            "documents": len(some),
            "n": n,
            "nearest_f1": mean_f1_of_top(cosine, n),
            "threshold": threshold,
            "threshold_f1": mean_f1(cosine, threshold),
            "ceiling": ceiling(some),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--documents", type=int, default=150, help="of dev, of each dataset")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.preset, asked.documents)
    if asked.json:
        print(json.dumps(found))
        return
    for name, part in found.items():
        print(
            f"{name}: the {part['n']} nearest {part['nearest_f1']:.3f}, cosine above "
            f"{part['threshold']:.3f} {part['threshold_f1']:.3f}, ceiling {part['ceiling']:.3f}; "
            f"{part['documents']} documents"
        )


if __name__ == "__main__":
    main()
