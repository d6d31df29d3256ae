"""Guesses from habits: what a run's own texts teach its writer, against the same writer without.

    python -m benchmarks.habits [--system NAME] [--dataset icd] [--documents 32] [--runs 3]

Fast mode over dev documents, side by side, each time with a model that has written nothing yet; the
two ways take turns. Baseline: guesses from the prompt alone. Texts are compared: which guesses
stand in a pass decides how its sums are rounded, so where two tokens are all but equal one text can
differ from another.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from typing import Any

from core.config import load_settings
from core.datasets.base import Split
from core.models import habits
from core.models.base import Generated, ManyAtOnce, Request
from core.pipeline import prepare
from core.rerank.base import Decoding
from core.rerank.prompts import RATED_PROMPT
from core.run_request import documents_of
from core.systems import RunConfig
from core.toolbox import Toolbox

ROWS = 8


def measure(system: str, dataset: str, documents: int, runs: int) -> dict[str, Any]:
    """Plain data."""
    seconds: dict[str, list[float]] = {"prompt": [], "habits": []}
    texts: dict[str, Sequence[str]] = {}
    usual = habits.MOST_TEXTS
    try:
        for _ in range(runs):
            for name, most in (("prompt", 0), ("habits", usual)):
                habits.MOST_TEXTS = most
                took, texts[name] = _written(system, dataset, documents)
                seconds[name].append(took)
    finally:
        habits.MOST_TEXTS = usual
    ratios = [a / b for a, b in zip(seconds["prompt"], seconds["habits"], strict=True)]
    return {
        "system": system,
        "dataset": dataset,
        "documents": len(texts["habits"]),
        "runs": runs,
        "prompt_s": statistics.median(seconds["prompt"]),
        "habits_s": statistics.median(seconds["habits"]),
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "same_texts": sum(a == b for a, b in zip(texts["prompt"], texts["habits"], strict=True)),
    }


def _written(system: str, dataset: str, documents: int) -> tuple[float, list[str]]:
    """Seconds that a model took that had written nothing before, and its texts."""
    box = Toolbox(load_settings())
    asked = RunConfig(dataset, system, RATED_PROMPT, decoding=Decoding(max_new_tokens=640))
    tools = box.tools(asked)
    config = tools.resolved(asked)
    if not isinstance(tools.model, ManyAtOnce):
        raise TypeError(f"{system} writes one answer at a time")
    some = documents_of(tools.dataset, Split.DEV, documents)
    prompts = [prepare(tools, one, config, lambda event: None).prompt for one in some]
    requests = [Request(p, config.decoding, lambda piece: None, lambda: False) for p in prompts]
    start = time.perf_counter()
    outcomes = list(tools.model.generate_many(iter(requests), ROWS))
    took = time.perf_counter() - start
    found = {id(request): outcome for request, outcome in outcomes}
    ends = [found[id(one)] for one in requests]
    return took, [one.text if isinstance(one, Generated) else str(one) for one in ends]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--system", default="laptop-teacher")
    parser.add_argument("--dataset", default="icd")
    parser.add_argument("--documents", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.system, asked.dataset, asked.documents, asked.runs)
    if asked.json:
        print(json.dumps(found))
        return
    low, high = found["spread"]
    print(
        f"{found['system']}, {found['documents']} documents of {found['dataset']}: from the prompt "
        f"alone {found['prompt_s']:.1f} s, with habits {found['habits_s']:.1f} s: "
        f"{found['ratio']:.2f} times ({low:.2f} to {high:.2f}); "
        f"{found['same_texts']} texts the same"
    )


if __name__ == "__main__":
    main()
