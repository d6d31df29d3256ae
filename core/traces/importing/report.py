"""How an import of traces went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config import Settings
from core.importing.problems import Problem


@dataclass(frozen=True, slots=True)
class TraceImportReport:
    """`traces`: new in the store; `known`: were there already; `rejected`: rows left out, the
    known ones not among them. `by`: new traces by "dataset / system"; `files`: what each file was
    read as; `columns`: what each role was read from; `problems_file`: all problems, as CSV."""

    traces: int
    known: int
    rejected: int
    problems: tuple[Problem, ...]
    by: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    problems_file: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "traces": self.traces,
            "imported": self.traces,  # the names that the command line promises
            "known": self.known,
            "skipped_as_known": self.known,
            "rejected": self.rejected,
            "problems": [problem.to_json() for problem in self.problems],
            "by": dict(self.by),
            "files": dict(self.files),
            "columns": dict(self.columns),
            "problems_file": self.problems_file,
        }


def problems_folder(settings: Settings) -> Path:
    """Where the problems of each import are written."""
    return settings.home / "imports"
