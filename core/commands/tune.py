"""`phaselens tune`: measures the methods of retrieval on dev documents; the best is the default."""

from typing import Annotated

import typer

from core.commands.console import JsonFlag, example, reporting

EPILOG = example("phaselens tune mesh", "phaselens tune icd --limit 200 --json")


def tune(
    name: Annotated[str, typer.Argument(help="Dataset, e.g. icd.")],
    limit: Annotated[
        int, typer.Option("--limit", min=20, help="The most dev documents to measure with.")
    ] = 400,
    as_json: JsonFlag = False,
) -> None:
    """Measure recall of dense, lexical and fused retrieval on dev documents and keep the best.

    The best is what a shortlist uses unless told otherwise. The index must be there already.
    """
    with reporting(as_json) as report:
        from rich.table import Table

        from core.commands.console import say
        from core.config import load_settings
        from core.datasets.catalogue import open_dataset
        from core.encoders import Encoder
        from core.errors import InputError
        from core.shortlist.recall import CUTS
        from core.shortlist.tuning import FEWEST, choose

        settings = load_settings()
        dataset = open_dataset(settings, name)
        told = ""

        def on_progress(stage: str, done: int, total: int) -> None:
            nonlocal told
            if stage != told:
                say(f"{stage} ...")
                told = stage

        encoder = Encoder.load(settings)
        choice = choose(settings, dataset, encoder, on_progress=on_progress, most=limit)
        if choice is None:
            raise InputError(
                f"{name} has fewer than {FEWEST} dev documents with gold labels; nothing can be "
                "concluded from them.",
                "Choose a method for each search: --method.",
            )
        table = Table("Method", *(f"recall@{cut}" for cut in CUTS))
        for method, values in choice.recalls.items():
            mark = " (default)" if method == choice.method else ""
            table.add_row(method + mark, *(f"{values[str(cut)]:.3f}" for cut in CUTS))
        data = {
            "dataset": name,
            "method": choice.method.value,
            "recalls": choice.recalls,
            "documents": choice.documents,
            "split": choice.split,
        }
        report.give(data, table, f"Over {choice.documents} dev documents.")
