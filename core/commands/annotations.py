"""`phaselens annotations`: what annotators said, as files, and what it is good for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands import annotations_files
from core.commands.annotations_files import DatasetOption, QueueOption, queue_id_of
from core.commands.console import JsonFlag, example, inert, new_app, reporting

if TYPE_CHECKING:
    from db.gold_effects import RunEffect

app = new_app("What annotators said: files of it, a golden set, metrics against it, negatives.")
app.command("export", epilog=annotations_files.EXPORT_EPILOG)(annotations_files.export_command)
app.command("import", epilog=annotations_files.IMPORT_EPILOG)(annotations_files.import_command)


@app.command(
    epilog=example(
        'phaselens annotations gold --out golden --queue "ICD, lowest recall" --labels',
        "phaselens data add golden --labels golden/labels.jsonl --docs golden/documents.jsonl",
    )
)
def gold(
    out: Annotated[Path, typer.Option("--out", help="The folder to write into.")],
    queue: QueueOption = None,
    dataset: DatasetOption = None,
    undisputed: Annotated[
        bool, typer.Option("--undisputed", help="Without documents that have a disputed label.")
    ] = False,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also the dataset's labels, as `data add` takes them.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a golden set: judged documents with settled gold, for `data add`, and TREC qrels."""
    with reporting(as_json) as report:
        from core.annotation.golden import write_golden_set
        from core.annotation.hard_negatives import labels_if_ready
        from core.config import load_settings
        from core.errors import InputError
        from db.golden_set import golden_documents, the_dataset
        from db.session import open_store

        settings = load_settings()
        with open_store(settings).read() as session:
            queue_id = queue_id_of(session, queue)
            name = the_dataset(session, queue_id, dataset)
            space = labels_if_ready(settings, name) if labels else None
            if labels and space is None:
                raise InputError(
                    f"The dataset {name} is not here, so its labels cannot be written.",
                    f"Get it first (phaselens data get {name}), or leave --labels out.",
                )
            made = write_golden_set(
                out, golden_documents(session, name, queue_id), labels=space,
                undisputed=undisputed, about={"dataset": name, "queue": queue},
            )  # fmt: skip
        data = {"dataset": name, "queue": queue_id, **made.to_json()}
        shown = [inert(f"Written: {file}") for file in made.files.values()]
        report.give(data, made.in_words(), *shown)


@app.command(
    epilog=example(
        "phaselens annotations metrics",
        "phaselens annotations metrics --queue 3f2a --run 91bc --k 10 --k 50 --json",
    )
)
def metrics(
    queue: QueueOption = None,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", help="Only this run; may be given again. Default: all that fit."),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option("--k", help="Of recall if misses were fixed; may be given again.", min=1),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Runs against the dataset's gold and against revised gold; recall if misses were fixed."""
    with reporting(as_json) as report:
        from core.annotation.effects import CUTS
        from core.config import load_settings
        from db.gold_effects import effects
        from db.session import open_store

        with open_store(load_settings()).read() as session:
            queue_id = queue_id_of(session, queue)
            found = effects(session, queue_id, run or (), cuts=tuple(k or CUTS))
        data = {"queue": queue_id, "runs": [one.to_json() for one in found]}
        report.give(data, *described(found))


def described(found: "list[RunEffect]") -> list[Any]:
    """Two tables: scores before and after, and recall if misses were fixed."""
    from rich.table import Table

    if not found:
        return ["No run has answered a document that was judged or flagged."]
    scores = Table("Run", "System", "Documents", "Changed", "Measure", "Own gold", "Revised",
                   "Difference", "95%")  # fmt: skip
    fixed = Table("Run", "System", "Documents", "k", "Own gold", "Revised", "If fixed", "Gain",
                  "95%")  # fmt: skip
    for one in found:
        head = (one.run, inert(one.system))
        for name, change in one.effect.measures.items():
            less = change.less
            scores.add_row(
                *head, f"{one.effect.documents:,}", f"{one.effect.changed:,}", name,
                f"{change.own:.4f}", f"{change.revised:.4f}", f"{less.mean:+.4f}",
                f"{less.low:+.4f} to {less.high:+.4f}",
            )  # fmt: skip
        for recall in one.effect.recall:
            gain = recall.gain
            fixed.add_row(
                *head, f"{recall.documents:,}", str(recall.k), f"{recall.own:.4f}",
                f"{recall.revised:.4f}", f"{recall.fixed:.4f}", f"{gain.mean:+.4f}",
                f"{gain.low:+.4f} to {gain.high:+.4f}",
            )  # fmt: skip
    what = "Recall at k of the shortlist, if it had also held what annotators found missing:"
    return [scores, what, fixed]


@app.command(
    "hard-negatives",
    epilog=example(
        "phaselens annotations hard-negatives --out hard.jsonl",
        "phaselens annotations hard-negatives --out triplets.jsonl --shape triplets --depth 20",
    ),
)
def hard_negatives(
    out: Annotated[Path, typer.Option("--out", help="The JSONL file to write.")],
    shape: Annotated[
        str,
        typer.Option(
            "--shape", help="documents, or triplets (anchor, positive, negative) for training."
        ),
    ] = "documents",
    queue: QueueOption = None,
    dataset: DatasetOption = None,
    depth: Annotated[
        int, typer.Option("--depth", help="Only labels of so high a rank.", min=1)
    ] = 50,
    all_splits: Annotated[
        bool, typer.Option("--all-splits", help="Also of dev and test: never train on these.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write labels that retrieval ranks high and annotators say do not fit, for training."""
    with reporting(as_json) as report:
        from core.annotation.hard_negatives import (
            labels_if_ready,
            names_from,
            shape_named,
            write_negatives,
        )
        from core.config import load_settings
        from db.golden_set import golden_documents, the_dataset
        from db.session import open_store

        settings = load_settings()
        chosen = shape_named(shape)
        with open_store(settings).read() as session:
            queue_id = queue_id_of(session, queue)
            name = the_dataset(session, queue_id, dataset)
            made = write_negatives(
                out, golden_documents(session, name, queue_id), chosen, depth=depth,
                name_of=names_from(labels_if_ready(settings, name)), all_splits=all_splits,
            )  # fmt: skip
        data = {"dataset": name, "queue": queue_id, "file": str(out), "shape": str(chosen)}
        report.give(data | made.to_json(), made.in_words(), inert(f"Written: {out}"))
