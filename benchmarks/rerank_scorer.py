"""How fast, and how exactly, 50 candidates are scored; a part of benchmarks/rerank.py."""

import statistics
import time
from dataclasses import replace
from typing import Any

import torch

from benchmarks.rerank_subject import Bench
from core.datasets.base import Document
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel
from core.pipeline import prepare
from core.rerank.scorer import FALSE, SCORE_PROMPT, TRUE, Scorer, relevance


def scorer(bench: Bench) -> dict[str, Any]:
    """50 candidates of one document: our scorer, and each prompt by itself through transformers."""
    model = bench.model
    if str(model.model.dtype) != "torch.float32":
        model = LocalModel.load(replace(PACKAGED, dtype="float32"), bench.settings)
    config = replace(bench.config, n=bench.choices.candidates)
    text = bench.long_examples()[0].text
    example = prepare(bench.tools, Document("joined", text, ()), config, lambda event: None)
    candidates = example.candidates
    columns = [model._first_token(option) for option in (*TRUE, *FALSE)]
    started = time.perf_counter()
    plain = []
    for candidate in candidates:
        prompt = SCORE_PROMPT.replace("{document}", text).replace("{candidates}", candidate.name)
        ids = torch.tensor([model._ids(model.render(prompt))])
        with torch.inference_mode():
            row = model.model(ids.to(model.model.device), logits_to_keep=1).logits[0, -1].float()
        found = row.log_softmax(dim=-1)[columns].tolist()
        plain.append((found, relevance(found[: len(TRUE)], found[len(TRUE) :])))
    plain_s = time.perf_counter() - started
    bench.say(f"{len(candidates)} candidates, one prompt at a time: {plain_s:.1f} s")
    ours: list[float] = []
    scores: list[float] = []
    for _ in range(bench.choices.runs):
        started = time.perf_counter()
        scores = Scorer(model).score(text, candidates) or []
        ours.append(time.perf_counter() - started)
    errors = [abs(a - b) for a, (_, b) in zip(scores, plain, strict=True)]
    return {
        "scorer_candidates": len(candidates),
        "scorer_prompt_tokens": len(ids[0]),
        "scorer_plain_s": plain_s,
        "scorer_s": statistics.median(ours),
        "scorer_speedup": plain_s / statistics.median(ours),
        "scorer_spread": [plain_s / max(ours), plain_s / min(ours)],
        "scorer_max_error": max(errors),
    }
