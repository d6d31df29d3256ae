"""The trace grammar, read line by line: shared by phases, mentions and the parser.

What the reasoner is asked to write:

    Shortlist:
    2. skip                 (a label that was looked at and not shortlisted; may be left out)
    3. <name> <- "<words of the text>"
    Reasoning:
    3. keep: <evidence>
    4. drop: <evidence>
    Answer: 3, 5            (or: Answer: none)

Small slips are read too: Markdown marks, brackets around numbers, a name before the verdict,
and a whole part on its heading's line ("Shortlist: 3, 4", "Reasoning: keep 3, drop 4").
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.rerank.base import Verdict

# Repeats that could be split in many ways are possessive (*+): a model may write a line of any
# length, and reading it must not take longer than in proportion.
MARKS = r"[\s>#*_`\-•]*"  # Markdown in front of a line's first word
_HEADING = re.compile(
    rf"{MARKS}(?P<word>shortlist(?:ing|ed(?: labels)?)?|reasoning|(?:the )?(?:final )?answers?)"
    r"(?:\s++(?:is|are))?\s*+[*_`]*+\s*+:[*_`]*[ \t]*(?P<rest>.*)",
    re.IGNORECASE,
)
_BARE_HEADING = re.compile(rf"{MARKS}(?P<word>shortlist(?:ing)?|reasoning)[\s*_`]*", re.IGNORECASE)
_NUMBER = re.compile(
    rf"{MARKS}[\[(]?(?:(?:candidate|label|no\.?)\s*)?#?(?P<number>\d{{1,4}})"
    r"(?:[\])]?[.):]|[\])]|(?=\s*+[-–—:]?\s*+(?:keep|drop)))[\s*_`]*(?P<rest>.*)",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"(?<![\w'])(?P<verdict>keep|kept|drop|dropped)\b[\s*_`]*(?P<after>[:,.;–—-]|$)?",
    re.IGNORECASE,
)
_NAMED = 400  # characters that may stand before a verdict
_LISTED = re.compile(  # "3, 4", "[3] and [4]", "3. name, 4. name" after "Shortlist:"
    r"(?:^|[,;&]|\band\b)[\s*_`]*+[\[(]?(?:(?:candidates?|labels?|no\.?)\s*+)?#?"
    r"(?P<number>\d{1,4})(?!\w)(?:[\])]?[.):]|[\])]|(?=\s*+(?:$|[,;.&(<←]|and\b)))[\s*_`]*+",
    re.IGNORECASE,
)
_ONE = r"[\[(]?#?\d{1,4}(?!\w)[\])]?"
_NUMBERS = rf"{_ONE}(?:(?:\s*+[,&]\s*+(?:and\s++)?|\s++and\s++){_ONE}){{0,40}}"
_WORDS = r"(?<!\w)(?:keep|kept|drop|dropped)\b"
_JUDGED = re.compile(  # "1, 2: keep" or "keep 1 and 2" after "Reasoning:"
    rf"(?<![\w.])(?P<first>{_NUMBERS})[.:]?\s*+[-–—]?\s*+(?P<then>{_WORDS})"
    rf"|(?<!not )(?P<word>{_WORDS})[\s*_`:]*+(?:(?:candidates?|labels?|no\.?)\s*+)?"
    rf"(?P<numbers>{_NUMBERS})",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')
_DIGITS = re.compile(r"\d{1,4}")
_ARROW = re.compile(r"<-+|←|<=")
_SKIP = re.compile(r"skip(?:ped)?[\s*_`.]*", re.IGNORECASE)


class LineKind(StrEnum):
    SHORTLIST = "shortlist heading"
    REASONING = "reasoning heading"
    ANSWER = "answer"
    VERDICT = "verdict"
    CANDIDATE = "candidate"
    SKIP = "skip"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a trace; all offsets are characters of the whole text.

    `rest` is what stands after the heading or number (the label's name for a candidate line,
    without the anchor), from `rest_start` on. `anchored` says that a "<-" follows the name.
    `items`: candidates and verdicts on a heading's own line, each as if it were a line.
    """

    kind: LineKind
    start: int
    end: int
    number: int | None = None
    verdict: Verdict | None = None
    rest: str = ""
    rest_start: int = 0
    anchored: bool = False
    items: tuple["Line", ...] = ()


def read_lines(text: str, start: int = 0) -> list[Line]:
    """All non-empty lines from character `start` on, each with its kind."""
    lines = []
    for found in re.finditer(r"[^\r\n]+", text[start:]):
        if found.group().strip():
            lines.append(read_line(found.group(), start + found.start()))
    return lines


def read_line(raw: str, start: int) -> Line:
    """The kind of one line that begins at character `start` of the text."""
    end = start + len(raw)
    heading = _HEADING.fullmatch(raw) or _BARE_HEADING.fullmatch(raw)
    if heading:
        groups = heading.groupdict()
        rest = groups.get("rest") or ""
        rest_start = start + (heading.start("rest") if "rest" in groups else len(raw))
        kind = _heading_kind(heading["word"])
        items = tuple(_items(kind, rest, rest_start))
        return Line(kind, start, end, rest=rest, rest_start=rest_start, items=items)
    numbered = _NUMBER.fullmatch(raw)
    if not numbered:
        return Line(LineKind.TEXT, start, end, rest=raw, rest_start=start)
    return _numbered_line(numbered, start, end)


def _heading_kind(word: str) -> LineKind:
    word = word.lower()
    if word.startswith("shortlist"):
        return LineKind.SHORTLIST
    return LineKind.REASONING if word == "reasoning" else LineKind.ANSWER


def with_items(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, each heading followed by what stands on its own line."""
    for line in lines:
        yield line
        yield from line.items


def _items(kind: LineKind, rest: str, at: int) -> Iterator[Line]:
    """The candidates after "Shortlist:", or the verdicts after "Reasoning:", on the same line."""
    if kind is LineKind.SHORTLIST:
        yield from _listed(rest, at)
    elif kind is LineKind.REASONING:
        numbered = _NUMBER.fullmatch(rest)
        alone = _numbered_line(numbered, at, at + len(rest)) if numbered else None
        judged = list(_judged(rest, at))
        if alone and alone.verdict and len(judged) < 2:
            yield alone
        else:
            yield from judged


def _listed(rest: str, at: int) -> Iterator[Line]:
    unquoted = _QUOTED.sub(lambda quote: " " * len(quote.group()), rest)
    found = list(_LISTED.finditer(unquoted))
    ends = [*(following.start() for following in found[1:]), len(rest)]
    for item, end in zip(found, ends, strict=False):
        name = unquoted[item.end() : end]
        arrow = _ARROW.search(name)
        name = (name[: arrow.start()] if arrow else name).rstrip(" \t.;")
        start, name_start = at + item.start("number"), at + item.end()
        number, stop = int(item["number"]), name_start + len(name)
        kind = LineKind.CANDIDATE
        yield Line(kind, start, stop, number, None, name, name_start, arrow is not None)


def _judged(rest: str, at: int) -> Iterator[Line]:
    for found in _JUDGED.finditer(rest):
        group, word = ("first", found["then"]) if found["then"] else ("numbers", found["word"])
        verdict = Verdict.KEEP if word.lower().startswith("ke") else Verdict.DROP
        for number in _DIGITS.finditer(found[group]):
            start = at + found.start(group) + number.start()
            end = start + len(number.group())
            yield Line(LineKind.VERDICT, start, end, int(number.group()), verdict, "", end)


def _numbered_line(numbered: re.Match[str], start: int, end: int) -> Line:
    number = int(numbered["number"])
    rest, rest_start = numbered["rest"], start + numbered.start("rest")
    verdict = _verdict_of(rest)
    if verdict:
        word = Verdict.KEEP if verdict["verdict"].lower().startswith("ke") else Verdict.DROP
        name = rest[: verdict.start()].rstrip(" \t:-—–*_`")
        return Line(LineKind.VERDICT, start, end, number, word, name, rest_start)
    if _SKIP.fullmatch(rest):
        return Line(LineKind.SKIP, start, end, number, None, rest, rest_start)
    name, anchored = rest, False
    arrow = _ARROW.search(rest)
    if arrow:
        name, anchored = rest[: arrow.start()], True
    return Line(LineKind.CANDIDATE, start, end, number, None, name.rstrip(), rest_start, anchored)


def _verdict_of(rest: str) -> re.Match[str] | None:
    """The verdict of a numbered line. A later word is one only after a name with its nearness, as
    the prompt has it: "3. Foot drop (near): keep" keeps."""
    for at, found in enumerate(_VERDICT.finditer(rest[: _NAMED + 10])):
        before = rest[: found.start()]
        if at == 0 and _is_verdict(found, before):
            return found
        if at and before.rstrip().endswith("):"):
            return found
    return None


def _is_verdict(found: re.Match[str], before: str) -> bool:
    """A verdict stands first, or after a name and a colon or dash; "keep" inside prose is none."""
    before = before.strip(" \t*_`")
    return not before or before.endswith((":", "-", "–", "—", ")")) or bool(found["after"] == ":")


def verdict_span(text: str, line: Line) -> tuple[int, int] | None:
    """Characters (start, end) of the word that a verdict line decides by; None where it stands
    before its number ("keep 3")."""
    after = line.rest_start + len(line.rest)
    found = _VERDICT.search(text, after, max(line.end, after))
    return found.span("verdict") if found else None


def choice_span(line: Line) -> tuple[int, int] | None:
    """Characters (start, end) that decide whether a numbered line shortlists its label: the space
    after the number and the first character of the name or of "skip". None for other lines."""
    if line.kind not in (LineKind.CANDIDATE, LineKind.SKIP) or not line.rest:
        return None
    return line.rest_start - 1, line.rest_start + 1
