"""`phaselens results`: what a distillation study found, from the runs in the store."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.console import JsonFlag, example, new_app, reporting, say

app = new_app()

StudyOption = Annotated[
    str,
    typer.Option(
        "--study", help="Its name: smoke, laptop or gpu, or what `phaselens distill` called it."
    ),
]
WholeFlag = Annotated[
    bool,
    typer.Option(
        "--whole",
        help="With the traces on dev and train-student too, so that the study can go on "
        "elsewhere. Default: those on test.",
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", help="Default: the results that ship, sample_data/results/STUDY."),
]


@app.callback(
    invoke_without_command=True,
    no_args_is_help=False,
    epilog=example("phaselens results", "phaselens results --json", "phaselens results verify"),
)
def results(
    context: typer.Context,
    study: StudyOption = "laptop",
    as_json: JsonFlag = False,
) -> None:
    """What a study found: scores on test with 95% intervals, run ids and paired tests.

    The commands below check it and take it elsewhere.
    """
    if context.invoked_subcommand is not None:
        return
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from core.distill.arm import title_of
        from core.metrics.paired import p_number
        from core.study.choice import study_named
        from core.study.results import results as found_by
        from core.study.shipped import get_them
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        data = found_by(settings, store, study_named(settings, store, study))
        shown: list[Any] = []
        for dataset, part in data["datasets"].items():
            heads = ("Documents", "Example F1", "95%", "Precision", "Recall", "Well-formed", "Run")
            table = Table(dataset, *heads)
            for name, system in part["systems"].items():
                low, high = system["interval"]["low"], system["interval"]["high"]
                well = system["buckets"]["ok"] / system["documents"]
                table.add_row(
                    name, f"{system['documents']:,}", f"{system['example_f1']:.3f}",
                    f"{low:.3f} to {high:.3f}", f"{system['precision']:.3f}",
                    f"{system['recall']:.3f}", f"{well:.0%}", system["run"],
                )  # fmt: skip
            if part["systems"]:
                shown.append(table)
            for arm, less in part["mechanistic_less"].items():
                shown.append(
                    f"{dataset}: mechanistic less {title_of(arm)} {less['mean']:+.3f} "
                    f"({less['low']:+.3f} to {less['high']:+.3f}), p {p_number(less['p'])}, "
                    f"corrected {p_number(less['p_holm'])}, seeds: {less['seeds']}."
                )
        if data["absent"]:
            shown.append(
                f"Not here: the runs on {', '.join(data['absent'])}. Get these with "
                f"{get_them(data['absent'])}, then load the runs: `phaselens results load`."
            )
        if data["not_run"]:
            shown.append(f"Not run: {', '.join(data['not_run'])}.")
        report.give(data, *shown)


@app.command(epilog=example("phaselens results verify --limit 100"))
def verify(
    study: StudyOption = "laptop",
    limit: Annotated[int, typer.Option("--limit", help="Test documents in all.", min=1)] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Have the adapters write stored traces again, in reference mode, and compare."""
    with reporting(as_json) as report:
        from dataclasses import asdict

        from rich.table import Table

        from core.config import load_settings
        from core.study.choice import study_named
        from core.study.verify import verify as verified_by
        from core.toolbox import Toolbox
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        name = study_named(settings, store, study).name

        def told(system: str, done: int, total: int) -> None:
            if done % 10 == 0:
                say(f"{system}: {done:,} of {total:,}")

        found = verified_by(Toolbox(settings, store), store, name, limit, told)
        table = Table("System", "Dataset", "Run", "Documents", "Same text", "Same answer")
        for one in found:
            counts = (one.documents, one.same_texts, one.same_answers)
            cells = ["no adapter", "", ""] if one.missing else [f"{count:,}" for count in counts]
            table.add_row(one.system, one.dataset, one.run, *cells)
        checked = sum(one.documents for one in found)
        identical = sum(one.same_texts for one in found)
        answers = sum(one.same_answers for one in found)
        data = {
            "checked": checked,
            "identical": identical,
            "same_answers": answers,
            "different": [
                {"dataset": one.dataset, "document": document, "system": one.system}
                for one in found
                for document in one.different
            ],
            "without_adapter": sum(one.missing for one in found),
            "runs": [asdict(one) for one in found],
        }
        line = (
            f"{identical:,} of {checked:,} texts are the same to the last character, "
            f"{answers:,} answers."
        )
        report.give(data, table, line)
        if not checked:
            report.fail("No adapter of this study is here, so nothing was checked.")
        elif identical < checked:
            report.fail(
                "Not all texts were written again. Another kind of processor, or another version "
                "of torch, may round otherwise: `phaselens doctor` says what is here."
            )


@app.command(epilog=example("phaselens results curves --study laptop"))
def curves(
    study: StudyOption = "laptop",
    as_json: JsonFlag = False,
) -> None:
    """Measure Focus and Confusion of all tests again, on this machine, in place of what is stored.

    Processors round vectors differently: curves can be compared where one machine measured all.
    """
    with reporting(as_json) as report:
        import sys
        from dataclasses import asdict

        from core.commands.progress_line import ProgressLine
        from core.config import load_settings
        from core.study.choice import study_named
        from core.study.curves import measure_again
        from core.toolbox import Toolbox
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        name = study_named(settings, store, study).name
        toolbox = Toolbox(settings, store)
        with ProgressLine(sys.stderr) as line:
            found = measure_again(toolbox, store, name, line.report)
        lines = [
            f"{found.traces:,} traces measured, {found.other_near_misses:,} of them against other "
            f"near misses than before, with {found.encoder}."
        ]
        if found.absent:
            lines.append(f"Not here, and so as before: {', '.join(found.absent)}.")
        report.give(asdict(found), *lines)


@app.command(epilog=example("phaselens results pack --study laptop --folder FOLDER"))
def pack(
    study: StudyOption = "laptop",
    folder: FolderOption = None,
    whole: WholeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write what is done of a study to files that travel: ids and our models' words, no texts.

    A pack that is there already keeps its splits, and is replaced only by one with all its runs.
    Without --folder, the adapters that ship go along, to sample_data/adapters, with their cards.
    """
    with reporting(as_json) as report:
        from dataclasses import asdict

        from core.config import load_settings
        from core.study.cards import ship_adapters
        from core.study.cell_files import read_results
        from core.study.choice import study_named
        from core.study.pack import CELLS, SHIPPED, write_pack
        from core.study.results import results as found_by
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        chosen = study_named(settings, store, study)
        place = folder or SHIPPED / chosen.name
        packed = write_pack(settings, store, chosen.name, place, _splits(whole))
        adapters = []
        if folder is None:
            tested = any(name.startswith("test/") for name in read_results(place / CELLS))
            scores = found_by(settings, store, chosen) if tested else None
            adapters = ship_adapters(settings, chosen, scores)
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        counts = [f"{count:,} of {dataset}" for dataset, count in packed.traces.items()]
        lines = [f"{place}: traces: {', '.join(counts) or 'none'}; {size / 1e6:.1f} MB."]
        if adapters:
            lines.append(f"Adapters: {', '.join(adapters)}.")
        if packed.lost:
            lines.append(
                f"Not in this store, and so not in the pack: runs {', '.join(packed.lost)}. "
                "Results of their steps are in it."
            )
        about = {"folder": str(place), "bytes": size, "adapters": adapters}
        report.give(about | asdict(packed), *lines)


@app.command("report", epilog=example("phaselens results report > docs/results.md"))
def report_command(
    study: StudyOption = "laptop",
    as_json: JsonFlag = False,
) -> None:
    """What a study found as a page in Markdown: tables, intervals, run ids and what was not run."""
    with reporting(as_json) as report:
        from core.config import load_settings
        from core.study.choice import study_named
        from core.study.report import report as written_by
        from core.study.results import results as found_by
        from db.session import open_store

        settings = load_settings()
        store = open_store(settings)
        chosen = study_named(settings, store, study)
        page = written_by(found_by(settings, store, chosen))
        if as_json:
            report.give({"page": page})
        else:
            typer.echo(page, nl=False)


@app.command(epilog=example("phaselens results load --study laptop"))
def load(
    study: StudyOption = "laptop",
    folder: FolderOption = None,
    whole: WholeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring packed results into the store; what is there already stays as it is."""
    with reporting(as_json) as report:
        from dataclasses import asdict

        from core.config import load_settings
        from core.study.pack_loading import load_pack
        from core.study.shipped import shipped_pack
        from db.session import open_store

        settings = load_settings()
        place = folder or shipped_pack(study)
        found = load_pack(settings, open_store(settings), place, _splits(whole))
        lines = [f"{count:,} traces of {name}." for name, count in found.traces.items() if count]
        lines += [
            f"{name} is not here: `phaselens data get {name}`, then this command again."
            for name in found.absent
        ]
        if found.unknown:
            lines.append(f"{found.unknown:,} documents are not in this version of their dataset.")
        lines = lines or ["All of it was here already."]
        if found.left:
            lines.append(
                f"{found.left:,} runs on dev and train-student were left; --whole brings them too."
            )
        report.give(asdict(found), *lines)


def _splits(whole: bool) -> tuple[str, ...]:
    from core.datasets.base import Split

    return tuple(Split) if whole else (Split.TEST,)
