"""`phaselens`: the command line. Each command is a file in core/commands.

Exit status: 0 success, 1 an error the user can mend (one line on stderr), 2 wrong usage,
130 stopped by Ctrl-C.
"""

import os
import sys
from typing import Annotated

import typer

from core import __version__
from core.allocator import start_anew
from core.commands import (
    annotations,
    bench,
    data,
    database,
    distill,
    doctor,
    evaluate,
    index,
    mechanism,
    results,
    run,
    shortlist,
    survey,
    talk,
    traces,
    tune,
)
from core.commands.console import example, new_app

app = new_app("See how a model picks a few labels out of hundreds of thousands.")


def show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"phaselens {__version__}")
        raise typer.Exit


@app.callback(
    epilog=example(
        "phaselens doctor",
        "phaselens run --dataset icd --system base --split test --limit 50",
        "phaselens eval RUN",
    )
)
def phaselens(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """See how a model picks a few labels out of hundreds of thousands.

    The data folder is PHASELENS_HOME (default: the platform's user data folder). Every command
    takes --json for one JSON object on stdout.
    """


app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(data.app, name="data")
app.command("index", epilog=index.EPILOG)(index.index)
app.command("tune", epilog=tune.EPILOG)(tune.tune)
app.command("shortlist", epilog=shortlist.EPILOG)(shortlist.shortlist)
app.command("survey", epilog=survey.EPILOG)(survey.survey)
app.command("run", epilog=run.EPILOG)(run.run)
app.command("eval", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.add_typer(traces.app, name="traces")
app.add_typer(annotations.app, name="annotations")
app.add_typer(talk.app, name="talk")
app.add_typer(mechanism.app, name="mechanism")
app.command("distill", epilog=distill.EPILOG)(distill.distill)
app.add_typer(results.app, name="results")
app.add_typer(database.app, name="db")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """The console script. Libraries are told to keep their bars and notices to themselves."""
    for name, value in (
        ("TRANSFORMERS_VERBOSITY", "error"),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TQDM_DISABLE", "1"),
        ("PYTHONWARNINGS", "ignore"),
    ):
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["distill"]:
        start_anew()
    app(prog_name="phaselens")


if __name__ == "__main__":
    main()
