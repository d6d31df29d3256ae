"""`phaselens annotations export` and `phaselens annotations import`: judgements as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands.console import JsonFlag, example, inert, reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from core.annotation.events import JudgementEvent
    from db.session import Store

EXPORT_EPILOG = example(
    "phaselens annotations export --out judgements.csv",
    'phaselens annotations export --out all.parquet --history --queue "ICD, lowest recall"',
    "phaselens annotations export --out gold.qrels --format qrels --dataset icd",
)
IMPORT_EPILOG = example("phaselens annotations import judgements.csv")
QRELS, GRADED = "qrels", "graded-qrels"

QueueOption = Annotated[
    str | None,
    typer.Option("--queue", help="Only of this queue: its name, id or the id's beginning."),
]
DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="Of this dataset, where documents of several were judged."),
]


def queue_id_of(session: "Session", name: str | None) -> str | None:
    """The id of the queue of that name, id or unique beginning of an id (from 4 digits); None for
    none. Raises UnknownNameError."""
    from core.errors import UnknownNameError
    from db.queues import queues

    if name is None:
        return None
    there = queues(session)
    plain = " ".join(name.split()).lower()
    found = [queue.id for queue in there if plain in (queue.name.lower(), queue.id)]
    if not found and len(plain) >= 4:
        found = [queue.id for queue in there if queue.id.startswith(plain)]
    if len(found) != 1:
        known = ", ".join(repr(queue.name) for queue in there[:10]) or "none"
        raise UnknownNameError(f"There is no queue {name!r}.", f"There are: {known}.")
    return found[0]


def export_command(
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="csv, jsonl, parquet, qrels or graded-qrels. Default: by the file's ending.",
        ),
    ] = "",
    queue: QueueOption = None,
    dataset: DatasetOption = None,
    history: Annotated[
        bool,
        typer.Option("--history", help="Also what was replaced or taken back, and the undoing."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write judgements with all that tells where they come from, a row each.

    `phaselens annotations import` reads the file again. Qrels hold the settled gold of a dataset.
    """
    kind = format.strip().lower() or ("qrels" if out.suffix == ".qrels" else "")
    qrels = kind in (QRELS, GRADED)
    if qrels and history:
        raise typer.BadParameter("qrels have no history", param_hint="--history")
    if dataset is not None and not qrels:
        raise typer.BadParameter("only qrels are of one dataset", param_hint="--dataset")
    with reporting(as_json) as report:
        from core.config import load_settings
        from db.session import open_store

        store = open_store(load_settings())
        with store.read() as session:
            queue_id = queue_id_of(session, queue)
        if qrels:
            count = _qrels(store, out, queue_id, dataset, graded=kind == GRADED)
        else:
            kind, count = _judgements(store, out, kind, queue_id, history)
        data = {"exported": count, "file": str(out), "format": kind, "queue": queue_id}
        what = "lines" if qrels else "judgements"
        report.give({**data, "history": history}, f"{count:,} {what} in {inert(str(out))}.")


def _qrels(
    store: "Store", out: Path, queue_id: str | None, dataset: str | None, *, graded: bool
) -> int:
    from core.annotation.golden import write_qrels
    from db.golden_set import golden_documents, the_dataset

    with store.read() as session:
        name = the_dataset(session, queue_id, dataset)
        return write_qrels(out, golden_documents(session, name, queue_id), graded=graded)


def _judgements(
    store: "Store", out: Path, format: str, queue_id: str | None, history: bool
) -> tuple[str, int]:
    """(format, how many were written)."""
    import sys

    from core.annotation.event_files import format_named, write_events
    from core.commands.progress_line import ProgressLine
    from db.judgement_exports import count_events, exported_events

    kind = format_named(out, format)
    with store.read() as session, ProgressLine(sys.stderr) as line:
        total = count_events(session, queue_id, history=history)

        def told() -> "Iterator[JudgementEvent]":
            events = exported_events(session, queue_id, history=history)
            for at, event in enumerate(events):
                line.report(f"Writing {out.name}", at, total)
                yield event

        return str(kind), write_events(out, kind, told())


def import_command(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet, as the export writes it.")],
    as_json: JsonFlag = False,
) -> None:
    """Bring judgements of a file in, each once, and say what was left out and why.

    Nothing that is here is changed. Traces must be here (`phaselens traces import`); a queue that
    is not is made, closed, with the tasks that were judged.
    """
    with reporting(as_json) as report:
        import sys

        from core.annotation.people import local_person
        from core.commands.problems_table import problems_table
        from core.commands.progress_line import ProgressLine
        from core.config import load_settings
        from core.errors import InputError
        from db.judgement_imports import import_judgements, problems_path
        from db.session import open_store

        settings = load_settings()
        with ProgressLine(sys.stderr) as line:
            made = import_judgements(
                open_store(settings), local_person("command line"), file,
                problems_file=problems_path(settings.home, file), report=line.report,
            )  # fmt: skip
        if made is None:
            raise InputError("The import was cancelled.", "Give the same command again.")
        data = made.to_json()
        shown = [problems_table(data["problems"])]
        if made.problems_file:
            shown.append(inert(f"All problems: {made.problems_file}"))
        report.give(data, inert(made.in_words()), *shown)
