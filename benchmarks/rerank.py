"""How fast the packaged model writes and scores, against plain transformers and llama.cpp.

    phaselens bench rerank [--json] [--parts speed,match,batch,scorer,live,student]

1. speed: documents with a prompt of about 500 tokens and up to 150 tokens of trace, one at a
   time: transformers' generate() as it comes, our fast mode, the same guided (what is given counts
   as written), and llama.cpp on the same weights.
   The engines take turns, document by document, so that all meet the same other work.
2. match: whether reference mode writes generate()'s tokens, and in how many documents fast mode
   ends with the labels of reference mode. Documents and prompts as they are.
3. batch: documents side by side, against reference mode one at a time.
4. scorer: 50 candidates of a document, against one whole prompt after another, in float32.
5. live: fast mode beside a batch job at the priority of jobs, against fast mode alone.
6. student: a student that ships against its teacher, fast mode both.

Speeds are tokens (documents) a second of the whole work, prompt included.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import llama_cpp_peer
from benchmarks.rerank_match import batch, match
from benchmarks.rerank_scorer import scorer
from benchmarks.rerank_student import student
from benchmarks.rerank_subject import Bench, Choices, Say
from core.config import Settings
from core.rerank.base import Mode

ROOT = Path(__file__).resolve().parent.parent


def measure(settings: Settings, choices: Choices, say: Say = lambda line: None) -> dict[str, Any]:
    """All figures as plain data; those of parts that were left out are None.

    Raises UnknownNameError, IndexFileError, ModelError; ValueError where fast mode does not know
    the model.
    """
    bench = Bench(settings, choices, say)
    identity = bench.model.identity()
    result: dict[str, Any] = {
        **{"speedup_over_generate": None, "guided_speedup": None, "first_token_ms": None},
        **{"ratio_to_llama_cpp": None, "ratio_to_llama_cpp_q4": None, "reference_identical": None},
        **{"fast_same_label_sets": None, "batch_speedup": None, "live_share": None},
        **{"scorer_speedup": None, "scorer_max_error": None},
        "student_speedup": None,
        "missing": "",
        **{name: identity[name] for name in ("name", "dtype", "device", "threads", "torch")},
        "transformers": identity["transformers"],
        "runs": choices.runs,
        "cores": os.cpu_count(),
        "load": [os.getloadavg()[0]],  # of all that runs here: 1 for each core that is busy
    }
    say(f"{identity['name']}, {identity['dtype']}, {identity['threads']} threads")
    parts: dict[str, Callable[[Bench], dict[str, Any]]] = {
        "speed": speed, "match": match, "batch": batch, "scorer": scorer, "live": live,
        "student": student,
    }  # fmt: skip
    for name, part in parts.items():
        if name in choices.parts:
            result |= part(bench)
            result["load"].append(os.getloadavg()[0])
    return result


def speed(bench: Bench) -> dict[str, Any]:
    """Tokens a second of each engine, its median over all documents and runs, and the spread."""
    examples, choices = bench.long_examples(), bench.choices
    length = choices.trace_tokens
    sizes = [bench.prompt_tokens(one) for one in examples]
    peers = llama_cpp_peer.engines(bench.settings, max(sizes) + length + 8)
    engines = ("generate", "fast", "guided", *peers)
    rates: dict[str, list[float]] = {name: [] for name in engines}
    first: list[float] = []
    given: list[float] = []
    written: list[int] = []
    identical = []
    bench.plain(examples[0], 4)
    bench.write(examples[-1], 4)  # warm; not the first one, whose prompt would be known
    for run in range(choices.runs):
        for at, one in enumerate(examples):
            ids, seconds = bench.plain(one, length)
            rates["generate"].append(len(ids) / seconds)
            got = bench.write(one, length)
            rates["fast"].append(got.tokens / got.seconds)
            first.append((got.seconds_to_first_token or 0.0) * 1000)
            written.append(len(ids))
            led = bench.write(one, length, guided=True)
            rates["guided"].append(led.tokens / led.seconds)
            given.append(sum(b - a for a, b in led.given) / len(led.text))
            for name, peer in peers.items():
                tokens, seconds = peer(bench.model._ids(one.rendered), length)
                rates[name].append(tokens / seconds)
            if run == 0:
                if bench.exact is not bench.model:
                    ids, _ = bench.plain(one, length, bench.exact)
                plain = bench.model.tokenizer.decode(ids, skip_special_tokens=True)
                reference = bench.write(one, length, Mode.REFERENCE)
                identical.append((reference.text, reference.tokens) == (plain, len(ids)))
            last = {name: f"{some[-1]:.1f}" for name, some in rates.items()}
            bench.say(f"run {run + 1}, document {at + 1}: tokens/s {last}")
    medians = {name: statistics.median(some) for name, some in rates.items()}
    ratio, guided = (
        [f / g for f, g in zip(rates[name], rates["generate"], strict=True)]
        for name in ("fast", "guided")
    )
    found: dict[str, Any] = {
        "prompt_tokens": sizes,
        "trace_tokens": statistics.mean(written),
        "tokens_per_second": {
            name: {"median": medians[name], "least": min(some), "most": max(some)}
            for name, some in rates.items()
        },
        "speedup_over_generate": statistics.median(ratio),
        "speedup_spread": [min(ratio), max(ratio)],
        "guided_speedup": statistics.median(guided),
        "guided_spread": [min(guided), max(guided)],
        "guided_given": statistics.mean(given),  # share of its characters
        "first_token_ms": statistics.median(first),
        "first_token_spread": [min(first), max(first)],
        "reference_identical": all(identical),
        "missing": "" if peers else llama_cpp_peer.MISSING,
    }
    for name in peers:
        found[f"ratio_to_{name}"] = medians["fast"] / medians[name]
    return found


def live(bench: Bench) -> dict[str, Any]:
    """Tokens a second of fast mode, alone and beside a process that writes batches like a job."""
    examples = bench.long_examples()

    def rates() -> list[float]:
        got = [bench.write(one, bench.choices.trace_tokens) for one in examples]
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
