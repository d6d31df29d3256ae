"""Seconds and peak memory of the inside view on one example, with the packaged model.

    python -m benchmarks.mechanism [--document-tokens 400] [--runs 3]

The document is repeated words, the trace keeps to the grammar. Each figure is the median of the
runs, in one process after one warm-up; `load` says how busy the machine was. "one more condition"
is a patch whose clean and corrupted run are there already; "first condition" computes both.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.engines import peak_mb
from core.config import load_settings
from core.mechanism.analysis import Inside
from core.mechanism.request import Corruption, PatchRequest
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel
from tests.mechanism.example import DOCUMENT, example


def seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--document-tokens", type=int, default=400)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    model = LocalModel.load(replace(PACKAGED, dtype="float32"), load_settings())
    times = -(-chosen.document_tokens // model.count_tokens(DOCUMENT))
    one = example(model.render, document=" ".join([DOCUMENT] * times))
    started = time.perf_counter()
    inside = Inside.open(model)
    opened = time.perf_counter() - started
    tokens, parts = inside.parts(one)
    inside.analyse(one)
    kept: dict[str, list[float]] = {"analyse": [], "first condition": [], "one more condition": []}
    for run in range(chosen.runs):
        corruption = Corruption(seed=run)
        few = PatchRequest(((3, 2), (10, 4)), corruption=corruption)
        kept["analyse"].append(seconds(partial(inside.analyse, one)))
        kept["first condition"].append(seconds(partial(inside.patch, one, few)))
        more = replace(few, heads=((4, 1), (20, 0)))
        kept["one more condition"].append(seconds(partial(inside.patch, one, more)))
    print(
        json.dumps(
            {
                "document_tokens": len(parts.document),
                "prompt_tokens": tokens.prompt_tokens,
                "trace_tokens": len(tokens.ids) - tokens.prompt_tokens,
                "open_s": round(opened, 2),
                "median_s": {name: round(statistics.median(v), 2) for name, v in kept.items()},
                "all_s": {name: [round(s, 2) for s in v] for name, v in kept.items()},
                "peak_mb": round(peak_mb()),
                "load": round(os.getloadavg()[0], 1),
                "threads": model.threads,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
