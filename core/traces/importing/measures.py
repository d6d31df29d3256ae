"""Numbers of a row: tokens, seconds, and where each token is. In CSV files they are texts."""

from decimal import Decimal
from typing import Any

from core.importing.problems import Kind
from core.importing.values import listed
from core.traces.importing.notes import Notes

MOST_TOKENS = 2**31 - 1  # what a database's whole number holds
MOST_SECONDS = 1e12


def offsets_of(
    given: Any, text: str, row: dict[str, Any], notes: Notes
) -> tuple[tuple[int, int], ...]:
    """(start, end) a token, in order and inside the trace; () where they do not fit."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return ()
    pairs: Any = listed(given) if isinstance(given, str) else given
    try:
        found = tuple((int(start), int(end)) for start, end in pairs)
    except (TypeError, ValueError, OverflowError):  # the last is of infinity
        notes.append((Kind.OFFSETS, str(given)[:80]))
        return ()
    starts = [start for start, _ in found]
    inside = all(0 <= start <= end <= len(text) for start, end in found)
    if not inside or starts != sorted(starts) or "reasoning_chars" in row:
        notes.append((Kind.OFFSETS, str(found[:4])))
        return ()
    row["token_offsets"] = [list(one) for one in found]
    return found


def number_of(
    given: Any, row: dict[str, Any], name: str, most: float, notes: Notes
) -> float | None:
    """A number from 0 to `most`, None where there is none; one that is none is noted."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    found = _number(given)
    if found is None or not 0 <= found <= most:
        notes.append((Kind.NUMBER, f"{name}: {str(given)[:80]}"))
        return None
    row[name] = int(found) if float(found).is_integer() else found  # Parquet has floats alone
    return float(found)


def _number(given: Any) -> float | int | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, int | float):
        return given
    if not isinstance(given, str | Decimal):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None
