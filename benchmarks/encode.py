"""How fast texts become vectors, against sentence-transformers' default, in one run.

    python -m benchmarks.encode [--engine ours] [--names 50000] [--json]
    python -m benchmarks.encode --bound      the most this machine multiplies, and what a name needs
    python -m benchmarks.encode --blocks     names a second by names a call
    python -m benchmarks.encode --queries    milliseconds for one query text

The names are those of the dataset `mesh`: the gold labels of the query documents, and others at
even distances. They are dealt out into parts; each part is encoded by the default and then by the
engine, so that both meet the same other work of the machine. Both encode every name.
Queries are dev documents; recall@50 is exact search's, over the names encoded.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import core  # sets OpenMP's waiting, before torch loads

Vectors = npt.NDArray[np.float32]
Say = Callable[[str], None]

DATASET = "mesh"
PARTS = 10
QUERIES = 300
K = 50
LAYERS, DIM, HIDDEN = 6, 384, 1536
FLOPS_A_TOKEN = 2 * LAYERS * (4 * DIM * DIM + 2 * DIM * HIDDEN)  # products of weights alone


def measure(
    names: int = 50_000,
    engine: str = "ours",
    queries: int = QUERIES,
    parts: int = PARTS,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Names a second by sentence-transformers' default and by an engine of encode_engines.py.

    Medians over `parts`; `ratio` is the median of the parts' ratios and `spread` their least and
    largest; `mean_cosine` is over all names; recalls are the mean share of a document's gold
    labels among the 50 nearest names. Raises UnknownNameError when `mesh` has not been fetched.
    """
    import torch

    from benchmarks.encode_engines import ENGINES, default
    from core.config import load_settings
    from core.datasets.base import Split
    from core.datasets.catalogue import open_dataset
    from core.encoders import Encoder

    settings = load_settings()
    dataset = open_dataset(settings, DATASET)
    documents = [dataset.document_at(row) for row in dataset.rows_of(Split.DEV)[:queries]]
    gold = [[row for row in map(dataset.labels.row, d.gold) if row is not None] for d in documents]
    rows = _rows(len(dataset.labels), names, {row for some in gold for row in some})
    torch.set_num_threads(settings.torch_threads())
    theirs, ours = default(), ENGINES[engine]()
    encode = {"default": theirs, "ours": ours}
    seconds: dict[str, list[float]] = {"default": [], "ours": []}
    vectors = {which: np.empty((len(rows), DIM), np.float32) for which in encode}
    sizes = []
    for which in encode:
        encode[which](dataset.labels.names(rows[:256].tolist()))
    for part in range(parts):
        places = np.arange(part, len(rows), parts)
        texts = dataset.labels.names(rows[places].tolist())
        sizes.append(len(texts))
        for which, run in encode.items():
            start = time.perf_counter()
            vectors[which][places] = run(texts)
            seconds[which].append(time.perf_counter() - start)
        speeds = [f"{which} {sizes[-1] / seconds[which][-1]:,.0f}/s" for which in encode]
        say(f"part {part + 1} of {parts}: {', '.join(speeds)}")
    texts = [document.text for document in documents]
    by_queries = {
        "default": theirs(texts),
        "ours": Encoder.load(settings).encode(texts, cache=False),
    }
    recalls = {which: _recall(by_queries[which], vectors[which], rows, gold) for which in encode}
    ratios = [d / o for d, o in zip(seconds["default"], seconds["ours"], strict=True)]
    per_s = {
        which: statistics.median(n / s for n, s in zip(sizes, seconds[which], strict=True))
        for which in encode
    }
    cosines = (vectors["default"] * vectors["ours"]).sum(axis=1)
    return {
        "engine": engine,
        "names": len(rows),
        "queries": len(documents),
        "threads": torch.get_num_threads(),
        "default_per_s": per_s["default"],
        "ours_per_s": per_s["ours"],
        "ratio": statistics.median(ratios),
        "mean_cosine": float(cosines.mean()),
        "least_cosine": float(cosines.min()),
        "recall_at_50_default": recalls["default"],
        "recall_at_50_ours": recalls["ours"],
        "runs": parts,
        "spread": [min(ratios), max(ratios)],
    }


def bound(say: Say = lambda line: None) -> dict[str, Any]:
    """Products a second (2 for each multiply and add, in 10^9) of one core on the model's largest
    matrices, by number format, and how many names of 10 tokens a core could do with them alone."""
    import torch

    from core.minilm import Affine
    from core.minilm_int8 import _int_affine, _product
    from core.token_windows import GROUP_TOKENS

    torch.set_num_threads(1)
    shapes = ((3 * DIM, DIM), (HIDDEN, DIM), (DIM, HIDDEN))
    found: dict[str, list[float]] = {"float32": [], "bfloat16": [], "int8": []}
    with torch.inference_mode():
        for outs, ins in shapes:
            x, layer = (
                torch.randn(GROUP_TOKENS, ins),
                Affine(torch.randn(outs, ins), torch.ones(outs)),
            )
            short = Affine(layer.weight.bfloat16(), layer.bias.bfloat16())
            whole = _int_affine(layer, torch.full((ins,), 0.03))
            integers, half = whole.integers(x), x.bfloat16()
            runs: dict[str, Callable[[], object]] = {
                "float32": partial(layer.linear, x),
                "bfloat16": partial(short.linear, half),
                "int8": partial(_product, whole, integers),
            }
            for which, run in runs.items():
                seconds = np.quantile(_times(run, 200), 0.1)  # the quick ones: a bound
                found[which].append(2 * GROUP_TOKENS * outs * ins / seconds / 1e9)
    result: dict[str, Any] = {"flops_a_name": FLOPS_A_TOKEN * 10.26}
    for which, speeds in found.items():
        mean = statistics.harmonic_mean(speeds)
        names = mean * 1e9 / result["flops_a_name"]
        result[which] = {"gflops_a_core": mean, "names_a_core_per_s": names}
        say(f"{which:9} {mean:6.0f} GFLOP/s a core: at most {names:,.0f} names a second and core")
    return result


def blocks(say: Say = lambda line: None) -> dict[str, float]:
    """Names a second of encode_labels, by the number of names a call (medians of 3)."""
    from core.config import load_settings
    from core.datasets.catalogue import open_dataset
    from core.encoders import Encoder

    settings = load_settings()
    labels = open_dataset(settings, DATASET).labels
    texts = labels.names(np.linspace(0, len(labels) - 1, 16_384).astype(int).tolist())
    encoder = Encoder.load(settings)
    encoder.encode_labels(texts[:512])
    seconds: dict[int, list[float]] = {512: [], 2048: [], 8192: [], 16_384: []}
    for _ in range(3):
        for size, some in seconds.items():
            start = time.perf_counter()
            for first in range(0, len(texts), size):
                encoder.encode_labels(texts[first : first + size])
            some.append(time.perf_counter() - start)
    result = {str(b): len(texts) / statistics.median(some) for b, some in seconds.items()}
    for block, speed in result.items():
        say(f"{block:>6} names a call: {speed:,.0f}/s")
    return result


def queries(count: int = QUERIES, say: Say = lambda line: None) -> dict[str, Any]:
    """Milliseconds of Encoder.encode for one text, not from the cache: dev documents of `mesh` of
    256 tokens and more, and the first 3 to 30 words of dev documents."""
    from core.config import load_settings
    from core.datasets.base import Split
    from core.datasets.catalogue import open_dataset
    from core.encoders import MAX_TOKENS, Encoder

    settings = load_settings()
    dataset = open_dataset(settings, DATASET)
    texts = [dataset.document_at(row).text for row in dataset.rows_of(Split.DEV)]
    encoder = Encoder.load(settings)
    long = [text for text in texts if encoder.count_tokens([text])[0] >= MAX_TOKENS][:count]
    short = [" ".join(text.split()[: 3 + at % 28]) for at, text in enumerate(texts[:count])]
    result: dict[str, Any] = {"identity": encoder.identity}
    for which, some in (("short", short), ("abstract", long)):
        encoder.encode(some[:30], cache=False)
        ms = []
        for text in some:
            start = time.perf_counter()
            encoder.encode([text], cache=False)
            ms.append((time.perf_counter() - start) * 1000)
        p50, p95 = np.quantile(ms, [0.5, 0.95])
        result[which] = {"texts": len(some), "p50_ms": float(p50), "p95_ms": float(p95)}
        say(f"{which}: {len(some)} texts, p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    return result


def _rows(labels: int, names: int, wanted: set[int]) -> npt.NDArray[np.int64]:
    """`wanted` and others at even distances, `names` in all (fewer where there are no more)."""
    rest = np.setdiff1d(np.arange(labels), sorted(wanted))
    more = max(0, min(names, labels) - len(wanted))
    others = rest[np.linspace(0, len(rest) - 1, more).astype(np.int64)] if more else rest[:0]
    return np.unique(np.concatenate([np.array(sorted(wanted), np.int64), others]))


def _recall(
    documents: Vectors,
    names: Vectors,
    rows: npt.NDArray[np.int64],
    gold: Sequence[Sequence[int]],
) -> float:
    nearest = np.argpartition(-(documents @ names.T), K, axis=1)[:, :K]
    found = [
        len(set(rows[some].tolist()) & set(labels)) / len(labels)
        for some, labels in zip(nearest, gold, strict=True)
        if labels
    ]
    return float(np.mean(found))


def _times(run: Callable[[], object], times: int) -> list[float]:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", default="ours", help="see benchmarks/encode_engines.py")
    parser.add_argument("--names", type=int, default=50_000)
    parser.add_argument("--parts", type=int, default=PARTS)
    parser.add_argument("--json", action="store_true")
    for other in ("bound", "blocks", "queries"):
        parser.add_argument(f"--{other}", action="store_true")
    args = parser.parse_args()
    say: Say = (lambda line: None) if args.json else (lambda line: print(line, flush=True))
    if args.bound:
        result: dict[str, Any] = bound(say)
    elif args.blocks:
        result = blocks(say)
    elif args.queries:
        result = queries(say=say)
    else:
        result = measure(args.names, args.engine, parts=args.parts, say=say)
        say(
            f"{args.engine}: {result['ours_per_s']:,.0f}/s, {result['ratio']:.2f} times the "
            f"default's {result['default_per_s']:,.0f}/s "
            f"({result['spread'][0]:.2f} to {result['spread'][1]:.2f}); cosine mean "
            f"{result['mean_cosine']:.4f}, least {result['least_cosine']:.4f}; recall@50 "
            f"{100 * result['recall_at_50_ours']:.2f}%, default "
            f"{100 * result['recall_at_50_default']:.2f}%"
        )
    if args.json:
        print(json.dumps(result | {"version": core.__version__}, indent=1))


if __name__ == "__main__":
    main()
