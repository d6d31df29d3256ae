"""Reference mode: drafts that fast mode wrote and one pass checks, against generate() itself.

    python -m benchmarks.drafts [--documents 16] [--runs 3] [--batch-size 8] [--json]

The packaged model in float32 over dev documents of `icd`, with the tokens that a run has by
default. Baseline: transformers' generate, one document at a time (what reference mode was without
drafts). Both write all documents in turn, run by run; texts must be the same. `written_anew`: how
many drafts were not certain and were written by generate() after all.
"""

import argparse
import json
import statistics
import time
from typing import Any
from unittest.mock import patch

from core.config import load_settings
from core.datasets.base import Split
from core.models import drafts
from core.models.answers import write_reference
from core.models.base import Generated, Request
from core.models.catalogue import BASE
from core.models.local import LocalModel
from core.pipeline import prepare
from core.rerank.base import Decoding, Mode
from core.rerank.prompts import DEFAULT_PROMPT
from core.run_request import documents_of
from core.systems import RunConfig
from core.toolbox import Toolbox


def measure(documents: int, runs: int, batch_size: int) -> dict[str, Any]:
    """Plain data."""
    box = Toolbox(load_settings())
    decoding = Decoding(mode=Mode.REFERENCE, prompt_lookup=0)
    tools = box.tools(RunConfig("icd", BASE, DEFAULT_PROMPT, decoding=decoding))
    config = tools.resolved(RunConfig("icd", BASE, DEFAULT_PROMPT, decoding=decoding))
    model = tools.model
    if not isinstance(model, LocalModel):
        raise TypeError("the packaged model runs in this process")
    some = documents_of(tools.dataset, Split.DEV, documents)
    prompts = [prepare(tools, one, config, lambda event: None).prompt for one in some]
    seconds: dict[str, list[float]] = {"generate": [], "drafts": []}
    texts: dict[str, dict[str, str]] = {}
    with patch.object(drafts, "write_reference", wraps=write_reference) as anew:
        for _ in range(runs):
            for name, write in (("generate", _alone), ("drafts", _drafted)):
                start = time.perf_counter()
                texts[name] = write(model, prompts, decoding, batch_size)
                seconds[name].append(time.perf_counter() - start)
    ratios = [a / b for a, b in zip(seconds["generate"], seconds["drafts"], strict=True)]
    return {
        "documents": len(prompts),
        "runs": runs,
        "generate_s": statistics.median(seconds["generate"]),
        "drafts_s": statistics.median(seconds["drafts"]),
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "same_texts": sum(texts["generate"][p] == texts["drafts"][p] for p in prompts),
        "written_anew": anew.call_count / runs,
    }


def _alone(model: LocalModel, prompts: list[str], decoding: Decoding, _: int) -> dict[str, str]:
    return {
        prompt: model.generate(
            prompt, decoding, on_piece=lambda piece: None, cancelled=lambda: False
        ).text
        for prompt in prompts
    }


def _drafted(
    model: LocalModel, prompts: list[str], decoding: Decoding, batch_size: int
) -> dict[str, str]:
    requests = (Request(p, decoding, lambda piece: None, lambda: False) for p in prompts)
    return {
        request.prompt: outcome.text
        for request, outcome in model.generate_many(requests, batch_size)
        if isinstance(outcome, Generated)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--documents", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.documents, asked.runs, asked.batch_size)
    if asked.json:
        print(json.dumps(found))
        return
    low, high = found["spread"]
    print(
        f"{found['documents']} documents: generate {found['generate_s']:.1f} s, drafts "
        f"{found['drafts_s']:.1f} s: {found['ratio']:.2f} times ({low:.2f} to {high:.2f}); "
        f"{found['same_texts']} texts the same, {found['written_anew']:.1f} written anew"
    )


if __name__ == "__main__":
    main()
