r"""Texts as cells of a CSV file: on one line, nothing that a spreadsheet would calculate, and the
very same text again when they are read back.

1. A backslash, a control character, a line end and a lone surrogate are written as JSON writes them
   (``\\``, ``\n``, ``\u0007``).
2. A formula is what begins with = + - @ (or their wide forms), alone or after what some spreadsheet
   takes for the end of a cell (, ; | "), with spaces before it or not. It gets an apostrophe before
   it, one more than it has; reading takes one away.

Cells of JSON stay JSON: there the character itself is escaped (``\u003d``), inside texts only.
"""

import json
import re
from typing import Any

_LEADS = "=+\\-@＝＋－＠"
_UNSAFE = re.compile(rf"(^|[,;|\"])(\s*)('*)(?=[{_LEADS}])")
_SAFE = re.compile(rf"(^|[,;|\"])(\s*)'('*)(?=[{_LEADS}])")
_HIDDEN = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONG = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_JSON_LEAD = re.compile(rf"(?<!\w)[{_LEADS}]")


def to_cell(text: str) -> str:
    """The text as a cell; `from_cell` gives it back."""
    if text.isalnum():  # most cells are ids, numbers and words
        return text
    shown = _HIDDEN.sub(lambda found: _SHORT.get(found[0]) or _code(found[0]), text)
    return _UNSAFE.sub(r"\1\2'\3", shown)


def from_cell(cell: str) -> str:
    """The text that `to_cell` wrote; of any other cell what it holds, as it is."""
    return _ESCAPED.sub(_meant, _SAFE.sub(r"\1\2\3", cell))


def json_cell(value: Any) -> str:
    """Plain data as JSON without spaces, on one line, in visible ASCII where a text is none."""
    text = json_line(value)
    if _JSON_LEAD.search(text) is None:
        return text
    return _JSON_TEXT.sub(lambda found: _JSON_LEAD.sub(lambda lead: _code(lead[0]), found[0]), text)


def json_line(value: Any) -> str:
    """Plain data as JSON on one line, as UTF-8 can hold it: a lone surrogate makes all of it ASCII.
    ValueError for NaN and infinity."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return _HIDDEN.sub(lambda found: found[0] if found[0] == "\\" else _code(found[0]), text)


def visible(text: str) -> str:
    """The text with U+FFFD for NUL and every lone surrogate, as the store keeps texts."""
    return _NO_TEXT.sub("\ufffd", text)


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}"


def _meant(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return _LONG.get(found[2], found[0])
