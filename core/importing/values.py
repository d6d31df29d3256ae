"""Values of any file as the texts that a dataset holds."""

import ast
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from core.importing.lines import is_text
from core.importing.problems import Kind

SEPARATORS = ("|", ";", ",")
MAX_ID = 512  # characters
MAX_BITS = 128  # of a whole number that is an id: a UUID may be one
MAX_DIGITS = 18  # of the row of a label: such a number fits into 8 bytes
MAX_REPR = 1_000_000  # characters of a list as Python writes it; a longer one is no list of ids

_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_ARRAY = re.compile(rf"\[\s*(?:{_QUOTED}\s+)*{_QUOTED}\s*\]", re.DOTALL)
_ARRAY_OF_NUMBERS = re.compile(r"\[\s*\d+(?:\s+\d+)*\s*\]")
_PAIRS = {"[": "]", "(": ")", "{": "}"}


class UnusableError(Exception):
    """A value that makes its row unusable; never leaves this package."""

    def __init__(self, kind: Kind, value: object) -> None:
        super().__init__(kind, value)
        self.kind = kind
        self.value = value


def text_of(value: Any, longest: int) -> str:
    """A value as text without surrounding space; "" for none. Raises UnusableError."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > longest:
            raise UnusableError(Kind.TOO_LONG, f"{len(text):,} characters: {text[:80]}")
        if not is_text(text):
            raise UnusableError(Kind.ENCODING, text)
        return text
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= MAX_BITS:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else str(value)
    raise UnusableError(Kind.MALFORMED, value)


def id_of(value: Any) -> str:
    """A value as an id. Raises UnusableError where there is none."""
    found = text_of(value, MAX_ID)
    if not found:
        raise UnusableError(Kind.EMPTY_ID, "")
    return found


def ids_of(value: Any, separator: str) -> list[str]:
    """A list, or a text that holds one, as ids without repeats, in order. Raises UnusableError.

    `separator`: between ids in a text; "": the first of | ; , that is in it.
    """
    if isinstance(value, str):
        value = _split(value.strip(), separator)
    elif value is None:
        value = []
    elif not isinstance(value, list):
        value = [value]
    found = (text_of(one, MAX_ID) for one in value)
    return list(dict.fromkeys(one for one in found if one))


def listed(text: str) -> list[Any] | None:
    """The list that a text holds, None where it holds none: JSON, or a list, tuple or set as Python
    writes it, or an array as numpy does (["a" "b"], without commas); pandas puts all of these into
    CSV files. A set comes sorted."""
    text = text.strip()
    if not text or _PAIRS.get(text[0]) != text[-1]:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _as_python_writes(text)
    if isinstance(found, set):
        return sorted(found, key=str)
    return list(found) if isinstance(found, list | tuple) else None


def _as_python_writes(text: str) -> Any:
    if len(text) > MAX_REPR:
        return None
    if _ARRAY_OF_NUMBERS.fullmatch(text):
        return text[1:-1].split()
    try:
        if _ARRAY.fullmatch(text):  # else Python would read 'a' 'b' as one text
            return [ast.literal_eval(one) for one in re.findall(_QUOTED, text, re.DOTALL)]
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def rows_of_labels(values: Mapping[str, Any], column: str, separator: str) -> list[int]:
    """Rows of labels, as in "target_ind", but those of relevance 0. Raises UnusableError."""
    value = values.get(column)
    if isinstance(value, str):
        value = _split(value.strip(), separator or " ")
    elif value is None:
        value = []
    elif not isinstance(value, list):
        value = [value]
    relevance = values.get("target_rel")
    if isinstance(relevance, list) and len(relevance) == len(value):
        value = [one for one, much in zip(value, relevance, strict=True) if much != 0]
    rows = [_whole(one) for one in value]
    found = dict.fromkeys(row for row in rows if row is not None)
    if None in rows:
        raise UnusableError(Kind.MALFORMED, value)
    return list(found)


def whole_number(word: str) -> int | None:
    """A text of digits as a number from 0 that fits into 8 bytes, else None."""
    fits = word.isascii() and word.isdigit() and len(word) <= MAX_DIGITS
    return int(word) if fits else None


def _whole(value: Any) -> int | None:
    """A whole number that fits into 8 bytes, else None."""
    if isinstance(value, str):
        word = value.strip()
        size = whole_number(word.removeprefix("-"))
        return -size if size is not None and word.startswith("-") else size
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():  # nor are NaN and infinity
        return None
    return int(value) if abs(value) < 10**MAX_DIGITS else None


def _split(text: str, separator: str) -> list[Any]:
    found = listed(text)
    if found is not None:
        return found
    if text.startswith("["):
        raise UnusableError(Kind.MALFORMED, text)
    if not separator:
        separator = next((one for one in SEPARATORS if one in text), "|")
    return text.split(separator) if separator.strip() else text.split()
