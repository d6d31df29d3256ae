"""Text from documents, labels and models, made harmless to show.

`neutralise` swaps every character that could hide, reorder or break what a reader sees for a
visible one, one for one, so that character offsets into the text stay true.
"""

import html

REPLACEMENT = "\ufffd"

# Characters that change the direction or order of the text around them (Unicode UAX #9).
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Characters that are there and take no room. Joiners (U+200C, U+200D) stay: scripts need them.
_INVISIBLE = "\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\ufff9\ufffa\ufffb"

_TABLE: dict[int, str] = (
    {code: chr(0x2400 + code) for code in range(0x20)}  # visible pictures of control characters
    | {0x7F: "\u2421", 0x2028: "\n", 0x2029: "\n"}
    | dict.fromkeys(range(0x80, 0xA0), REPLACEMENT)
    | {ord(char): REPLACEMENT for char in _BIDI + _INVISIBLE}
    | dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)  # halves of pairs: not text
    | dict.fromkeys(range(0xE0000, 0xE0080), REPLACEMENT)  # tags
    | {ord("\t"): "\t", ord("\n"): "\n", ord("\r"): " "}
)


def neutralise(text: str) -> str:
    """The text with control, bidirectional and invisible characters made visible; same length."""
    return text.translate(_TABLE)


def inert_html(text: str) -> str:
    """The text as HTML that shows it and does nothing else; safe in attributes too."""
    return html.escape(neutralise(text), quote=True)


def one_line(text: str, limit: int = 100) -> str:
    """The text neutralised, on one line, cut to `limit` characters with an ellipsis."""
    line = " ".join(neutralise(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def both_ends(text: str, limit: int) -> str:
    """The text neutralised, on one line, cut in the middle to `limit` characters: names of one
    family often differ at their ends alone."""
    line = " ".join(neutralise(text).split())
    if len(line) <= limit:
        return line
    tail = (limit - 1) // 2
    return f"{line[: limit - 1 - tail]}…{line[len(line) - tail :]}"


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: every sign it could read as a mark is escaped."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>~$:" else c for c in neutralise(text))
