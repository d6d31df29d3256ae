"""A first look at a file before it is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.datasets.importing.columns import guess
from core.datasets.importing.labels import columns_of
from core.datasets.importing.xmc import line_rows, text_file_of
from core.importing.readers import Bad, Format, format_of, rows_of


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is read as: its format, columns, the column of each role, its first rows."""

    format: str
    columns: tuple[str, ...]
    roles: Mapping[str, str]
    rows: tuple[dict[str, Any], ...]


def look_at(path: Path, roles: Mapping[str, tuple[str, ...]], rows: int = 5) -> Look:
    """Looks at the first rows of a file. Raises InputError where it cannot be read."""
    kind = format_of(path)
    if kind in (Format.SPARSE, Format.LINES):
        texts = text_file_of(path) if kind is Format.SPARSE else path
        found = _first(line_rows(texts), rows)
        return Look(str(kind), (), {}, found)
    columns = tuple(columns_of(path, kind))
    return Look(
        str(kind), columns, guess(path.name, columns, roles, {}), _first(rows_of(path, kind), rows)
    )


def _first(rows: Any, most: int) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    for row in rows:
        if not isinstance(row, Bad):
            found.append(row.values)
        if len(found) == most:
            break
    return tuple(found)
