"""What an import found wrong: every problem counted, the first of each kind shown, all in a CSV
file."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

SHOWN = 10  # of each kind, in the report
WRITTEN = 1_000_000  # in all, to the CSV file: a bad file must not fill the disk
VALUE_CHARS = 200


class Kind(StrEnum):
    """What can be wrong with a row."""

    MALFORMED = "malformed rows"
    ENCODING = "encoding errors"
    TOO_LONG = "too long"
    EMPTY_ID = "empty ids"
    DUPLICATE_ID = "duplicate ids"
    EMPTY_NAME = "empty label names"
    DUPLICATE_NAME = "duplicate label names"
    EMPTY_TEXT = "empty texts"
    MISSING_GOLD = "gold ids missing from the labels"
    NO_GOLD = "documents without gold"
    EXCLUDED_GOLD = "gold labels that are excluded"
    UNKNOWN_SPLIT = "unknown splits"
    FILTER = "filter pairs out of range"
    UNKNOWN_DATASET = "datasets that are not here"
    UNKNOWN_DOCUMENT = "documents that are neither in the dataset nor given as text"
    OTHER_TEXT = "documents whose text is another than the dataset's"
    UNUSED_TEXT = "document texts that cannot be used; the dataset's are taken"
    OTHER_PROMPT = "prompts in which the dataset's document is not found"
    PROMPT = "prompts taken for documents, for nothing else says which these are"
    EMPTY_TRACE = "empty traces"
    NO_SYSTEM = "no system"
    MAYBE_GOLD = "columns taken for the answer that may hold gold"
    UNKNOWN_ANSWER = "answered labels that the dataset has not"
    CANDIDATES = "more candidates than are kept"
    OFFSETS = "token offsets that do not fit the trace"
    NUMBER = "numbers that cannot be used"
    REPEATED = "traces that are here already"


REJECTING = frozenset(
    {
        Kind.MALFORMED,
        Kind.ENCODING,
        Kind.TOO_LONG,
        Kind.EMPTY_ID,
        Kind.DUPLICATE_ID,
        Kind.EMPTY_NAME,
        Kind.EMPTY_TEXT,
        Kind.UNKNOWN_DATASET,
        Kind.UNKNOWN_DOCUMENT,
        Kind.EMPTY_TRACE,
        Kind.NO_SYSTEM,
        Kind.REPEATED,
    }
)


# A file of which most rows are these is not what it was taken for; repeats and long texts can
# be in a good one.
UNREADABLE = REJECTING - {Kind.DUPLICATE_ID, Kind.TOO_LONG, Kind.REPEATED}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a problem is. `row`: the line in a text file, the row in a Parquet file, from 1."""

    file: str
    row: int
    value: str

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "row": self.row, "value": self.value}


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of problem, how often it was met, and where first. `rejected`: such rows are left
    out; else they are in the dataset."""

    kind: str
    count: int
    first: tuple[Place, ...]
    rejected: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "count": self.count,
            "rejected": self.rejected,
            "first": [place.to_json() for place in self.first],
        }


class Problems:
    """Collects problems as they are met: counts in memory, every one in a CSV file.

    `rejected`: rows left out so far; `unreadable`: those of them that are a sign of a wrong file.
    `names`: what files are called, where their own names are not enough.
    """

    def __init__(self, path: Path, names: Mapping[Path, str] | None = None) -> None:
        self.rejected = 0
        self.unreadable = 0
        self._names = names or {}
        self._count: dict[Kind, int] = {}
        self._first: dict[Kind, list[Place]] = {}
        self._file = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(["kind", "file", "row", "value", "left out"])
        self._written = 0

    def add(self, kind: Kind, file: Path, row: int, value: object) -> None:
        """Notes one problem of a row."""
        place = Place(self._names.get(file, file.name), row, shown(value))
        self._count[kind] = self._count.get(kind, 0) + 1
        self.rejected += kind in REJECTING
        self.unreadable += kind in UNREADABLE
        first = self._first.setdefault(kind, [])
        if len(first) < SHOWN:
            first.append(place)
        if self._written < WRITTEN:
            left_out = "yes" if kind in REJECTING else "no"
            cells = (str(kind), place.file, place.row, place.value, left_out)
            self._csv.writerow([in_a_cell(cell) for cell in cells])
            self._written += 1

    def most(self) -> list[Problem]:
        """Every kind that was met, in the order of `Kind`."""
        return [
            Problem(str(kind), self._count[kind], tuple(self._first[kind]), kind in REJECTING)
            for kind in Kind
            if kind in self._count
        ]

    def worst(self) -> str:
        """The most frequent problem in a sentence; "" where there is none."""
        found = self.most()
        if not found:
            return ""
        most = max(found, key=lambda problem: problem.count)
        return f"Most often: {most.kind}, as in row {most.first[0].row} ({most.first[0].value!r})."

    def close(self) -> None:
        self._file.close()


def told_apart(files: Iterable[Path]) -> dict[Path, str]:
    """What to call each file: its name, with as many of its folders as tell it from the others."""
    names: dict[Path, str] = {}
    left, length = set(files), 1
    while left:
        tails = {file: "/".join(file.parts[-length:]) for file in left}
        often = Counter(tails.values())
        last = length >= max(len(file.parts) for file in left)
        names |= {file: tail for file, tail in tails.items() if often[tail] == 1 or last}
        left -= names.keys()
        length += 1
    return names


def shown(value: object) -> str:
    """A value cut to a length that can be shown; what is no text is made visible."""
    text = value if isinstance(value, str) else str(value)
    text = text[:VALUE_CHARS].encode("utf-8", "backslashreplace").decode()
    return text if len(text) < VALUE_CHARS else text + " ..."


def in_a_cell(cell: object) -> object:
    """A cell that a spreadsheet shows and does not calculate: "=1+1" gets a quote before it."""
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
