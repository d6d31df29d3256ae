"""Lines of a text file, gzipped or not, one at a time: a line may be bad, the file goes on.

Bytes that are no UTF-8 become lone surrogates (PEP 383), so that the row they are in can be
parsed, found and named; `is_text` tells such a row.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from core.errors import InputError

MAX_LINE = 16 * 1024 * 1024  # bytes: a file without line ends must not fill the memory
Progress = Callable[[int], None]  # bytes of the file read so far

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_MAGIC = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"ARROW1": "an Arrow file",
    b"SQLite": "a SQLite database",
}


def lines_of(path: Path, progress: Progress | None = None) -> Iterator[tuple[int, str | None]]:
    """Number (from 1) and text of every line, without its end; None: longer than MAX_LINE.

    Raises InputError where the file cannot be read, is no text or ends in the middle.
    """
    try:
        with path.open("rb") as raw:
            file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw)
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if number == 1:
                    line = _checked(path, line)
                if progress is not None and number % 1000 == 1:
                    progress(raw.tell())
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    _skip_line(file)
                    yield number, None
                    continue
                yield number, line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"{path.name} is no whole gzip file ({error}).", "Fetch or compress the file again."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror or error}.",
            "Check the path and that you may read the file.",
        ) from error


def is_text(value: str) -> bool:
    """Whether a value is whole Unicode text, and not bytes that could not be decoded."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(path: Path, line: bytes) -> bytes:
    for mark, name in _OTHER_BOMS.items():
        if line.startswith(mark):
            raise InputError(f"{path.name} is {name}; UTF-8 was expected.", "Save it as UTF-8.")
    for mark, name in _MAGIC.items():
        if line.startswith(mark):
            raise InputError(
                f"{path.name} is {name}, but its name says that it is text.",
                "Rename it (.parquet, .gz), or give the file that is in it.",
            )
    if b"\x00" in line[:4096]:
        raise InputError(
            f"{path.name} is a binary file; text in UTF-8 was expected.",
            "Give JSONL, CSV, Parquet or files of the XMC repository.",
        )
    return line.removeprefix(_BOM)


def _skip_line(file: IO[bytes]) -> None:
    while piece := file.readline(MAX_LINE):
        if piece.endswith(b"\n"):
            return
