"""How long Focus and Confusion of a trace take, and how far they are from direct encoding.

    python -m benchmarks.curves [--runs 5] [--json]
    python -m benchmarks.curves --difference [--traces 12] [--json]

Traces follow the grammar, with titles of ICD-10-CM as candidates (seeded); the document is 14
titles. Baseline: each of the 20 prefixes embedded as it is, with sentence-transformers' own encode,
which reads the first 256 tokens of each (and so is wrong beyond them); the document and the near
misses as well. Both run in turn, nothing is cached. `known` is ours with the document and the near
misses looked up in memory, as when another system has met them.
"""

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import core  # sets OpenMP's waiting, before torch loads
from core.datasets import icd
from core.traces.base import NearMiss
from core.traces.curves import curves

Vectors = npt.NDArray[np.float32]
Say = Callable[[str], None]
POINTS = 20
LENGTHS = (150, 10_000)
_TOKEN = re.compile(r"\s?\w{1,6}|\s?[^\w\s]|\s")  # about as many as a language model's


@dataclass(frozen=True)
class Case:
    trace: str
    tokens: list[tuple[int, int]]
    document: str
    misses: tuple[NearMiss, ...]


def case(tokens: int, seed: int) -> Case:
    """A trace of so many tokens, and what it is about."""
    chance = random.Random(seed)
    titles = list(icd.titles(icd.package_file("icd10cm-codes-2024.txt")).values())
    document = ". ".join(chance.choices(titles, k=14)) + "."
    misses = [
        NearMiss(str(n), name, "", 0.0) for n, name in enumerate(chance.choices(titles, k=10))
    ]
    picked = chance.choices(titles, k=max(3, tokens // 60))
    shortlist = [f'{n}. {t} <- "{" ".join(t.split()[:3])}"' for n, t in enumerate(picked, 1)]
    reasons = [
        f"{n}. {'keep' if n % 2 else 'drop'}: the text says {chance.choice(titles).lower()}."
        for n in range(1, len(picked) + 1)
    ]
    text = "\n".join(["Shortlist:", *shortlist, "Reasoning:", *reasons, "Answer: 1, 3"])
    found = [token.span() for token in _TOKEN.finditer(text)][:tokens]
    return Case(text[: found[-1][1]], found, document, tuple(misses))


def speed(runs: int, lengths: Sequence[int] = LENGTHS, say: Say = print) -> dict[str, Any]:
    """Milliseconds (p50, least, largest) by trace length: direct encoding and ours, in turn."""
    from benchmarks.encode_engines import default_model
    from core.config import Settings
    from core.encoders import Encoder

    encoder = Encoder.load(Settings())
    encode, peer = partial(encoder.encode, cache=False), default_model()
    result: dict[str, Any] = {"encoder": encoder.identity}
    for tokens in lengths:
        some = case(tokens, seed=0)
        again = [*_document_pieces(some), *(miss.name for miss in some.misses)]
        table = dict(zip(again, encode(again), strict=True))
        ways: dict[str, Callable[[], object]] = {
            "direct": partial(_direct, some, partial(peer.encode, batch_size=32)),
            "ours": partial(_ours, some, encode),
            "known": partial(_ours, some, encode, partial(_known, table)),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(runs + 1):
            for way, run in ways.items():
                start = time.perf_counter()
                run()
                if turn:  # the first warms up
                    seconds[way].append(time.perf_counter() - start)
        read = encoder.count_tokens([some.trace])[0]
        result[str(tokens)] = {"encoder_tokens": read} | {
            way: {
                "p50_ms": 1000 * statistics.median(all_of),
                "least_ms": 1000 * min(all_of),
                "largest_ms": 1000 * max(all_of),
            }
            for way, all_of in seconds.items()
        }
        for way, all_of in seconds.items():
            say(
                f"{tokens:,} tokens, {way}: p50 {1000 * statistics.median(all_of):,.0f} ms "
                f"({1000 * min(all_of):,.0f} to {1000 * max(all_of):,.0f}), {runs} runs"
            )
    return result


def difference(traces: int, say: Say = print) -> dict[str, Any]:
    """Sentence-wise less direct curves at all points, over traces that fit the encoder's window."""
    from core.config import Settings
    from core.encoders import MAX_TOKENS, Encoder

    encoder = Encoder.load(Settings())
    encode = partial(encoder.encode, cache=False)
    off: dict[str, list[float]] = {"focus": [], "confusion": []}
    along: dict[str, list[float]] = {"focus": [], "confusion": []}
    used = 0
    for seed in range(traces):
        some = case(60 + seed % 120, seed)
        if max(encoder.count_tokens([some.trace])) > MAX_TOKENS:
            continue
        used += 1
        ours, direct = _ours(some, encode), _direct(some, encode)
        for at, name in enumerate(("focus", "confusion")):
            off[name].extend((ours[:, at] - direct[:, at]).tolist())
            along[name].append(float(np.corrcoef(ours[:, at], direct[:, at])[0, 1]))
    result: dict[str, Any] = {"traces": used, "encoder": encoder.identity}
    for name, values in off.items():
        size = np.abs(values)
        result[name] = {
            "mean": float(np.mean(values)),
            "mean_absolute": float(size.mean()),
            "p95_absolute": float(np.quantile(size, 0.95)),
            "median_correlation": statistics.median(along[name]),
        }
        say(
            f"{name}: mean {np.mean(values):+.3f}, mean absolute {size.mean():.3f}, p95 "
            f"{np.quantile(size, 0.95):.3f}; correlation along a trace "
            f"{statistics.median(along[name]):.3f} (median of {used} traces)"
        )
    return result


def _ours(
    some: Case,
    encode: Callable[[list[str]], Vectors],
    known: Callable[[list[str]], Vectors] | None = None,
) -> npt.NDArray[np.float64]:
    found = curves(
        some.trace,
        some.tokens,
        some.document,
        some.misses,
        encode,
        "gold",
        POINTS,
        encode_known=known,
    )
    return np.array([[p.focus, p.confusion] for p in found.points], dtype=np.float64)


def _known(table: Mapping[str, Vectors], texts: list[str]) -> Vectors:
    return np.stack([table[text] for text in texts])


def _direct(some: Case, encode: Callable[[list[str]], Vectors]) -> npt.NDArray[np.float64]:
    """Both curves from whole prefixes, `(points, 2)`."""
    ends = [some.tokens[max(round(len(some.tokens) * i / POINTS), 1) - 1][1] for i in range(1, 21)]
    texts = [some.trace[:end] for end in ends]
    vectors = encode([*texts, some.document, *(miss.name for miss in some.misses)])
    on = vectors[POINTS]
    misses = vectors[POINTS + 1 :].sum(axis=0)
    both = np.stack([on / np.linalg.norm(on), misses / np.linalg.norm(misses)], axis=1)
    unit = vectors[:POINTS] / np.linalg.norm(vectors[:POINTS], axis=1, keepdims=True)
    return (unit @ both).astype(np.float64)


def _document_pieces(some: Case) -> list[str]:
    from core.traces.curves import windows

    return [some.document[a:b] for a, b in windows(some.document)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tokens", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--difference", action="store_true")
    parser.add_argument("--traces", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    say: Say = (lambda line: None) if args.json else (lambda line: print(line, flush=True))
    run = (
        partial(difference, args.traces)
        if args.difference
        else partial(speed, args.runs, args.tokens)
    )
    result = run(say=say)
    if args.json:
        print(json.dumps(result | {"version": core.__version__}, indent=1))


if __name__ == "__main__":
    main()
