"""TREC run and qrels files: written for trec_eval and ir_measures, and read for scoring.

A run has one line a place, `document Q0 label rank score tag`; qrels have one a gold label,
`document 0 label 1`. Columns are split at white space, so an id is written with everything but
visible characters as %XX (UTF-8 bytes), % itself too, and an empty id as a lone %.

Tools sort by score and look at no rank; trec_eval keeps scores in 32 bits. So scores are whole
numbers that fall by one a place: exact, distinct, and the same ranking to every tool.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote

import numpy as np

from core.atomic import new_file
from core.errors import DataError, InputError
from core.metrics.ranking import Scored

_EMPTY = "%"
_MOST = 2**24  # whole numbers up to here are exact in 32 bits


def escape(identifier: str) -> str:
    """The id without white space, control and invisible characters; `unescape` gives it back."""
    out = "".join(
        char if char.isprintable() and char not in " %" else _hex(char) for char in identifier
    )
    return out or _EMPTY


def unescape(text: str) -> str:
    """The id that `escape` wrote. Text that is no such escape stays as it is."""
    if text == _EMPTY:
        return ""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def run_lines(document: str, ranking: Iterable[str], tag: str) -> list[str]:
    """The lines of one document, best first.

    A label ranked twice is written at its first place only. A document without a ranking has no
    line: tools give it 0, as we do.
    """
    labels = list(dict.fromkeys(ranking))[:_MOST]
    return [
        f"{escape(document)} Q0 {escape(label)} {rank} {len(labels) - rank + 1} {escape(tag)}\n"
        for rank, label in enumerate(labels, start=1)
    ]


def qrels_lines(document: str, gold: Iterable[str]) -> list[str]:
    """The lines of one document; without gold it has none, and tools leave it out, as we do."""
    return [f"{escape(document)} 0 {escape(label)} 1\n" for label in dict.fromkeys(gold)]


@contextmanager
def trec_file(path: Path) -> Iterator[TextIO]:
    """A file for such lines, which appears whole or not at all. Raises OSError."""
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def read_run(path: Path) -> dict[str, tuple[str, ...]]:
    """Document id -> label ids, best first: by score, and of equal scores by id, highest bytes
    first, in 32 bits, as trec_eval does. Raises DataError and InputError."""
    places: dict[str, dict[str, float]] = {}
    for number, (document, _, label, _, score, _) in _lines(path, 6):
        found = places.setdefault(document, {})
        if label in found:
            raise _wrong(path, number, f"names the label {label} twice for document {document}")
        found[label] = _score(path, number, score)
    return {
        unescape(document): tuple(
            unescape(label)
            for label, _ in sorted(
                found.items(), key=lambda place: (place[1], place[0].encode()), reverse=True
            )
        )
        for document, found in places.items()
    }


def read_qrels(path: Path) -> dict[str, tuple[str, ...]]:
    """Document id -> gold label ids: those judged above 0, whatever the grade; maybe none.

    Raises DataError and InputError.
    """
    gold: dict[str, dict[str, None]] = {}
    for number, (document, _, label, grade) in _lines(path, 4):
        found = gold.setdefault(unescape(document), {})
        try:
            relevant = int(grade) > 0
        except ValueError:
            raise _wrong(path, number, f"has {grade!r} where a whole number belongs") from None
        if relevant:
            found[unescape(label)] = None
    return {document: tuple(labels) for document, labels in gold.items()}


def scored(
    run: Mapping[str, tuple[str, ...]], qrels: Mapping[str, tuple[str, ...]]
) -> list[Scored]:
    """What the metrics need, for the documents of the qrels; one without a ranking has none."""
    return [Scored(document, run.get(document, ()), (), gold) for document, gold in qrels.items()]


def _hex(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())


def _score(path: Path, number: int, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise _wrong(path, number, f"has {text!r} where a score belongs")
    with np.errstate(over="ignore"):
        return float(np.float32(score))


def _lines(path: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """(line number from 1, its columns); blank lines are passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                found = line.split()
                if not found:
                    continue
                if len(found) != columns:
                    raise _wrong(path, number, f"has {len(found)} columns, not {columns}")
                yield number, found
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}).", "See that the file is there."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text.", "Save it as UTF-8 and try again.") from error


def _wrong(path: Path, number: int, what: str) -> InputError:
    return InputError(
        f"Line {number} of {path} {what}.",
        "A run has `document Q0 label rank score tag`, qrels have `document 0 label grade`.",
    )
