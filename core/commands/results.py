"""`phaselens results`: what a distillation study found, from the runs in the store."""

from typing import Annotated, Any

import typer

from core.commands.console import JsonFlag, example, reporting

EPILOG = example("phaselens results --preset laptop", "phaselens results --preset laptop --json")


def results(
    preset: Annotated[str, typer.Option("--preset", help="smoke or laptop.")] = "laptop",
    as_json: JsonFlag = False,
) -> None:
    """Every system's scores on test, with 95% intervals, run ids and paired tests."""
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from core.study.presets import find_preset
        from core.study.results import results as found_by
        from db.session import open_store

        settings = load_settings()
        data = found_by(settings, open_store(settings), find_preset(preset))
        shown: list[Any] = []
        for dataset, part in data["datasets"].items():
            table = Table(dataset, "Documents", "Example F1", "95%", "P@1", "Well-formed", "Run")
            for name, system in part["systems"].items():
                low, high = system["interval"]["low"], system["interval"]["high"]
                well = system["buckets"]["ok"] / system["documents"]
                table.add_row(
                    name, f"{system['documents']:,}", f"{system['example_f1']:.3f}",
                    f"{low:.3f} to {high:.3f}", f"{system['p']['1']:.3f}", f"{well:.0%}",
                    system["run"],
                )  # fmt: skip
            shown.append(table)
            for arm, less in part["mechanistic_less"].items():
                corrected = f", corrected {less['p_holm']:.3f}" if "p_holm" in less else ""
                shown.append(
                    f"{dataset}: mechanistic less {arm} {less['mean']:+.3f} ({less['low']:+.3f} to "
                    f"{less['high']:+.3f}), p {less['p']:.3f}{corrected}."
                )
        if data["not_run"]:
            shown.append(f"Not run: {', '.join(data['not_run'])}.")
        report.give(data, *shown)
