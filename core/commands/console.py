"""How every command answers: text for a person or one JSON object, and one line an error.

With --json, file descriptor 1 points at stderr while a command works, so that nothing a library
prints, Python or C++, can spoil the one object on stdout.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from core.errors import PhaseLensError, StoreError
from core.traces.inert import neutralise

if TYPE_CHECKING:
    from rich.console import RenderableType

INTERRUPTED = 130  # the exit status shells use for Ctrl-C

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
]


def new_app(help_text: str | None = None) -> typer.Typer:
    """A Typer app whose help and errors are plain lines, the same in a pipe as in a terminal."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def example(*lines: str) -> str:
    """An epilog that shows commands as they are typed."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


class Report:
    """What a command answers: the JSON object, and the same for a person."""

    def __init__(self) -> None:
        self.data: dict[str, Any] | None = None
        self.shown: list[RenderableType] = []
        self.trouble = ""
        self.status = 0

    def give(self, data: Mapping[str, Any], *shown: "RenderableType") -> None:
        """Sets the answer; it is printed when the command ends."""
        self.data = dict(data)
        self.shown = list(shown)

    def fail(self, line: str, status: int = 1) -> None:
        """The answer stands, but the command ends with this line on stderr and exit status."""
        self.trouble = line
        self.status = status


@contextmanager
def reporting(as_json: bool) -> Iterator[Report]:
    """Runs a command's body and prints its answer.

    A PhaseLensError becomes one line on stderr and exit status 1; with --json stdout then holds
    {"error": {"what", "fix"}}.
    """
    report = Report()
    with quiet_stdout(as_json) as stdout:
        try:
            yield report
        except PhaseLensError as error:
            end_with(error, as_json, stdout)
        except OSError as error:
            end_with(from_os(error), as_json, stdout)
        except KeyboardInterrupt:
            say("Stopped. What was finished is kept; the same command goes on from there.")
            raise typer.Exit(INTERRUPTED) from None
        try:
            print_answer(report, as_json, stdout)
        except BrokenPipeError:  # `phaselens ... | head`: the reader has enough
            silence(stdout)
    if report.trouble:
        say(report.trouble)
        raise typer.Exit(report.status)


@contextmanager
def quiet_stdout(active: bool) -> Iterator[TextIO]:
    """Yields the real stdout; while active, everybody else's stdout is stderr."""
    real = sys.stdout
    if not active:
        yield real
        return
    saved = redirect_descriptor()
    out = real if saved is None else os.fdopen(os.dup(saved), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    try:
        yield out
    finally:
        out.flush()
        sys.stdout = real
        if saved is not None:
            out.close()
            os.dup2(saved, 1)
            os.close(saved)


def redirect_descriptor() -> int | None:
    """Points descriptor 1 at stderr; a copy of the old one, or None where stdout is no file."""
    try:
        if sys.stdout.fileno() != 1:
            return None
    except (UnsupportedOperation, AttributeError):  # a test's or notebook's stand-in
        return None
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    return saved


def print_answer(report: Report, as_json: bool, stdout: TextIO) -> None:
    if as_json:
        if report.data is not None:
            stdout.write(json.dumps(report.data) + "\n")
    elif report.shown:
        from rich.console import Console

        class PipeConsole(Console):
            def on_broken_pipe(self) -> None:
                raise BrokenPipeError  # Rich would exit by itself

        width = None if stdout.isatty() else 160  # a pipe gets whole lines, not 80 columns
        console = PipeConsole(file=stdout, markup=False, highlight=False, width=width)
        for shown in report.shown:
            console.print(shown)
    stdout.flush()


def silence(stdout: TextIO) -> None:
    """Points a closed pipe's descriptor nowhere, so that Python's last flush does not complain."""
    with suppress(UnsupportedOperation), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stdout.fileno())


def end_with(error: PhaseLensError, as_json: bool, stdout: TextIO) -> None:
    """Says the error and leaves with exit status 1."""
    if as_json:
        data = {"error": {"what": error.what, "fix": error.fix}}
        stdout.write(json.dumps(data) + "\n")
    say(f"Error: {error}")
    raise typer.Exit(1) from None


def from_os(error: OSError) -> PhaseLensError:
    """A full or read-only disk, or a file that cannot be opened, in words."""
    where = f" ({error.filename})" if error.filename else ""
    return StoreError(
        f"{error.strerror or error}{where}.",
        "See that the disk has room and that the data folder (PHASELENS_HOME) can be written.",
    )


def say(line: str) -> None:
    """One line on stderr, whatever the text holds."""
    sys.stderr.write(inert(line) + "\n")
    sys.stderr.flush()


def inert(text: str) -> str:
    """The text on one line, without characters that a terminal would obey or hide."""
    return " ".join(neutralise(" ".join(text.split())).split())
