"""How an import of judgements went: what came in, and what did not and why."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.importing.problems import SHOWN, WRITTEN, Place, Problem, in_a_cell, shown


class Trouble(StrEnum):
    """Why a row of a file was left out."""

    NO_EVENT = "rows that are no judgements"
    UNKNOWN_TRACE = "judgements of traces that are not here"
    OTHER_TASK = "judgements of tasks that are others here"
    WRONG_KIND = "judgements that do not say what their queue asks"
    CHANGED = "judgements that are here with other contents"
    NOT_NEXT = "judgements that do not follow the newest one here"


@dataclass(frozen=True, slots=True)
class JudgementImportReport:
    """`events`: new in the store; `known`: were there already; `rejected`: rows left out, the known
    ones not among them. `queues`: names of queues that were made; `by`: new events by queue;
    `problems_file`: all problems, as CSV."""

    events: int
    known: int
    rejected: int
    problems: tuple[Problem, ...]
    queues: tuple[str, ...] = ()
    by: Mapping[str, int] = field(default_factory=dict)
    problems_file: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "known": self.known,
            "rejected": self.rejected,
            "problems": [problem.to_json() for problem in self.problems],
            "queues": list(self.queues),
            "by": dict(self.by),
            "problems_file": self.problems_file,
        }

    def in_words(self) -> str:
        by = ", ".join(f"{name} {count:,}" for name, count in self.by.items())
        made = f" Queues made: {', '.join(self.queues)}." if self.queues else ""
        return (
            f"New judgements: {self.events:,}{f' ({by})' if by else ''}. Here already: "
            f"{self.known:,}. Rows left out: {self.rejected:,}.{made}"
        )


class Troubles:
    """Collects what was wrong: counts and the first of each kind in memory, all in a CSV file."""

    def __init__(self, file: str, path: Path | None = None) -> None:
        """`file`: what the file that is read is called; `path`: where all are written."""
        self._name = file
        self._count: Counter[Trouble] = Counter()
        self._first: dict[Trouble, list[Place]] = {}
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(["kind", "file", "row", "value"])

    @property
    def rejected(self) -> int:
        return self._count.total()

    def add(self, kind: Trouble, row: int, value: object) -> None:
        place = Place(self._name, row, shown(value))
        self._count[kind] += 1
        first = self._first.setdefault(kind, [])
        if len(first) < SHOWN:
            first.append(place)
        if self._file is not None and self.rejected <= WRITTEN:
            cells = (str(kind), place.file, place.row, place.value)
            csv.writer(self._file).writerow([in_a_cell(cell) for cell in cells])

    def found(self) -> tuple[Problem, ...]:
        """Every kind that was met, in the order of `Trouble`."""
        return tuple(
            Problem(str(kind), self._count[kind], tuple(self._first[kind]), rejected=True)
            for kind in Trouble
            if self._count[kind]
        )

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
