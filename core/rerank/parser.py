"""Reads shortlist, verdicts and answer out of whatever a model wrote. Never raises.

Buckets, the first that holds:

    nothing         no text
    repetition      the same lines or words over and over
    cut off         stopped (limit, cancel, error) before the answer line was complete
    wrong format    no readable answer line, an answer without a shortlist or a verdict, or one
                    that uses a number to which the trace gave another label's name
    missing labels  the answer names labels that were not shown, or leaves out kept ones
    ok
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.rerank.base import Bucket, Candidate, Parsed, Verdict
from core.rerank.repetition import repeats
from core.traces.base import FinishReason, Mention
from core.traces.grammar import Line, LineKind, read_lines, with_items
from core.traces.mentions import CandidateNames, find_mentions

_NUMBER = re.compile(r"(?<![\w.])\d{1,4}(?![\w])")
_NONE = re.compile(r"\W*(?:none|no labels?|nothing|n/?a)\b.{0,40}", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(r"(?<![\w.])(\d{1,4})[ \t]*(?:[-–—]|to|through)[ \t]*(\d{1,4})(?!\w)")
# What an answer says it leaves out: "2 (not 1)", "2, 3 without 4". In brackets, all of them.
_LEFT_OUT = re.compile(
    r"\([ \t]*(?:but[ \t]+)?(?:not|except|without)\b[^)\n]*"
    r"|\b(?:not|except|without)\b[^,;)\]\n]*",
    re.IGNORECASE,
)
_NONE_BUT = re.compile(r"\b(?:none|nothing|no labels?)\b[^,;\n]*$", re.IGNORECASE)
_ITEM = re.compile(r"[ \t]*(?:[-*•+][ \t]|[\[(]?\d{1,4}\b)")  # how a line of a list begins
_LINE_END = re.compile(r"[\r\n]")
_THINK_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an answer line holds; `labels` None: a line that could not be read."""

    line: Line
    labels: tuple[tuple[str, tuple[int, int]], ...] | None
    unknown: tuple[str, ...] = ()
    unfinished: bool = False


def parse(text: str, candidates: Sequence[Candidate], finish_reason: FinishReason) -> Parsed:
    """What the trace says about the candidates, partial and malformed output included."""
    if not text.strip():
        return Parsed(Bucket.NOTHING, (), (), None, why="The model wrote nothing.")
    names = CandidateNames(candidates)
    mentions = find_mentions(text, candidates)
    lines = read_lines(text)
    answer = _find_answer(text, lines, names.by_number, mentions, finish_reason)
    before = answer.line.start if answer else len(text)
    shortlisted = _unique(m.label_id for m in mentions if m.start < before)
    verdicts = _verdicts([line for line in lines if line.start < before], names, mentions)
    found = answer.labels if answer and answer.labels is not None else None
    bucket, why = _bucket(text, answer, shortlisted, verdicts, finish_reason, len(candidates))
    lines = [line for line in lines if line.start < before]
    conflict = _conflict(text, lines, answer, names, mentions)
    if conflict and bucket in (Bucket.OK, Bucket.MISSING_LABELS):
        bucket, why = Bucket.WRONG_FORMAT, conflict
    return Parsed(
        bucket=bucket,
        shortlisted=shortlisted,
        verdicts=tuple(verdicts.items()),
        answer=None if found is None else tuple(label_id for label_id, _ in found),
        answer_spans=() if found is None else tuple(span for _, span in found),
        why=why,
    )


def _verdicts(
    lines: Sequence[Line], names: CandidateNames, mentions: Sequence[Mention]
) -> dict[str, Verdict]:
    """The last verdict on each label, in order of first mention."""
    exact = [m for m in mentions if m.exact]
    found: dict[str, Verdict] = {}
    for line in with_items(lines):
        candidate = names.of_line(line, exact)
        if line.verdict and candidate:
            found[candidate.label_id] = line.verdict
    return found


def _conflict(
    text: str,
    lines: Sequence[Line],
    answer: _Answer | None,
    names: CandidateNames,
    mentions: Sequence[Mention],
) -> str:
    """What is said of a number that stands beside the name of another candidate and later alone,
    in a verdict or the answer: nobody can tell which of the two is meant. "" where there is none.
    """
    exact = [m for m in mentions if m.exact]
    named: dict[int, set[str]] = {}  # the labels whose names stand beside each number
    alone: list[int] = []  # numbers that a verdict or the answer uses without a name
    for line in with_items(lines):
        if line.number is None:
            continue
        end = line.rest_start + len(line.rest)
        beside = [m.label_id for m in exact if line.rest_start <= m.start < end]
        if beside:
            named.setdefault(line.number, set()).add(beside[0])
        elif line.verdict and not line.rest.strip():
            alone.append(line.number)
    for _, (start, end) in (answer.labels or ()) if answer else ():
        alone += [int(text[start:end])] if text[start:end].isdecimal() else []
    numbers = {c.label_id: c.number for c in names.by_number.values()}
    for number in alone:
        own, labels = names.by_number.get(number), named.get(number, set())
        if own and labels and own.label_id not in labels:
            other = min(numbers[label_id] for label_id in labels)
            return (
                f"The trace gives number {number} the name of candidate {other} and then uses the "
                f"number alone, which is read as candidate {number}."
            )
    return ""


def _find_answer(
    text: str,
    lines: Sequence[Line],
    by_number: dict[int, Candidate],
    mentions: Sequence[Mention],
    finish_reason: FinishReason,
) -> _Answer | None:
    """The first answer line (after a closed <think> part), with a readable one preferred."""
    closed = [found.end() for found in _THINK_END.finditer(text)]
    start = closed[-1] if closed else 0
    answers = []
    for at, line in enumerate(lines):
        if line.kind is not LineKind.ANSWER or line.start < start:
            continue
        if not line.rest.strip(" *_`") and at + 1 < len(lines):
            line = _joined(text, line, lines[at + 1 :])
        answers.append(_read_answer(text, line, by_number, mentions, finish_reason))
    return next((a for a in answers if a.labels is not None), answers[0] if answers else None)


def _joined(text: str, heading: Line, following: Sequence[Line]) -> Line:
    """A heading with its answer: the next line, or the list that begins there."""
    end = following[0].end
    if _ITEM.match(text, following[0].start):
        for line in following[1:]:
            if not _ITEM.match(text, line.start):
                break
            end = line.end
    rest = text[heading.rest_start : end]
    return Line(LineKind.ANSWER, heading.start, end, rest=rest, rest_start=heading.rest_start)


def _read_answer(
    text: str,
    line: Line,
    by_number: dict[int, Candidate],
    mentions: Sequence[Mention],
    finish_reason: FinishReason,
) -> _Answer:
    """Numbers and exact names of an answer line; digits inside a name are part of the name.

    "1-3" means 1, 2 and 3. What follows "not", "except" or "without" is left out of the answer.
    """
    stopped = finish_reason is not FinishReason.STOP
    unfinished = stopped and not text[line.end :].strip("\r ") and line.end >= len(text.rstrip(" "))
    named = [m for m in mentions if m.exact and line.rest_start <= m.start and m.end <= line.end]
    bare = _bare(line, named)
    named = [m for m in named if bare[m.start - line.rest_start] == "_"]
    found = {m.label_id: (m.start, m.end) for m in reversed(named)}
    unknown, read = [], set()
    for number in _NUMBER.finditer(bare):
        span = (line.rest_start + number.start(), line.rest_start + number.end())
        if _counts_a_name(text, span, named):
            continue
        if unfinished and span[1] == len(text):
            continue  # cut inside a number: 1 may have been going to be 10
        read.add(span[0])
        candidate = by_number.get(int(number.group()))
        if candidate is None:
            unknown.append(number.group())
        elif candidate.label_id not in found or span < found[candidate.label_id]:
            found[candidate.label_id] = span
    for label_id, span in _between(bare, line.rest_start, read, by_number):
        found.setdefault(label_id, span)
    labels = tuple(sorted(found.items(), key=lambda item: item[1]))
    if labels or unknown:
        return _Answer(line, labels, tuple(unknown), unfinished)
    if _NONE.fullmatch(line.rest.strip()):
        return _Answer(line, (), (), unfinished)
    return _Answer(line, None, (), unfinished)


def _bare(line: Line, named: Sequence[Mention]) -> str:
    """An answer line, each character in its place, with "_" for names and blanks for the parts
    that say what the answer is not. ("None except 3" says what it is.)"""
    pieces, at = [], line.rest_start
    for mention in named:
        pieces += [line.rest[at - line.rest_start : mention.start - line.rest_start]]
        pieces += ["_" * (mention.end - mention.start)]
        at = mention.end
    nameless = "".join(pieces) + line.rest[at - line.rest_start :]

    def blank(found: re.Match[str]) -> str:
        before = nameless[max(found.start() - 60, 0) : found.start()]
        kept = "except" in found.group().lower() and _NONE_BUT.search(before)
        return found.group() if kept else " " * len(found.group())

    return _LEFT_OUT.sub(blank, nameless)


def _between(
    bare: str, start: int, read: set[int], by_number: dict[int, Candidate]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """The labels between the ends of each range, where both were read as numbers of labels.

    `start`: the character where the line's rest begins; `read`: where each number began.
    """
    for ends in _RANGE.finditer(bare):
        if not {start + ends.start(1), start + ends.start(2)} <= read:
            continue
        for number in sorted(by_number):
            if int(ends[1]) < number < int(ends[2]):
                yield by_number[number].label_id, (start + ends.start(), start + ends.end())


def _counts_a_name(text: str, span: tuple[int, int], named: Sequence[Mention]) -> bool:
    """Whether a number begins a line that gives a name: it is the list's own count then."""
    start = span[0]
    while start and text[start - 1] in " \t-*•+[(":  # no slice: the line may be of any length
        start -= 1
    if start and text[start - 1] not in "\r\n":
        return False
    line_end = _LINE_END.search(text, span[1])
    end = line_end.start() if line_end else len(text)
    return any(start <= m.start and m.end <= end for m in named)


def _bucket(
    text: str,
    answer: _Answer | None,
    shortlisted: Sequence[str],
    verdicts: dict[str, Verdict],
    finish_reason: FinishReason,
    shown: int,
) -> tuple[Bucket, str]:
    if repeated := repeats(text, shown):
        return Bucket.REPETITION, f"The model repeats itself: {repeated}."
    stopped = finish_reason is not FinishReason.STOP
    if stopped and (answer is None or answer.unfinished):
        return Bucket.CUT_OFF, f"It stopped ({finish_reason.value}) before the answer was complete."
    if answer is None:
        return Bucket.WRONG_FORMAT, "There is no answer line."
    if answer.labels is None:
        return Bucket.WRONG_FORMAT, "The answer line names no candidate."
    if not _THINK_END.search(text):  # a thinking model reasons in its own form
        if not shortlisted:
            return Bucket.WRONG_FORMAT, "There is an answer, but no candidate is named before it."
        if not verdicts:
            return Bucket.WRONG_FORMAT, "There is an answer, but no candidate is kept or dropped."
    if answer.unknown:
        numbers = ", ".join(answer.unknown[:5])
        return Bucket.MISSING_LABELS, f"The answer names numbers that were not shown: {numbers}."
    chosen = {label_id for label_id, _ in answer.labels}
    kept = [i for i, verdict in verdicts.items() if verdict is Verdict.KEEP and i not in chosen]
    if kept:
        return Bucket.MISSING_LABELS, f"The answer leaves out {len(kept)} labels that it had kept."
    return Bucket.OK, ""


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
