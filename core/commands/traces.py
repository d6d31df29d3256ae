"""`phaselens traces`: what can be done with reasoning traces from the command line."""

from pathlib import Path
from typing import Annotated

import typer

from core.commands import traces_files
from core.commands.console import JsonFlag, example, new_app, reporting

app = new_app("Reasoning traces: import, export, how well their phases are found.")
app.command("import", epilog=traces_files.IMPORT_EPILOG)(traces_files.import_command)
app.command("analyse", epilog=traces_files.ANALYSE_EPILOG)(traces_files.analyse_command)
app.command("export", epilog=traces_files.EXPORT_EPILOG)(traces_files.export_command)


@app.command("check-segmentation", epilog=example("phaselens traces check-segmentation --json"))
def check_segmentation(
    half: Annotated[
        str,
        typer.Option("--half", help="report: what was kept apart. tune: what it was fitted to."),
    ] = "report",
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Marked traces of your own, in the check set's format."),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(
            "--cross-validate",
            help="Instead: errors within what it is fitted to, by so many folds.",
            min=0,
        ),
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Measure the segmenter of free prose on traces whose phases are marked."""
    with reporting(as_json) as report:
        from rich.table import Table

        from core.errors import InputError
        from core.segmentation.check import check, cross_validated
        from core.segmentation.fit import fitted_to
        from core.segmentation.marked import CHECK_SET, read_marked

        if folds:
            within = cross_validated(fitted_to(), folds)
            mean = f"mean {within['mean_t']:.3f} in t, {within['mean_steps']:.1f} in steps"
            report.give(within, f"{within['traces']} traces, {folds} folds: {mean}.")
            return
        some = [one for one in read_marked(file or CHECK_SET) if one.half == half]
        if not some:
            raise InputError(f"No trace belongs to the half {half!r}.", "Choose tune or report.")
        data = check(some)
        head = ("Boundary by", "Error in t", "median", "segmenter less it")
        table = Table(*head, "in steps", "median", "segmenter less it")
        for name, found in data["errors"].items():
            less = [data["segmenter_less"][unit].get(name) for unit in ("t", "steps")]
            said = [
                "" if one is None else f"{one['mean']:+.3g}, p {one['p_holm']:.4f}" for one in less
            ]
            table.add_row(
                name, f"{found['mean_t']:.3f}", f"{found['median_t']:.3f}", said[0],
                f"{found['mean_steps']:.1f}", f"{found['median_steps']:.0f}", said[1],
            )  # fmt: skip
        bare = data["without_cue_words"]["segmenter"]
        lines = [
            f"{data['with_one_boundary']} traces with one boundary of {data['traces']}; "
            f"{data['steps_right']:.0%} of all characters are in the marked phase.",
            f"Without cue words ({bare['traces']} traces): error {bare['mean_t']:.3f}.",
        ]
        for structure, seen in data["structures"].items():
            counts = ", ".join(f"{count} as {name}" for name, count in seen.items())
            lines.append(f"{structure}: {counts}.")
        report.give(data, table, *lines)
