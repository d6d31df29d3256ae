"""`phaselens index`: builds a dataset's label index, goes on with it, or brings it up to date."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.console import INTERRUPTED, JsonFlag, example, reporting
from core.errors import JobError

if TYPE_CHECKING:
    from db.jobs import JobView

EPILOG = example(
    "phaselens index icd",
    "phaselens index icd --json",
    "phaselens index icd --target 0.99",
    "phaselens index icd --deterministic --rebuild",
)

BUILT = (
    "labels", "seconds_encode", "seconds_build", "seconds_tune", "peak_rss_mb", "ef", "recall_at_k",
    "target", "target_met", "recall_low", "recall_high", "lost", "queries", "curve", "m",
    "ef_construction", "deterministic", "reused", "deleted", "unreached",
)  # fmt: skip


def index(
    name: Annotated[str, typer.Argument(help="Dataset, e.g. icd.")],
    target: Annotated[
        float | None,
        typer.Option("--target", min=0.0, max=1.0, help="Recall that ef is chosen for: 0.98."),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Grow the graph anew although it is ready.")
    ] = False,
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="One thread: the same labels give the same bytes."),
    ] = False,
    m: Annotated[
        int | None, typer.Option("--m", min=2, max=128, help="Neighbours of a node in HNSW: 16.")
    ] = None,
    ef_construction: Annotated[
        int | None,
        typer.Option("--ef-construction", min=8, max=4000, help="Candidates when a node is added."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Build the index of a dataset's labels; a stopped build goes on where it was.

    A ready index is checked, byte by byte, and kept. Where labels came, went or changed their
    names, it is brought up to date. ef is chosen by comparing with exact search on documents of
    the training splits; recall is measured on others of them.
    """
    with reporting(as_json) as report:
        from core.commands.foreground import work_in_foreground
        from core.config import load_settings
        from core.datasets.catalogue import dataset_info, open_dataset
        from core.encoders import Encoder
        from core.jobs.kinds import index_key
        from core.shortlist.index import LabelIndex
        from db.jobs import unfinished_job
        from db.session import open_store

        settings = load_settings()
        owner = dataset_info(settings, name).index_name  # one job for all that share the labels
        dataset = open_dataset(settings, owner)
        options = {
            "target": target,
            "rebuild": rebuild,
            "deterministic": deterministic,
            "m": m,
            "ef_construction": ef_construction,
        }
        given = {key: value for key, value in options.items() if value}
        store = open_store(settings)
        with store.read() as session:
            unfinished = unfinished_job(session, index_key(owner))
        if unfinished is not None:
            check_options(unfinished, given, owner)
        job = work_in_foreground(
            settings,
            store,
            "index",
            {"dataset": name, **({"options": given} if given else {})},
            f"Index of {owner}",
            index_key(owner),
        )
        check_options(job, given, owner)  # another command may have been faster than this one
        if job.state == "cancelled":
            report.give({"cancelled": True, "job": job.id})
            report.fail("Stopped. The same command goes on from here.", INTERRUPTED)
            return
        manifest = (job.result or {})["manifest"]
        identity = Encoder.load(settings).identity
        start = time.perf_counter()
        LabelIndex.open(settings, dataset, identity)
        data = {
            **{key: manifest[key] for key in BUILT},
            "dataset": name,
            "index": owner,
            "k": manifest["recall_k"],
            "search_ms": chosen_point(manifest).get("p50_ms"),
            "search_p95_ms": chosen_point(manifest).get("p95_ms"),
            "load_s": round(time.perf_counter() - start, 3),
            "bytes": sum(file["bytes"] for file in manifest["files"].values()),
            "job": job.id,
        }
        report.give(data, *in_words(data))


def check_options(job: "JobView", given: Mapping[str, Any], index: str) -> None:
    """Raises JobError for a build that was begun without the options given now."""
    begun = job.params.get("options", {})
    others = [key for key, value in given.items() if begun.get(key) != value]
    if others:
        names = ", ".join("--" + key.replace("_", "-") for key in others)
        raise JobError(
            f"The index of {index} is being built without {names} (job {job.id}), which cannot be "
            "changed on the way.",
            f"Let it end with `phaselens index {index}`, or cancel it there (Ctrl-C) or on the "
            "Jobs page; then give this command again.",
        )


def chosen_point(manifest: dict[str, Any]) -> dict[str, float]:
    """The point of the curve at the ef that was chosen; {} where nothing was measured."""
    return next((p for p in manifest["curve"] if p["ef"] == manifest["ef"]), {})


def in_words(data: dict[str, Any]) -> list[str]:
    """What the command says on a terminal."""
    copied = f" ({data['reused']:,} of them copied)" if data["reused"] else ""
    lines = [
        f"{data['labels']:,} labels{copied}: encoded in {data['seconds_encode']:.0f} s, built in "
        f"{data['seconds_build']:.0f} s, at most {data['peak_rss_mb']:,.0f} MB of memory, "
        f"{data['bytes'] / 1e6:.0f} MB on disk, loaded in {data['load_s']:.1f} s."
    ]
    if data["recall_at_k"] is None:
        lines.append(
            f"recall was not measured: there are no training documents. ef is {data['ef']}."
        )
    else:
        lines.append(
            f"recall@{data['k']} {data['recall_at_k']:.4f} ({data['recall_low']:.4f} to "
            f"{data['recall_high']:.4f}) at ef {data['ef']} (target {data['target']}), "
            f"{data['search_ms']:.2f} ms a search, over {data['queries']} training documents; "
            f"{data['lost']:.2%} of them found less than half."
        )
    if data["target_met"] is False:
        lines.append(
            f"No ef up to {data['ef']} finds enough for the target of {data['target']}; "
            "more --m or --ef-construction can."
        )
    if data["unreached"]:
        lines.append(f"{data['unreached']:,} labels are out of reach of every search by HNSW.")
    return lines
