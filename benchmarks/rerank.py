"""How fast the packaged model writes and scores, against plain transformers and llama.cpp.

    phaselens bench rerank [--json] [--parts speed,match,batch,scorer,live]

1. speed: documents with a prompt of about 500 tokens and up to 150 tokens of trace, one at a
   time: transformers' generate() as it comes, our fast mode, and llama.cpp on the same weights.
   The engines take turns, document by document, so that all meet the same other work.
2. match: whether reference mode writes generate()'s tokens, and in how many documents fast mode
   ends with the labels of reference mode. Documents and prompts as they are.
3. batch: the documents of 2, side by side, against reference mode one at a time.
4. scorer: 50 candidates of a document, against one whole prompt after another, in float32.
5. live: fast mode beside a batch job at the priority of jobs, against fast mode alone.

Speeds are tokens (documents) a second of the whole work, prompt included.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import llama_cpp_peer
from core.config import Settings
from core.datasets.base import Document, Split
from core.models.base import Generated, Request
from core.models.catalogue import BASE, PACKAGED
from core.models.local import LocalModel
from core.pipeline import Example, prepare
from core.rerank.base import Decoding, Mode
from core.rerank.parser import parse
from core.rerank.prompts import DEFAULT_PROMPT
from core.rerank.scorer import FALSE, SCORE_PROMPT, TRUE, Scorer, relevance
from core.run_request import documents_of
from core.systems import RunConfig
from core.toolbox import Toolbox
from core.tools import Tools

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("speed", "match", "batch", "scorer", "live")
PROMPT_TOKENS = 500
TRACE_TOKENS = 150
MATCH_TOKENS = Decoding().max_new_tokens
CANDIDATES = 50
Say = Callable[[str], None]


@dataclass(frozen=True)
class Choices:
    """What is measured, and how much of it."""

    dataset: str = "icd"
    documents: int = 3
    runs: int = 3
    match: int = 8
    batch_size: int = 8
    parts: tuple[str, ...] = PARTS


class Bench:
    """The packaged model with documents to write about."""

    def __init__(self, settings: Settings, choices: Choices, say: Say) -> None:
        self.settings, self.choices, self.say = settings, choices, say
        config = RunConfig(choices.dataset, BASE, DEFAULT_PROMPT, k=CANDIDATES)
        self.tools: Tools = Toolbox(settings).tools(config)
        model = self.tools.model
        if not isinstance(model, LocalModel):
            raise TypeError("the packaged model runs in this process")
        self.model, self.config = model, config
        wanted = max(choices.match, 40 * choices.documents)
        self.texts = documents_of(self.tools.dataset, Split.DEV, wanted)

    def example(self, document: Document) -> Example:
        return prepare(self.tools, document, self.config, lambda event: None)

    def long_examples(self) -> list[Example]:
        """Documents joined until their prompt has about PROMPT_TOKENS tokens."""
        rest, found = list(self.texts), []
        while len(found) < self.choices.documents and rest:
            text, one = "", None
            while rest and (one is None or self.prompt_tokens(one) < PROMPT_TOKENS):
                text = f"{text} {rest.pop(0).text}".strip()
                one = self.example(Document(f"joined {len(found)}", text, ()))
            if one is not None:
                found.append(one)
        return found

    def prompt_tokens(self, example: Example) -> int:
        return self.model.count_tokens(example.rendered)

    def write(self, example: Example, tokens: int, mode: Mode = Mode.FAST) -> Generated:
        decoding = Decoding(max_new_tokens=tokens, mode=mode).resolved(mode)
        return self.model.generate(
            example.prompt, decoding, on_piece=lambda piece: None, cancelled=lambda: False
        )

    def plain(self, example: Example, tokens: int) -> tuple[list[int], float]:
        """(tokens, seconds) of transformers' generate() as it comes: greedy, with its cache."""
        ids = torch.tensor([self.model._ids(example.rendered)], device=self.model.model.device)
        started = time.perf_counter()
        with torch.inference_mode():
            out = self.model.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False
            )
        return out[0, ids.shape[1] :].tolist(), time.perf_counter() - started


def measure(settings: Settings, choices: Choices, say: Say = lambda line: None) -> dict[str, Any]:
    """All figures as plain data; those of parts that were left out are None.

    Raises UnknownNameError, IndexFileError, ModelError; ValueError where fast mode does not know
    the model.
    """
    bench = Bench(settings, choices, say)
    identity = bench.model.identity()
    result: dict[str, Any] = {
        **{"speedup_over_generate": None, "ratio_to_llama_cpp": None, "reference_identical": None},
        **{"fast_same_label_sets": None, "first_token_ms": None, "batch_speedup": None},
        **{"scorer_speedup": None, "scorer_max_error": None, "live_share": None},
        "ratio_to_llama_cpp_q4": None,
        "student_speedup": None,  # there is no student yet
        "missing": "",
        **{name: identity[name] for name in ("name", "dtype", "device", "threads", "torch")},
        "transformers": identity["transformers"],
        "runs": choices.runs,
        "cores": os.cpu_count(),
        "load": [os.getloadavg()[0]],  # of all that runs here: 1 for each core that is busy
    }
    say(f"{identity['name']}, {identity['dtype']}, {identity['threads']} threads")
    parts: dict[str, Callable[[Bench], dict[str, Any]]] = {
        "speed": speed, "match": match, "scorer": scorer, "live": live,
    }  # fmt: skip
    for name, part in parts.items():
        if name in choices.parts or (name == "match" and "batch" in choices.parts):
            result |= part(bench)
            result["load"].append(os.getloadavg()[0])
    return result


def speed(bench: Bench) -> dict[str, Any]:
    """Tokens a second of each engine, its median over all documents and runs, and the spread."""
    examples, choices = bench.long_examples(), bench.choices
    sizes = [bench.prompt_tokens(one) for one in examples]
    peers = llama_cpp_peer.engines(bench.settings, max(sizes) + TRACE_TOKENS + 8)
    rates: dict[str, list[float]] = {"generate": [], "fast": [], **{name: [] for name in peers}}
    first: list[float] = []
    written: list[int] = []
    identical = []
    bench.plain(examples[0], 4)
    bench.write(examples[-1], 4)  # warm; not the first one, whose prompt would be known
    for run in range(choices.runs):
        for at, one in enumerate(examples):
            ids, seconds = bench.plain(one, TRACE_TOKENS)
            rates["generate"].append(len(ids) / seconds)
            got = bench.write(one, TRACE_TOKENS)
            rates["fast"].append(got.tokens / got.seconds)
            first.append((got.seconds_to_first_token or 0.0) * 1000)
            written.append(len(ids))
            for name, peer in peers.items():
                tokens, seconds = peer(bench.model._ids(one.rendered), TRACE_TOKENS)
                rates[name].append(tokens / seconds)
            if run == 0:
                plain = bench.model.tokenizer.decode(ids, skip_special_tokens=True)
                reference = bench.write(one, TRACE_TOKENS, Mode.REFERENCE)
                identical.append((reference.text, reference.tokens) == (plain, len(ids)))
            last = {name: f"{some[-1]:.1f}" for name, some in rates.items()}
            bench.say(f"run {run + 1}, document {at + 1}: tokens/s {last}")
    medians = {name: statistics.median(some) for name, some in rates.items()}
    ratio = [f / g for f, g in zip(rates["fast"], rates["generate"], strict=True)]
    found: dict[str, Any] = {
        "prompt_tokens": sizes,
        "trace_tokens": statistics.mean(written),
        "tokens_per_second": {
            name: {"median": medians[name], "least": min(some), "most": max(some)}
            for name, some in rates.items()
        },
        "speedup_over_generate": statistics.median(ratio),
        "speedup_spread": [min(ratio), max(ratio)],
        "first_token_ms": statistics.median(first),
        "first_token_spread": [min(first), max(first)],
        "reference_identical": all(identical),
        "missing": "" if peers else llama_cpp_peer.MISSING,
    }
    for name in peers:
        found[f"ratio_to_{name}"] = medians["fast"] / medians[name]
    return found


def match(bench: Bench) -> dict[str, Any]:
    """Fast against reference mode over documents as they are, alone and side by side."""
    choices = bench.choices
    tokens = MATCH_TOKENS
    examples = [bench.example(document) for document in bench.texts[: choices.match]]
    reference, seconds = [], 0.0
    for at, one in enumerate(examples):
        reference.append(bench.write(one, tokens, Mode.REFERENCE))
        seconds += reference[-1].seconds
        bench.say(f"reference {at + 1} of {len(examples)}")
    found: dict[str, Any] = {"match_documents": len(examples)}
    if "match" in choices.parts:
        fast = [bench.write(one, tokens) for one in examples]
        found["fast_same_label_sets"] = share(same_sets(examples, reference, fast))
        found["fast_same_texts"] = share(
            [r.text == f.text for r, f in zip(reference, fast, strict=True)]
        )
        found["answered"] = share(
            [bool(labels(one, got)) for one, got in zip(examples, reference, strict=True)]
        )
    if "batch" in choices.parts:
        many, took = side_by_side(bench, examples, tokens)
        found |= {
            "batch_size": choices.batch_size,
            "batch_documents_per_second": len(examples) / took,
            "reference_documents_per_second": len(examples) / seconds,
            "batch_speedup": seconds / took,
            "batch_same_label_sets": share(same_sets(examples, reference, many)),
        }
    return found


def side_by_side(
    bench: Bench, examples: Sequence[Example], tokens: int
) -> tuple[list[Generated], float]:
    decoding = Decoding(max_new_tokens=tokens)
    requests = [
        Request(one.prompt, decoding, lambda piece: None, lambda: False) for one in examples
    ]
    started = time.perf_counter()
    outcomes = {
        id(request): outcome
        for request, outcome in bench.model.generate_many(iter(requests), bench.choices.batch_size)
    }
    took = time.perf_counter() - started
    found = [outcomes[id(request)] for request in requests]
    return [one for one in found if isinstance(one, Generated)], took


def labels(example: Example, written: Generated) -> set[str]:
    return set(parse(written.text, example.candidates, written.finish_reason).answer or ())


def same_sets(
    examples: Sequence[Example], some: Sequence[Generated], others: Sequence[Generated]
) -> list[bool]:
    return [
        labels(example, a) == labels(example, b)
        for example, a, b in zip(examples, some, others, strict=True)
    ]


def share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else 0.0


def scorer(bench: Bench) -> dict[str, Any]:
    """50 candidates of one document: our scorer, and each prompt by itself through transformers."""
    model = bench.model
    if str(model.model.dtype) != "torch.float32":
        model = LocalModel.load(replace(PACKAGED, dtype="float32"), bench.settings)
    config = replace(bench.config, n=CANDIDATES)
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


def live(bench: Bench) -> dict[str, Any]:
    """Tokens a second of fast mode, alone and beside a process that writes batches like a job."""
    examples = bench.long_examples()

    def rates() -> list[float]:
        got = [bench.write(one, TRACE_TOKENS) for one in examples]
        return [one.tokens / one.seconds for one in got]

    alone = rates()
    command = [sys.executable, "-m", "benchmarks.rerank_job", bench.choices.dataset]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as job:
        try:
            if job.stdout is None or job.stdout.readline().strip() != "writing":
                raise RuntimeError("the batch job did not start")
            beside = rates()
        finally:
            job.kill()
    shares = [b / a for a, b in zip(alone, beside, strict=True)]
    bench.say(f"beside a batch job: {statistics.median(shares):.2f} of the speed alone")
    return {
        "live_alone_per_second": statistics.median(alone),
        "live_beside_per_second": statistics.median(beside),
        "live_share": statistics.median(shares),
        "live_spread": [min(shares), max(shares)],
    }
