"""How fast, and how exactly, 50 candidates are scored; a part of benchmarks/rerank.py."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from benchmarks.rerank_subject import Bench
from core.datasets.base import Document
from core.models.local import LocalModel
from core.pipeline import prepare
from core.rerank.base import Candidate
from core.rerank.scorer import FALSE, SCORE_PROMPT, TRUE, Scorer


def scorer(bench: Bench) -> dict[str, Any]:
    """50 candidates of one document: our scorer, and each prompt by itself through transformers,
    in float32; then ours in the format that the machine chooses."""
    config = replace(bench.config, n=bench.choices.candidates)
    text = bench.long_examples()[0].text
    example = prepare(bench.tools, Document("joined", text, ()), config, lambda event: None)
    candidates = example.candidates
    exact = bench.exact
    columns = [exact._first_token(option) for option in (*TRUE, *FALSE)]
    started = time.perf_counter()
    plain = []
    for candidate in candidates:
        prompt = SCORE_PROMPT.replace("{document}", text).replace("{candidates}", candidate.name)
        ids = torch.tensor([exact._ids(exact.render(prompt))])
        with torch.inference_mode():
            row = exact.model(ids.to(exact.model.device), logits_to_keep=1).logits[0, -1].float()
        plain.append(row.log_softmax(dim=-1)[columns].tolist())
    plain_s = time.perf_counter() - started
    bench.say(f"{len(candidates)} candidates, one prompt at a time: {plain_s:.1f} s")
    ours, in_float32 = scored(exact, text, candidates, bench.choices.runs)
    chosen, as_chosen = scored(bench.model, text, candidates, bench.choices.runs)
    return {
        "scorer_candidates": len(candidates),
        "scorer_prompt_tokens": len(ids[0]),
        "scorer_plain_s": plain_s,
        "scorer_s": statistics.median(ours),
        "scorer_speedup": plain_s / statistics.median(ours),
        "scorer_spread": [plain_s / max(ours), plain_s / min(ours)],
        "scorer_max_error": furthest(in_float32, plain),
        "scorer_chosen_s": statistics.median(chosen),
        "scorer_chosen_spread": [min(chosen), max(chosen)],
        "scorer_chosen_max_error": furthest(as_chosen, plain),
    }


def scored(
    model: LocalModel, text: str, candidates: Sequence[Candidate], runs: int
) -> tuple[list[float], list[list[float]]]:
    """(seconds of each run after one that warms up, the log-probabilities)."""
    seconds: list[float] = []
    found: list[list[float]] = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        found = Scorer(model).log_probabilities(text, candidates) or []
        seconds.append(time.perf_counter() - started)
    return seconds[1:], found


def furthest(some: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> float:
    """The largest difference between log-probabilities."""
    pairs = zip(some, others, strict=True)
    return max(abs(a - b) for one, two in pairs for a, b in zip(one, two, strict=True))
