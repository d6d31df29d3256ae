"""`phaselens eval RUN`: metrics, fates and parse buckets of a stored run, or of TREC files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.console import JsonFlag, Report, example, inert, reporting

EPILOG = example(
    "phaselens eval 3f2a91",
    "phaselens eval 3f2a91 --json",
    "phaselens eval 3f2a91 --trec exported",
    "phaselens eval --trec-run theirs.run --trec-qrels exported/3f2a91.qrels --dataset icd",
)
CUTS = ("1", "3", "5", "10")
AT_K = (("p", "P"), ("r", "R"), ("ndcg", "nDCG"), ("psp", "PSP"), ("psndcg", "PSnDCG"))


def evaluate(
    run: Annotated[str | None, typer.Argument(help="Id of a run, or its unique beginning.")] = None,
    trec: Annotated[
        Path | None,
        typer.Option("--trec", help="Also write the run and its qrels as TREC files here."),
    ] = None,
    trec_run: Annotated[
        Path | None, typer.Option("--trec-run", help="Score this TREC run, not a stored one.")
    ] = None,
    trec_qrels: Annotated[
        Path | None, typer.Option("--trec-qrels", help="The gold labels for --trec-run.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help="Whose training documents give --trec-run propensities."),
    ] = None,
    propensity: Annotated[
        str | None,
        typer.Option(
            "--propensity",
            help="standard, amazon, wikipedia, or two numbers A,B. Default: by the dataset's name.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate a run: P, R, nDCG, PSP, PSnDCG, F1, fates, parse buckets, tokens, seconds."""
    if (run is None) == (trec_run is None):
        raise typer.BadParameter("give a run, or --trec-run and --trec-qrels", param_hint="RUN")
    if (trec_run is None) != (trec_qrels is None):
        raise typer.BadParameter("give both --trec-run and --trec-qrels", param_hint="--trec-run")
    if run is not None and dataset is not None:
        raise typer.BadParameter("a stored run has its own dataset", param_hint="--dataset")
    if run is None and trec is not None:
        raise typer.BadParameter("only a stored run is written", param_hint="--trec")
    with reporting(as_json) as report:
        if run is not None:
            stored_run(report, run, trec, propensity)
        elif trec_run is not None and trec_qrels is not None:
            trec_files(report, trec_run, trec_qrels, dataset, propensity)


def stored_run(report: Report, run: str, trec: Path | None, choice: str | None) -> None:
    from core.config import load_settings
    from core.datasets.catalogue import open_dataset
    from core.evaluation import evaluate_run, export_trec, propensity_of
    from core.metrics.propensity import constants_for
    from db.runs import load_run, run_records
    from db.session import open_store

    settings = load_settings()
    with open_store(settings).read() as session:
        stored = load_run(session, run)
        about = stored.summary
        dataset = open_dataset(settings, about.dataset)
        constants = constants_for(dataset.info, choice)
        data = evaluate_run(
            about.id, run_records(session, about.id), propensity_of(dataset, constants)
        )
        files = export_trec(trec, about.id, run_records(session, about.id)) if trec else None
    data |= {
        "failed": about.failed,
        "dataset": about.dataset,
        "system": about.system,
        "split": about.split,
        "dataset_changed": stored.identity.get("dataset_fingerprint") != dataset.info.fingerprint,
        "propensity": constants._asdict() if data["psp"] is not None else None,
    }
    if files:
        data["trec"] = files
    report.give(data, *described(data))


def trec_files(
    report: Report, run: Path, qrels: Path, dataset: str | None, choice: str | None
) -> None:
    from core.config import load_settings
    from core.datasets.catalogue import open_dataset
    from core.evaluation import evaluate_trec, propensity_of
    from core.metrics.propensity import constants_for, constants_of

    if dataset is None:
        constants, weights = constants_of("", choice), None
    else:
        opened = open_dataset(load_settings(), dataset)
        constants = constants_for(opened.info, choice)
        weights = propensity_of(opened, constants)
    data = evaluate_trec(run, qrels, weights)
    data["propensity"] = constants._asdict() if data["psp"] is not None else None
    left_out = f"; {data['unjudged']:,} more have no gold and are left out"
    head = (
        f"{inert(data['run'])}: {data['documents']:,} documents with gold"
        f"{left_out if data['unjudged'] else ''}"
    )
    why_not = [] if dataset else ["PSP and PSnDCG need --dataset, for its propensities."]
    report.give(data, head, at_k_table(data), *why_not)


def at_k_table(data: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table("", *(f"@{k}" for k in CUTS))
    for key, name in AT_K:
        if data[key] is not None:
            table.add_row(name, *(f"{data[key][k]:.4f}" for k in CUTS))
            if "retrieval" in data:
                plain = data["retrieval"][key]
                table.add_row("  as retrieved", *(f"{plain[k]:.4f}" for k in CUTS), style="dim")
    return table


def described(data: dict[str, Any]) -> list[Any]:
    """The evaluation for a person, as three tables."""
    from rich.table import Table

    counts = Table("Fate of gold labels", "Labels", "Share")
    for fate, count in data["fates"].items():
        counts.add_row(fate, f"{count:,}", f"{count / max(1, data['gold']):.1%}")
    buckets = Table("Output", "Documents", "Share")
    for bucket, count in data["buckets"].items():
        buckets.add_row(bucket, f"{count:,}", f"{count / data['documents']:.1%}")
    head = (
        f"Run {data['run']}: {inert(data['system'])} on {inert(data['dataset'])}, split "
        f"{data['split'] or 'all'}, {data['documents']:,} documents"
        + (f"; {data['failed']:,} failed and are left out" if data["failed"] else "")
    )
    f1 = (
        f"F1 of the selected sets: micro {data['micro_f1']:.4f}, macro {data['macro_f1']:.4f}, "
        f"example-based {data['example_f1']:.4f}; {data['with_answer']:,} documents with at "
        "least one label selected"
    )
    cost = f"{data['mean_tokens']:.1f} tokens and {data['mean_seconds']:.2f} s a trace on average"
    changed = ["The dataset was changed after this run."] if data["dataset_changed"] else []
    written = [f"Written: {inert(path)}" for path in data.get("trec", {}).values()]
    return [head, at_k_table(data), f1, counts, buckets, cost, *changed, *written]
