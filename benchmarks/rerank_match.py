"""Whether fast mode ends with reference mode's labels; parts of benchmarks/rerank.py.

Reference mode's texts are kept in the home (`bench/reference.jsonl`), each under a hash of the
prompt and all else that decides it: what an earlier run wrote is not written again.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rerank_subject import Bench, labels, share
from core.models.base import Generated, Request
from core.pipeline import Example
from core.rerank.base import Decoding, Mode
from core.traces.base import FinishReason


def match(bench: Bench) -> dict[str, Any]:
    """Fast against reference mode over documents as they are, one at a time."""
    tokens = bench.choices.match_tokens
    examples = [bench.example(document) for document in bench.texts[: bench.choices.match]]
    known = Known(bench.settings.home / "bench" / "reference.jsonl")
    reference = [known.written(bench, one, tokens) for one in examples]
    fast = [bench.write(one, tokens) for one in examples]
    return {
        "match_documents": len(examples),
        "match_tokens": tokens,
        "fast_same_label_sets": share(same_sets(examples, reference, fast)),
        "fast_same_texts": share([r.text == f.text for r, f in zip(reference, fast, strict=True)]),
        "answered": share(
            [bool(labels(one, got)) for one, got in zip(examples, reference, strict=True)]
        ),
    }


class Known:
    """Texts that reference mode has written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.texts: dict[str, Generated] = {}
        for line in lines:
            data = json.loads(line)
            key = data.pop("key")
            data["finish_reason"] = FinishReason(data["finish_reason"])
            self.texts[key] = Generated(token_offsets=(), seconds_to_first_token=None, **data)

    def written(self, bench: Bench, example: Example, tokens: int) -> Generated:
        # Threads may differ: they change the order of sums, which the match is about anyway.
        identity = {**bench.exact.identity(), "threads": None}
        deciding = [example.rendered, identity, tokens]
        key = hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()
        if key not in self.texts:
            got = bench.write(example, tokens, Mode.REFERENCE)
            self.texts[key] = got
            kept = ("text", "finish_reason", "prompt_tokens", "tokens", "seconds")
            data = {"key": key, **{name: getattr(got, name) for name in kept}}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(data) + "\n")
            bench.say(f"reference mode: {len(self.texts)} texts known")
        return self.texts[key]


def batch(bench: Bench) -> dict[str, Any]:
    """Documents a second side by side, against plain generate() one at a time, on the same ones
    and in the same number format: twice as many as stand side by side, so that finished ones are
    replaced. Labels are compared with reference mode's."""
    choices = bench.choices
    tokens = choices.match_tokens
    examples = [bench.example(document) for document in bench.texts[: 2 * choices.batch_size]]
    known = Known(bench.settings.home / "bench" / "reference.jsonl")
    reference = [known.written(bench, one, tokens) for one in examples]
    plain = 0.0
    for at, one in enumerate(examples, start=1):
        plain += bench.plain(one, tokens)[1]
        bench.say(f"generate: {at} of {len(examples)}")
    many, took = side_by_side(bench, examples, tokens)
    return {
        "batch_size": choices.batch_size,
        "batch_documents": len(examples),
        "batch_documents_per_second": len(examples) / took,
        "generate_documents_per_second": len(examples) / plain,
        "batch_speedup": plain / took,
        "batch_same_label_sets": share(same_sets(examples, reference, many)),
    }


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


def same_sets(
    examples: Sequence[Example], some: Sequence[Generated], others: Sequence[Generated]
) -> list[bool]:
    return [
        labels(example, a) == labels(example, b)
        for example, a, b in zip(examples, some, others, strict=True)
    ]
