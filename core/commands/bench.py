"""`phaselens bench`: measurements on this machine, from a checkout of the source.

The measurements themselves are in benchmarks/, which is no part of the installed package.
"""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.console import JsonFlag, example, new_app, reporting, say
from core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
app = new_app("Measure this machine: label search against its peers, and more.")


def benchmark(name: str) -> Any:
    """The module benchmarks.NAME. Raises InputError away from a checkout."""
    if not (ROOT / "benchmarks" / f"{name}.py").is_file():
        raise InputError(
            f"This copy of PhaseLens has no benchmarks/{name}.py.",
            "Benchmarks run from a checkout of the source: `make app` there, then "
            "`.venv/bin/phaselens bench ...`.",
        )
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"benchmarks.{name}")


@app.command(
    "shortlist",
    epilog=example(
        "phaselens bench shortlist --json",
        "phaselens bench shortlist --dataset icd --labels 20000 --runs 1 --encode-names 0",
    ),
)
def shortlist(
    dataset: Annotated[
        str, typer.Option("--dataset", help="Whose label vectors; its index must be ready.")
    ] = "mesh",
    labels: Annotated[
        int, typer.Option("--labels", help="How many labels, at random; all where fewer.")
    ] = 200_000,
    queries: Annotated[
        int,
        typer.Option("--queries", help="Training documents: half to choose ef, half to measure."),
    ] = 512,
    runs: Annotated[int, typer.Option("--runs", help="Rounds; medians are told.")] = 3,
    target: Annotated[
        float, typer.Option("--target", min=0, max=1, help="recall@50 that ef is chosen for.")
    ] = 0.98,
    full: Annotated[bool, typer.Option(help="Also search the ready index of all labels.")] = True,
    encode_names: Annotated[
        int,
        typer.Option("--encode-names", help="Label names to encode, ours and default; 0: none."),
    ] = 50_000,
    as_json: JsonFlag = False,
) -> None:
    """Label search against hnswlib alone, faiss HNSW, usearch and exact search, in one run.

    The same label vectors and queries for all, each in a process of its own, with ef chosen for
    the same recall. Peers that are not installed are passed over: pip install faiss-cpu usearch.
    """
    with reporting(as_json) as report:
        from core.config import load_settings
        from core.datasets.catalogue import open_dataset

        settings = load_settings()
        bench, encode = benchmark("shortlist"), benchmark("encode")
        if encode_names:  # now, not after minutes of work
            open_dataset(settings, encode.DATASET)
        data = bench.measure(
            settings,
            dataset,
            labels=labels,
            queries=queries,
            runs=runs,
            target=target,
            full=full,
            say=say,
        )
        data["encode"] = None
        if encode_names:
            say(f"encoding {encode_names:,} label names, by the default and by ours")
            data["encode"] = encode.measure(names=encode_names, say=say)
        report.give(data, *benchmark("shortlist_table").table(data), *encoded(data["encode"]))


def encoded(found: dict[str, Any] | None) -> list[str]:
    """The line about encoding, for a person."""
    if found is None:
        return []
    return [
        "",
        f"Encoding label names: {found['ours_per_s']:,.0f} a second, {found['ratio']:.2f} times "
        f"the {found['default_per_s']:,.0f} of sentence-transformers' default, mean cosine "
        f"{found['mean_cosine']:.5f}; recall@50 over {found['names']:,} names "
        f"{found['recall_at_50_ours']:.3f}, the default's {found['recall_at_50_default']:.3f}.",
    ]


@app.command(
    "growth",
    epilog=example("phaselens bench growth --json", "phaselens bench growth --traces 20000"),
)
def growth(
    traces: Annotated[
        int, typer.Option("--traces", min=1_000, help="The largest store; 20 kB each on disk.")
    ] = 100_000,
    repeats: Annotated[int, typer.Option("--repeats", min=3, help="Times each query runs.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """How each query of the app slows down as the store grows, up to 100,000 traces.

    The exponent is the slope of log time over log traces: 0 = always the same, 1 = in proportion.
    """
    with reporting(as_json) as report:
        bench = benchmark("store_growth")
        data = bench.growth(traces, repeats, say)
        report.give(data, *bench.growth_table(data))


@app.command("pages", epilog=example("phaselens bench pages --json"))
def pages(
    traces: Annotated[
        int, typer.Option("--traces", min=1_000, help="In the store; 20 kB each on disk.")
    ] = 100_000,
    repeats: Annotated[int, typer.Option("--repeats", min=3, help="Times each page runs.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """How long the script of each page takes over a throw-away store of 100,000 traces."""
    with reporting(as_json) as report:
        from core.config import load_settings

        bench = benchmark("pages")
        data = bench.measure(load_settings(), traces, repeats, say)
        report.give(data, *bench.pages_table(data))


@app.command(
    "recall",
    epilog=example("phaselens bench recall --json", "phaselens bench recall icd mesh --split test"),
)
def recall(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Default: all with a ready index.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="dev, for choices; test, for the report.")
    ] = "dev",
    documents: Annotated[int, typer.Option("--documents", min=1, help="Of each dataset.")] = 1_000,
    anew: Annotated[bool, typer.Option("--anew", help="Measure again what is known.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """recall@10, 20, 50 and 100 of every method of retrieval, with 95% intervals.

    What was measured is kept in the data folder, so a stopped measurement goes on.
    """
    with reporting(as_json) as report:
        from core.config import load_settings
        from core.run_request import parse_split

        chosen = parse_split(split)
        if chosen is None:
            raise InputError("Recall is measured on one split.", "Use --split dev or test.")
        bench = benchmark("recall")
        data = bench.measure(load_settings(), datasets or (), chosen.value, documents, anew=anew)
        without = [f"Without a ready index: {', '.join(data['skipped'])}."]
        report.give(data, bench.table(data), *(without if data["skipped"] else []))


@app.command(
    "rerank",
    epilog=example(
        "phaselens bench rerank --json",
        "phaselens bench rerank --match 200 --parts match,batch",
    ),
)
def rerank(
    dataset: Annotated[
        str, typer.Option("--dataset", help="Its dev documents; its index must be ready.")
    ] = "icd",
    documents: Annotated[
        int, typer.Option("--documents", min=2, help="Of which the speed is measured.")
    ] = 3,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Rounds; medians are told.")] = 3,
    match: Annotated[
        int, typer.Option("--match", min=1, help="Documents to compare with reference mode.")
    ] = 8,
    match_tokens: Annotated[
        int, typer.Option("--match-tokens", min=1, help="Of which at most, in match and batch.")
    ] = 320,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=2, help="Documents written side by side.")
    ] = 8,
    parts: Annotated[
        str, typer.Option("--parts", help="Any of speed, match, batch, scorer, live, student.")
    ] = "speed,match,batch,scorer,live",
    as_json: JsonFlag = False,
) -> None:
    """The packaged model's traces and scores, against plain transformers and llama.cpp.

    One run measures all; llama.cpp is passed over where it is not installed: pip install
    llama-cpp-python. Minutes on a small machine; --parts leaves some out.
    """
    with reporting(as_json) as report:
        from core.config import load_settings

        bench, subject = benchmark("rerank"), benchmark("rerank_subject")
        chosen = tuple(part.strip() for part in parts.split(","))
        if unknown := set(chosen) - set(subject.PARTS):
            raise InputError(
                f"There is no part named {sorted(unknown)[0]!r}.",
                f"Choose among: {', '.join(subject.PARTS)}.",
            )
        choices = subject.Choices(dataset, documents, runs, match, batch_size, chosen, match_tokens)
        data = bench.measure(load_settings(), choices, say)
        report.give(data, *benchmark("rerank_table").table(data))
