"""Files of the Extreme Classification Repository that are no tables.

1. `trn_X_Y.txt`: a sparse matrix. The first line says "documents labels"; line i + 1 holds
   "label:value" for the gold labels of document i, labels by their row, from 0.
2. Beside it the texts, a line each: `trn_X.txt` or `raw/trn_X.txt`, `train_raw_texts.txt`, and
   for labels `Y.txt`, `lbl_X.txt`, `output-items.txt`; a line is the text, or id and text with a
   tab or "->" between.
3. `filter_labels_test.txt` (also `tst_filter_labels.txt`): pairs "document label" by rows, from 0,
   that are the same thing twice and are not scored.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.importing.lines import Progress, lines_of
from core.importing.problems import Kind, Problems
from core.importing.readers import Bad, Row
from core.importing.values import whole_number

_TEXTS = ("{0}_X.txt", "{0}_raw_texts.txt", "{1}_raw_texts.txt", "{0}_texts.txt", "{0}.raw.txt",
          "{1}.txt", "{0}.txt")  # fmt: skip
_FOLDERS = (".", "raw_data", "raw", "raw_text", "..")
_LONG = {"trn": "train", "tst": "test"}
_SEPARATORS = ("\t", "->")
_LOOK_AT = 50


def text_file_of(matrix: Path) -> Path:
    """The texts of the documents of `trn_X_Y.txt`. Raises InputError."""
    part = matrix.name.partition("_X_Y")[0]
    names = [name.format(part, _LONG.get(part, part)) for name in _TEXTS]
    for folder in _FOLDERS:
        for name in (*names, *(f"{name}.gz" for name in names)):
            path = matrix.parent / folder / name
            if path.is_file():
                return path
    raise InputError(
        f"{matrix.name} holds gold labels; the file with the texts is not beside it.",
        f"Put {names[0]} (a text a line) into the same folder, or into raw_data/ in it.",
    )


def matrix_of(texts: Path) -> Path | None:
    """The `trn_X_Y.txt` that belongs to `trn_X.txt`, or None."""
    part = texts.name.partition("_X.txt")[0]
    if part == texts.name:
        return None
    for folder in (texts.parent, texts.parent.parent):
        for name in (f"{part}_X_Y.txt", f"{part}_X_Y.txt.gz"):
            if (folder / name).is_file():
                return folder / name
    return None


def line_rows(path: Path, progress: Progress | None = None) -> Iterator[Row | Bad]:
    """Rows with "text", and "id" where every one of the first lines has one."""
    separator = _separator(path)
    for number, line in lines_of(path, progress):
        index = number - 1
        if line is None:
            yield Bad(number, index, Kind.TOO_LONG, "longer than 16 MB")
        elif separator is None:
            yield Row(number, index, {"text": line})
        else:
            one, found, text = line.partition(separator)
            if found:
                yield Row(number, index, {"id": one, "text": text})
            else:
                yield Bad(number, index, Kind.MALFORMED, line[:300])


def sparse_rows(
    matrix: Path, texts: Path, labels: int, progress: Progress | None = None
) -> Iterator[Row | Bad]:
    """The documents of a sparse matrix with their texts; "target_ind": rows of gold labels.

    Texts and matrix must have as many documents as the matrix says, and `labels` as many labels:
    one line more or less would give every document after it the gold labels of its neighbour.
    Raises InputError.
    """
    gold = lines_of(matrix)
    size, columns = _size(matrix, next(gold, (1, ""))[1] or "")
    if columns != labels:
        raise InputError(
            f"{matrix.name} says that it has {columns:,} labels; the file of labels has "
            f"{labels:,}.",
            "Give the labels, texts and matrix of one dataset; fetch them again if they are.",
        )
    count = left = 0
    for row in line_rows(texts, progress):
        number, line = next(gold, (0, ""))
        if number == 0:
            left += _says_something(row)
            continue
        if count == size and not (line or "").strip() and not _says_something(row):
            continue
        count += 1
        if isinstance(row, Bad):
            yield row
            continue
        rows = _targets(line)
        if rows is None:
            yield Bad(row.number, row.place, Kind.MALFORMED, f"{matrix.name}: {(line or '')[:200]}")
        else:
            yield Row(row.number, row.place, {**row.values, "target_ind": rows})
    more = sum(bool((line or "").strip()) for _, line in gold)
    if count != size or left or more:
        raise InputError(
            f"{matrix.name} says that it has {size:,} documents; {texts.name} has "
            f"{count + left:,} lines, and the matrix {count + more:,}.",
            "Fetch both files again; they must come from the same dataset.",
        )


def filter_pairs(path: Path, labels: int, problems: Problems) -> NDArray[np.int64]:
    """(pairs, 3): document row, label row and line of a filter file, sorted.

    Lines that are no pair, or whose label is out of range, are problems; how many documents there
    are is known only when they are read. Raises InputError where no line is a pair.
    """
    found: list[tuple[int, int, int]] = []
    lines = 0
    for number, line in lines_of(path):
        if not line or not line.strip():
            continue
        lines += 1
        pair = [whole_number(word) for word in line.replace(",", " ").split()]
        document, label = pair if len(pair) == 2 else (None, None)
        if document is None or label is None or label >= labels:
            problems.add(Kind.FILTER, path, number, line)
        else:
            found.append((document, label, number))
    if lines and not found:
        raise InputError(
            f"{path.name} is no filter file for these labels: no line of it is a pair of rows.",
            "Give lines of two whole numbers: row of the document and row of the label, from 0.",
        )
    pairs = np.array(found, dtype=np.int64).reshape(-1, 3)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _says_something(row: Row | Bad) -> bool:
    """Whether a line of texts is more than an empty line, as can stand at the end of a file."""
    return bool((row.value if isinstance(row, Bad) else str(row.values["text"])).strip())


def _targets(line: str | None) -> list[int] | None:
    if line is None:
        return None
    rows = []
    for item in line.split():
        row, _, value = item.partition(":")
        number = whole_number(row)
        if number is None:
            return None
        if value not in ("0", "0.0"):
            rows.append(number)
    return rows


def _size(matrix: Path, header: str) -> tuple[int, int]:
    """How many documents and labels a matrix has, as its first line says. Raises InputError."""
    words = header.split()
    sizes = [whole_number(word) for word in words]
    if len(sizes) != 2 or sizes[0] is None or sizes[1] is None:
        raise InputError(
            f'The first line of {matrix.name} is {header[:80]!r}; "documents labels" as two whole '
            "numbers was expected.",
            "Give a sparse matrix as the XMC repository has it.",
        )
    return sizes[0], sizes[1]


def _separator(path: Path) -> str | None:
    first = []
    for _, line in lines_of(path):
        first.append(line or "")
        if len(first) == _LOOK_AT:
            break
    for separator in _SEPARATORS:
        if first and all(separator in line for line in first):
            return separator
    return None
