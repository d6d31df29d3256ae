"""`phaselens data add` and `phaselens data remove`: datasets of the user's own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.console import INTERRUPTED, JsonFlag, example, inert, reporting

ADD_EPILOG = example(
    "phaselens data add mine --labels labels.csv --docs documents.jsonl",
    "phaselens data add mine --labels terms.csv --docs notes.parquet --column text=body "
    "--column gold=codes --column label-id=code",
    "phaselens data add lf-amazontitles-131k --labels lbl.json.gz --docs trn.json.gz "
    "--docs tst.json.gz --filter filter_labels_test.txt",
)
REMOVE_EPILOG = example("phaselens data remove mine --yes")


def add(
    name: Annotated[str, typer.Argument(help="What to call the dataset, e.g. mine.")],
    labels: Annotated[Path, typer.Option("--labels", help="The file with the labels.")],
    docs: Annotated[
        list[Path], typer.Option("--docs", help="A file with documents; may be given again.")
    ],
    filters: Annotated[
        list[Path] | None,
        typer.Option("--filter", help="Pairs that are not scored (XMC); may be given again."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="ROLE=COLUMN, as in text=abstract; may be given again."),
    ] = None,
    separator: Annotated[
        str, typer.Option("--separator", help="Between gold ids in one text: the first of | ; ,")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a dataset of that name.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add a dataset from JSONL, CSV, Parquet or XMC repository files, and say what was wrong.

    Bad rows are left out, counted and named; a file that is wholly wrong changes nothing.
    Columns are guessed by their names. Roles of a label: label-id, name, description, parents.
    Roles of a document: id, title, text, gold, split, excluded.
    """
    with reporting(as_json) as report:
        from core.commands.foreground import work_in_foreground
        from core.commands.problems_table import problems_table
        from core.config import load_settings
        from core.datasets.importing import ImportRequest, check_name, parse_columns
        from core.jobs.kinds import import_key
        from db.session import open_store

        settings = load_settings()
        request = ImportRequest(
            name, labels, tuple(docs), tuple(filters or ()), parse_columns(column or ()), separator,
            replace,
        )  # fmt: skip
        check_name(settings, name, replace=replace)
        params = request.to_json()
        job = work_in_foreground(
            settings, open_store(settings), "import", params, f"Import of {name}",
            import_key(params),
        )  # fmt: skip
        if job.state == "cancelled":
            report.give({"cancelled": True, "job": job.id})
            report.fail("Stopped; nothing was changed.", INTERRUPTED)
            return
        data = dict(job.result or {})
        report.give(data, in_words(data), problems_table(data["problems"]))


def in_words(data: dict[str, Any]) -> str:
    """An import in a sentence or two."""
    bins = ", ".join(f"{part} {count:,}" for part, count in data["head_torso_tail"].items())
    splits = ", ".join(f"{part} {count:,}" for part, count in data["documents_by_split"].items())
    return inert(
        f"{data['name']}: {data['labels']:,} labels ({bins}), {data['documents']:,} documents "
        f"({splits}), {data['mean_labels']:.2f} gold labels a document; {data['rejected']:,} rows "
        f"were left out."
    )


def remove(
    name: Annotated[str, typer.Argument(help="A dataset that was added.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a dataset that was added, and its index. Runs and traces over it are kept."""
    with reporting(as_json) as report:
        from core.annotation.people import local_person
        from core.config import load_settings
        from core.datasets.catalogue import dataset_info
        from core.datasets.importing import remove_dataset
        from core.errors import InputError

        settings = load_settings()
        if not yes:
            dataset_info(settings, name)  # an unknown name is said before anybody is asked
            if as_json:
                raise InputError("Removing a dataset needs a yes.", "Add --yes.")
            if not typer.confirm(f"Delete the dataset {name} and its index?", err=True):
                report.give({"name": name, "removed": False}, "Nothing was removed.")
                return
        remove_dataset(settings, local_person(), name)
        report.give({"name": name, "removed": True}, f"{name} and its index are removed.")
