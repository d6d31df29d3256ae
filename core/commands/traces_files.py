"""`phaselens traces import` and `phaselens traces export`: traces as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.console import INTERRUPTED, JsonFlag, example, inert, reporting

if TYPE_CHECKING:
    from db.session import Store

IMPORT_EPILOG = example(
    "phaselens traces import llama-70b.jsonl --dataset icd --system llama-70b",
    "phaselens traces import runs.parquet --column trace=output --column document=pmid",
    "phaselens traces import batch_output.jsonl inspect.eval --dataset mesh",
)
ANALYSE_EPILOG = example("phaselens traces analyse --dataset icd")
EXPORT_EPILOG = example(
    "phaselens traces export traces.jsonl --dataset icd --system llama-70b",
    "phaselens traces export traces.parquet",
)


def import_command(
    files: Annotated[
        list[Path], typer.Argument(help="JSONL, Parquet, CSV, a chat log, an Inspect log (.eval).")
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", help="Of rows that do not name theirs.")
    ] = "",
    system: Annotated[
        str, typer.Option("--system", help="Which model wrote them, where rows do not say.")
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="ROLE=COLUMN, as in trace=output; may be given again."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring reasoning traces of any model into the store, and say what was wrong.

    Bad rows are left out, counted and named. The same row is stored once, however often it is
    given. Columns are guessed by their names; roles: dataset, document, text, system, trace,
    reasoning, content, answer, gold, candidates, offsets, tokens, seconds, finish.
    """
    with reporting(as_json) as report:
        from core.commands.foreground import work_in_foreground
        from core.commands.problems_table import problems_table
        from core.config import load_settings
        from core.jobs.kinds import import_traces_key
        from core.traces.importing.columns import parse_trace_columns
        from core.traces.importing.request import TraceImportRequest
        from db.session import open_store

        settings = load_settings()
        columns = parse_trace_columns(column or ())
        request = TraceImportRequest(tuple(files), dataset, system, columns)
        params = request.to_json()
        job = work_in_foreground(
            settings, open_store(settings), "import-traces", params,
            f"Import of traces: {files[0].name}", import_traces_key(params),
        )  # fmt: skip
        if job.state == "cancelled":
            report.give({"cancelled": True, "job": job.id})
            report.fail("Stopped; what was stored until then stays.", INTERRUPTED)
            return
        data = dict(job.result or {})
        shown: list[Any] = [problems_table(data["problems"])]
        if data["problems_file"]:
            shown.append(inert(f"All problems: {data['problems_file']}"))
        report.give(data, in_words(data), *shown)


def in_words(data: dict[str, Any]) -> str:
    """An import of traces in a sentence or two."""
    by = ", ".join(f"{count:,} of {name}" for name, count in data["by"].items())
    return inert(
        f"{data['traces']:,} new traces{f' ({by})' if by else ''}; {data['known']:,} were here "
        f"already; {data['rejected']:,} rows were left out."
    )


def asked_for(store: "Store", slice_: str | None, **given: str | None) -> dict[str, str]:
    """The filter of a slice and of options, in words. Raises UnknownNameError."""
    from db.slices import find_slice

    asked: dict[str, str] = {}
    if slice_ is not None:
        with store.read() as session:
            asked = find_slice(session, slice_).asked
    return asked | {name: value for name, value in given.items() if value is not None}


def analyse_command(
    dataset: Annotated[str | None, typer.Option("--dataset", help="Only of this dataset.")] = None,
    system: Annotated[str | None, typer.Option("--system", help="Only of this system.")] = None,
    slice_: Annotated[str | None, typer.Option("--slice", help="Only of this saved slice.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Work out phases, mentions, curves and fates of imported traces ahead of their first view."""
    with reporting(as_json) as report:
        from core.commands.foreground import work_in_foreground
        from core.config import load_settings
        from core.jobs.kinds import analyse_key
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        asked = asked_for(store, slice_, dataset=dataset, system=system)
        job = work_in_foreground(
            settings, store, "analyse-traces", {"asked": asked}, "Analysis of imported traces",
            analyse_key(asked),
        )  # fmt: skip
        data = dict(job.result or {})
        if job.state == "cancelled":
            report.give({"cancelled": True, "job": job.id})
            report.fail("Stopped. The same command goes on from here.", INTERRUPTED)
            return
        said = f"{data['done']:,} traces worked out, {data['failed']:,} could not be."
        report.give(data, said)


def export_command(
    file: Annotated[
        Path | None, typer.Argument(help="What to write: .jsonl or .parquet.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The same, as an option.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Only of this dataset.")] = None,
    system: Annotated[str | None, typer.Option("--system", help="Only of this system.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
    slice_: Annotated[str | None, typer.Option("--slice", help="Only of this saved slice.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write finished traces to a file that `phaselens traces import` reads: the same rows again."""
    with reporting(as_json) as report:
        import sys

        from core.commands.progress_line import ProgressLine
        from core.config import load_settings
        from core.errors import InputError
        from core.trace_export import export_traces
        from db.session import open_store
        from db.trace_asked import filter_of

        place = file or out
        if place is None or (file is not None and out is not None):
            raise InputError("Name one file to write.", "`phaselens traces export traces.jsonl`.")
        store = open_store(load_settings())
        filter = filter_of(asked_for(store, slice_, dataset=dataset, system=system, run=run))
        with ProgressLine(sys.stderr) as line:
            count = export_traces(store, filter, place, report=line.report, cancelled=lambda: False)
        report.give(
            {"file": str(place), "traces": count}, f"{count:,} traces in {inert(str(place))}."
        )
