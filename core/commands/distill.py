"""`phaselens distill`: a teacher and its students, trained and tested, step by step."""

from typing import Annotated, Any

import typer

from core.commands.console import INTERRUPTED, JsonFlag, example, reporting
from core.study.sizes import SIZES

EPILOG = example("phaselens distill --preset smoke")


def distill(
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            help=" ".join(f"{name}: {size}." for name, size in SIZES.items()),
        ),
    ] = "smoke",
    teacher: Annotated[
        str | None,
        typer.Option("--teacher", help="A model that was added. Default: the packaged model."),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(
            "--student",
            help="A model that was added and has the teacher's vocabulary, for students of it. "
            "Default: half of the teacher's layers, with its adapter to begin with.",
        ),
    ] = None,
    called: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="A name for this study, to do one anew beside another. Default: the preset's, "
            "with those of models that were named.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a teacher on gold and students on its traces, and test them all.

    Each step is saved when it is done; a stopped study goes on when the same command is given
    again. Adapters become systems named STUDY-teacher, STUDY-standard-0 and so on; a study has the
    name of its preset unless --as gives it another.
    """
    with reporting(as_json) as report:
        from dataclasses import asdict

        from rich.table import Table

        from core.commands.foreground import work_in_foreground
        from core.config import load_settings
        from core.jobs.kinds import distill_key
        from core.study.asked import Asked
        from core.study.cell_files import tests_in
        from core.study.choice import chosen_preset
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        asked = Asked(preset, teacher, student, called)
        chosen = chosen_preset(settings, store, asked)
        job = work_in_foreground(
            settings, store, "distill", asdict(asked),
            f"Distillation, study {chosen.name}", distill_key(chosen.name),
        )  # fmt: skip
        if job.state == "cancelled":
            report.fail("Stopped. The same command goes on from here.", INTERRUPTED)
            return
        data: dict[str, Any] = (job.result or {}) | {"job": job.id}
        table = Table("System", "Dataset", "Documents", "Example F1", "Run")
        for system, dataset, result in tests_in(data["cells"]):
            f1 = result["example_f1"]
            shown = "" if f1 is None else f"{f1:.3f}"
            table.add_row(system, dataset, f"{result['documents']:,}", shown, result["run"])
        report.give(data, table)
