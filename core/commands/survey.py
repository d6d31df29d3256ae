"""`phaselens survey`: where the gold labels of a split stand, by every method of retrieval."""

from typing import Annotated, Any

import typer

from core.commands.console import INTERRUPTED, JsonFlag, example, reporting

EPILOG = example(
    "phaselens survey icd",
    "phaselens survey icd --limit 200 --method dense --method fusion --json",
)
READ_ONCE = "test is for the last look: choices are made on dev."


def survey(
    name: Annotated[str, typer.Argument(help="Dataset, e.g. icd.")],
    split: Annotated[str, typer.Option("--split", help=f"Split; {READ_ONCE}")] = "dev",
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="At most so many documents; 0: all.")
    ] = 1000,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="dense, lexical, fusion, sentences or two-step; may be repeated. Default: the "
            "first three and the dataset's own.",
        ),
    ] = None,
    ef: Annotated[
        int | None, typer.Option("--ef", help="HNSW's candidate list. Default: the index's own.")
    ] = None,
    k: Annotated[int, typer.Option("--k", help="Where recall and fates are reported.")] = 50,
    n: Annotated[int, typer.Option("--n", help="Labels that a model would be shown.")] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Rank the gold labels of many documents, and say what retrieval finds and loses.

    A stopped survey goes on where it was; the Shortlist page draws what it found.
    """
    with reporting(as_json) as report:
        from dataclasses import asdict

        from rich.table import Table

        from core.commands.foreground import work_in_foreground
        from core.config import load_settings
        from core.datasets.catalogue import label_frequencies, open_dataset
        from core.errors import InputError
        from core.jobs.kinds import survey_key
        from core.shortlist import slices
        from core.shortlist.survey import Plan, usual_methods
        from core.shortlist.survey_store import read_survey
        from db.session import open_store

        settings = load_settings()
        dataset = open_dataset(settings, name)
        methods = tuple(dict.fromkeys(method or usual_methods(settings, dataset)))
        plan = Plan(name, split, limit or None, methods, ef)
        plan.check()
        if not 1 <= n <= k <= plan.k_max:
            raise InputError(
                f"n is {n} and k is {k}.", f"They must be 1 <= n <= k <= {plan.k_max}."
            )
        params = asdict(plan)
        job = work_in_foreground(
            settings, open_store(settings), "survey", params,
            f"Survey of {name}, {split}", survey_key(params),
        )  # fmt: skip
        if job.state == "cancelled":
            report.give({"cancelled": True, "job": job.id})
            report.fail("Stopped. The same command goes on from here.", INTERRUPTED)
            return
        found = read_survey(settings, name, str((job.result or {})["survey"]))
        surveyed = slices.methods_of(found)
        curve = slices.recall_curve(found, surveyed)
        at = curve[curve["k"].isin({1, 5, 10, 20, k, plan.k_max})]
        times = slices.latency(found, surveyed)
        data: dict[str, Any] = {
            "survey": found.info.id,
            "documents": found.info.documents,
            "split": split,
            "k": k,
            "n": n,
            "ef": found.info.ef,
            "recall": _records(at),
            "by_frequency": _records(
                slices.by_frequency(found, surveyed, [k], label_frequencies(dataset))
            ),
            "by_gold_size": _records(slices.by_gold_size(found, surveyed, [k])),
            "fates": _records(slices.fates(found, surveyed, k, n)),
            "against_exact": _records(slices.against_exact(found, surveyed)),
            "ms": _records(times),
            "job": job.id,
        }
        table = Table("Method", *(f"recall@{cut}" for cut in sorted(set(at["k"]))), "ms, p50 / p95")
        for (by, rows), (_, time) in zip(
            at.groupby("method", sort=False), times.iterrows(), strict=True
        ):
            cells = [f"{r:.3f} ({lo:.3f}-{hi:.3f})" for r, lo, hi in
                     zip(rows["recall"], rows["low"], rows["high"], strict=True)]  # fmt: skip
            table.add_row(str(by), *cells, f"{time['p50']:.2f} / {time['p95']:.2f}")
        note = f"{found.info.documents:,} documents of {split}; 95% intervals over documents."
        report.give(data, table, note)


def _records(frame: Any) -> list[dict[str, Any]]:
    """A frame as plain JSON: no nan."""
    return [
        {key: None if value != value else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]
