"""Recall@10, 20, 50 and 100 of every method of retrieval on the datasets of this home.

    python -m benchmarks.recall [--split test] [--documents 1000] [--json] [DATASET ...]

Choices are made on dev, which is the default; test is for the report. Documents are the first of
the split by a hash of their id. Intervals are 95% percentile bootstrap
intervals over documents (1,000 resamples, seed 0); differences to dense are paired by document.
Each cell (dataset, method) is kept under <home>/bench/recall and not measured again while the
dataset, index, ef, word settings, constants of the methods and documents are the same.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.atomic import new_file
from core.config import Settings, load_settings
from core.datasets.base import Dataset, Split
from core.datasets.catalogue import names, open_dataset
from core.encoders import Encoder
from core.shortlist.base import Method
from core.shortlist.index import status
from core.shortlist.lexical import WORDS
from core.shortlist.recall import CUTS, Sample, recalls
from core.shortlist.retriever import Retriever
from core.shortlist.version import retrieval_identity

RESAMPLES = 1000
SEED = 0
DOCUMENTS = 1000

Recalls = npt.NDArray[np.float64]


def measure(
    settings: Settings,
    datasets: Sequence[str] = (),
    split: str = "dev",
    documents: int = DOCUMENTS,
    *,
    anew: bool = False,
) -> dict[str, Any]:
    """Measures the datasets (default: all with a ready index); progress goes to stderr.

    Gives rows [{dataset, method, default, labels, documents, recall {cut: {mean, low, high}},
    difference_to_dense {cut: {mean, low, high}}, ms_per_document}], split, skipped.
    """
    encoder = Encoder.load(settings)
    rows: list[dict[str, Any]] = []
    skipped: list[str] = []
    for name in datasets or names(settings):
        dataset = open_dataset(settings, name)
        if status(settings, dataset.info.index_name).state != "ready":
            skipped.append(name)
            continue
        rows += _rows_of(settings, dataset, encoder, Split(split), documents, anew)
    return {"split": split, "resamples": RESAMPLES, "seed": SEED, "rows": rows, "skipped": skipped}


def _rows_of(
    settings: Settings, dataset: Dataset, encoder: Encoder, split: Split, most: int, anew: bool
) -> list[dict[str, Any]]:
    retriever = Retriever.open(settings, dataset, encoder)
    sample: Sample | None = None
    found: dict[Method, tuple[Recalls, float]] = {}
    for method in Method:
        path = _cell(settings, retriever, method, split, most)
        if anew or not path.exists():
            if sample is None:
                _say(f"{dataset.name}: encoding {split.value} documents")
                sample = Sample.of(dataset, encoder, split, most)
            if not len(sample.documents):
                return []
            _say(f"{dataset.name}: {method.value}")
            _ = retriever.lexical  # made before the clock starts
            start = time.perf_counter()
            values = recalls(retriever, sample, method)
            assert values is not None  # nobody cancels
            seconds = (time.perf_counter() - start) / len(values)
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(path) as temporary, temporary.open("wb") as file:
                np.savez(file, values=values, seconds=seconds)
        with np.load(path) as kept:
            found[method] = kept["values"], float(kept["seconds"])
    dense = found[Method.DENSE][0]
    return [
        {
            "dataset": dataset.name,
            "method": method.value,
            "default": retriever.default is method,
            "labels": len(dataset.labels),
            "documents": len(values),
            "recall": _at_cuts(values),
            "difference_to_dense": _at_cuts(values - dense),
            "ms_per_document": seconds * 1000,
        }
        for method, (values, seconds) in found.items()
    ]


def _cell(
    settings: Settings, retriever: Retriever, method: Method, split: Split, most: int
) -> Path:
    """Where one measurement is kept; named by everything that decides it."""
    decides = [
        retriever.dataset.info.fingerprint, retriever.index.identity, retriever.encoder.identity,
        str(retriever.index.ef), WORDS.identity, retrieval_identity(), method.value, split.value,
        str(most), str(CUTS),
    ]  # fmt: skip
    key = hashlib.sha256("\n".join(decides).encode()).hexdigest()[:16]
    return settings.home / "bench" / "recall" / f"{retriever.dataset.name}-{method.value}-{key}.npz"


def _at_cuts(values: Recalls) -> dict[str, dict[str, float]]:
    """Mean and interval of each column."""
    low, high = interval(values)
    means = values.mean(axis=0)
    return {
        str(cut): {"mean": float(means[at]), "low": float(low[at]), "high": float(high[at])}
        for at, cut in enumerate(CUTS)
    }


def interval(values: Recalls) -> tuple[Recalls, Recalls]:
    """95% percentile bootstrap interval of the mean of each column, over rows."""
    draws = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    means = np.stack([values[draw].mean(axis=0) for draw in draws])
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high


def table(result: dict[str, Any]) -> str:
    """The rows as a Markdown table: mean [low, high] in percent."""
    lines = [
        f"| dataset | method | documents | {' | '.join(f'recall@{c}' for c in CUTS)} "
        "| @50 less dense | ms |",
        "|---|---|---|" + "---|" * (len(CUTS) + 2),
    ]
    for row in result["rows"]:
        cells = [_shown(row["recall"][str(cut)]) for cut in CUTS]
        dense = row["method"] == Method.DENSE
        less = "" if dense else _shown(row["difference_to_dense"]["50"], sign=True)
        mark = " (default)" if row["default"] else ""
        lines.append(
            f"| {row['dataset']} | {row['method']}{mark} | {row['documents']:,} | "
            f"{' | '.join(cells)} | {less} | {row['ms_per_document']:.0f} |"
        )
    return "\n".join(lines)


def _shown(value: dict[str, float], *, sign: bool = False) -> str:
    form = "+.1f" if sign else ".1f"
    mean, low, high = (format(100 * value[part], form) for part in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("datasets", nargs="*", help="default: all with a ready index")
    parser.add_argument("--split", default="dev", choices=[split.value for split in Split])
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--anew", action="store_true", help="measure again what is known")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = measure(
        load_settings(), options.datasets, options.split, options.documents, anew=options.anew
    )
    print(json.dumps(result) if options.json else table(result))
    if result["skipped"]:
        _say(f"Without a ready index: {', '.join(result['skipped'])}")


if __name__ == "__main__":
    main()
