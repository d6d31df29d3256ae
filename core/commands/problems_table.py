"""What an import found wrong, as a table of the command line."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.commands.console import inert
from core.importing.problems import Kind

if TYPE_CHECKING:
    from rich.console import RenderableType


def problems_table(problems: Sequence[Mapping[str, Any]]) -> "RenderableType":
    """A row a kind of problem, with the first place; repeats are told in the report's sentence."""
    from rich.table import Table

    told = [problem for problem in problems if problem["kind"] != Kind.REPEATED]
    if not told:
        return "No problems were found."
    table = Table("Problem", "Count", "Rows left out", "First")
    for problem in told:
        first = problem["first"][0]
        table.add_row(
            problem["kind"],
            f"{problem['count']:,}",
            "yes" if problem["rejected"] else "no",
            inert(f"{first['file']} row {first['row']}: {first['value']}"),
        )
    return table
