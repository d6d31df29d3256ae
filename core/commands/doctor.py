"""`phaselens doctor`: is everything here, whole and usable?"""

import os
from typing import Annotated, Any

import typer

from core.commands.console import JsonFlag, example, inert, reporting

EPILOG = example("phaselens doctor", "phaselens doctor --json")


def doctor(
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="The app's port. Default: PORT, else 8501."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check Python, packages, models, datasets, indexes, database, disk and port.

    Exits with 1 when there is a problem. Changes nothing.
    """
    with reporting(as_json) as report:
        from core.commands.database import examine_database
        from core.config import load_settings
        from core.doctor import examine

        settings = load_settings()
        state, problems = examine_database(settings)
        diagnosis = examine(settings, state, problems, port=port or default_port())
        data = diagnosis.to_json()
        report.give(data, *described(data))
        if not diagnosis.ok:
            count = len(diagnosis.problems)
            first = diagnosis.problems[0]
            more = f" And {count - 1} more." if count > 1 else ""
            report.fail(f"Error: {first.what} {first.fix}{more}")


def default_port() -> int:
    """PORT, else 8501. Raises InputError for a PORT that is none."""
    from core.errors import InputError

    chosen = os.environ.get("PORT") or "8501"
    if not chosen.isdecimal() or not 1 <= int(chosen) <= 65535:
        raise InputError(
            f"PORT is {chosen!r}, which is not a number between 1 and 65535.",
            "Set another PORT, or give --port.",
        )
    return int(chosen)


def described(data: dict[str, Any]) -> list[Any]:
    """The diagnosis for a person: a table, then each problem with its fix."""
    from rich.table import Table

    table = Table("What", "State")
    for name, version in data["versions"].items():
        table.add_row(name, inert(version))
    for model in data["models"]:
        state = f"{model['package']} {model['version'] or 'not installed'}"
        if "converted" in model:
            state += ", converted" if model["converted"] else ", converted at first use"
        table.add_row(f"{model['role']}: {model['name']}", inert(state))
    for dataset in data["datasets"]:
        state = "built at first use"
        if dataset["built"]:
            state = f"{dataset['labels']:,} labels, {dataset['documents']:,} documents"
        table.add_row(f"dataset {inert(dataset['name'])}", state)
    for index in data["indexes"]:
        share = f", {index['encoded']:,} of {index['labels']:,} labels" if index["labels"] else ""
        table.add_row(f"index of {inert(index['dataset'])}", f"{index['state']}{share}")
    table.add_row("database", inert(str(data["database"].get("state", ""))))
    table.add_row("data folder", inert(data["home"]))
    table.add_row("free disk", f"{data['disk']['free_mb']:,} MB")
    table.add_row(f"port {data['port']['port']}", data["port"]["state"])
    problems = [
        f"{number}. {inert(problem['what'])} {inert(problem['fix'])}"
        for number, problem in enumerate(data["problems"], start=1)
    ]
    return [table, *(["Problems:", *problems] if problems else ["No problems found."])]
