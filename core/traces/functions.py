"""What each step of a trace does: a function by rules over its words and the labels it names.

The first rule that holds says it:

    answer    it stands in the answer, or announces one
    check     it stops and looks again ("wait", "let me check")
    keep      a verdict for a label ("3. keep: ...", "so heart failure stays")
    drop      a verdict against one ("too narrow", "rule out", "not ...")
    compare   it names two labels or more and sets them against each other, or decides for one
              and against another
    propose   it names a label, and phase or words say that it is only considered
    skip      it leaves a label off the shortlist ("4. skip")
    anchor    it quotes the text, or repeats words of it, and names no label
    other     none of these

Functions after Bogdan et al., "Thought Anchors" (arXiv 2506.19143), in the terms of picking labels.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from core.rerank.base import Verdict
from core.traces.base import Mention, Phase, PhaseKind
from core.traces.grammar import LineKind, read_line
from core.traces.steps import sentences_of
from core.traces.verdicts import COMPARE, Judged, judged

Verdicts = tuple[tuple[str, Verdict], ...]  # (label, verdict)


class StepFunction(StrEnum):
    ANCHOR = "anchor"
    PROPOSE = "propose"
    SKIP = "skip"
    COMPARE = "compare"
    KEEP = "keep"
    DROP = "drop"
    CHECK = "check"
    ANSWER = "answer"
    OTHER = "other"


MEANINGS = {
    StepFunction.ANCHOR: "points at words of the text",
    StepFunction.PROPOSE: "brings a label up",
    StepFunction.SKIP: "leaves a label off the shortlist",
    StepFunction.COMPARE: "sets labels against each other",
    StepFunction.KEEP: "decides for a label",
    StepFunction.DROP: "decides against a label",
    StepFunction.CHECK: "stops and looks again",
    StepFunction.ANSWER: "gives the answer",
    StepFunction.OTHER: "none of these",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Characters start..end of the trace, what they do, the labels that they name, and what they
    decide about which label, in order."""

    start: int
    end: int
    function: StepFunction
    labels: tuple[str, ...] = ()
    verdicts: Verdicts = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """A step as it is read: its words from character `start` on, and the mentions in it."""

    text: str
    start: int
    kind: PhaseKind | None
    mentions: Sequence[Mention]


_FUNCTION = {Verdict.KEEP: StepFunction.KEEP, Verdict.DROP: StepFunction.DROP}
_VERDICT = {function: verdict for verdict, function in _FUNCTION.items()}
_FIRST_VERDICT = re.compile(r"(?<![\w'])(?:keep|kept|drop|dropped)\b", re.IGNORECASE)


_CHECK = re.compile(
    r"\b(?:wait|hmm+|hold on|actually,|on second thought|let me (?:re-?)?(?:check|read|look|verify|"
    r"think again|reconsider)|double.check|re-?check|re-?read|make sure|am i sure|"
    r"moment mal|espera|attends)\b",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"^\W*(?:the |my |so,? the )?(?:final |best )?(?:answers?|labels?|selection|result|conclusion|"
    r"antwort|ergebnis|respuesta|réponse)\b[^.]{0,30}(?::|\bis\b|\bare\b)",
    re.IGNORECASE,
)
_WEIGH = re.compile(
    r"\b(?:but|however|though|although|because|since|yet|aber|weil|pero|mais)\b", re.IGNORECASE
)
_QUOTE = re.compile(r'"[^"]{3,}"|“[^“”]{3,}”|«[^«»]{3,}»|„[^„“”]{3,}[“”]|‘[^‘’]{3,}’')
_WORD = re.compile(r"\w{4,}")
REPEATED = 3  # words of the text, of four letters and more, that make a step an anchor


def functions_of(
    text: str, phases: Sequence[Phase], mentions: Sequence[Mention], document: str
) -> tuple[Step, ...]:
    """The steps of a trace, which cover it, each with its function."""
    of_document = {word.casefold() for word in _WORD.findall(document)}
    ordered = sorted(mentions, key=lambda m: m.start)
    found, at = [], 0
    pending: tuple[str, ...] = ()  # the label of what came before a semicolon
    for (start, end), kind in _with_phases(sentences_of(text), phases):
        while at < len(ordered) and ordered[at].end <= start:
            at += 1
        after = at
        while after < len(ordered) and ordered[after].start < end:
            after += 1
        step = _Said(text[start:end], start, kind, ordered[at:after])
        named = tuple(dict.fromkeys(m.label_id for m in step.mentions))
        function, verdicts = _function(step, named, of_document)
        if function in _VERDICT and not named:  # "COPD: a single word; drop"
            verdicts = tuple((label, _VERDICT[function]) for label in pending)
        found.append(Step(start, end, function, named, verdicts))
        pending = _pending(step.text, named, pending)
    return tuple(found)


def _pending(step: str, named: tuple[str, ...], before: tuple[str, ...]) -> tuple[str, ...]:
    """The one label that a verdict after the step's semicolon is on."""
    open_ended = step.rstrip(" \t").endswith(";")
    return (named or before) if open_ended and len(named) < 2 else ()


def verdicts_of(steps: Sequence[Step]) -> tuple[tuple[str, Verdict, int], ...]:
    """(label, verdict, character) of all steps, in order."""
    return tuple((label, verdict, step.start) for step in steps for label, verdict in step.verdicts)


def _with_phases(
    steps: Sequence[tuple[int, int]], phases: Sequence[Phase]
) -> Iterator[tuple[tuple[int, int], PhaseKind | None]]:
    """The steps, each with the phase in which most of it lies."""
    ordered, at = sorted(phases, key=lambda p: p.start), 0
    for start, end in steps:
        while at < len(ordered) and ordered[at].end <= start:
            at += 1
        inside: list[tuple[int, PhaseKind | None]] = [(0, None)]
        for phase in islice(ordered, at, None):
            if phase.start >= end:
                break
            inside.append((min(phase.end, end) - max(phase.start, start), phase.kind))
        most, kind = max(inside, key=lambda one: one[0])
        yield (start, end), kind if most > 0 else None


def _function(
    step: _Said, named: tuple[str, ...], of_document: set[str]
) -> tuple[StepFunction, Verdicts]:
    if step.kind is PhaseKind.ANSWER or _ANSWER.match(step.text):
        return StepFunction.ANSWER, ()
    line = _line_of_grammar(step)
    if line is not None:
        return line
    if _CHECK.search(step.text):
        return StepFunction.CHECK, ()
    if step.kind is not PhaseKind.SHORTLISTING:
        found = judged(step.text, step.start, step.mentions)
        if found:
            return _decided(found)
    return _undecided(step, named, of_document), ()


def _line_of_grammar(step: _Said) -> tuple[StepFunction, Verdicts] | None:
    """A line of our grammar that decides: "4. skip", or "3. keep: ...", whose verdict is on what
    stands before it, since its evidence may name other labels."""
    raw = step.text.strip("\r\n")
    raw = raw[raw.rfind("\n") + 1 :]
    start = step.start + step.text.rfind(raw)
    line = read_line(raw, start)
    if line.kind is LineKind.SKIP:
        return StepFunction.SKIP, ()
    if line.kind is not LineKind.VERDICT or line.verdict is None:
        return None
    word = _FIRST_VERDICT.search(raw)
    before = start + word.start() if word else line.end
    labels = [m.label_id for m in step.mentions if start <= m.start < before]
    labels = labels or [m.label_id for m in step.mentions if m.start >= start][:1]
    verdicts = tuple((label, line.verdict) for label in dict.fromkeys(labels))
    return _FUNCTION[line.verdict], verdicts


def _decided(found: Sequence[Judged]) -> tuple[StepFunction, Verdicts]:
    """A step that decides for one label and against another compares them."""
    last = {label: one.verdict for one in found for label in one.labels}
    kinds = set(last.values()) or {found[-1].verdict}
    function = StepFunction.COMPARE if len(kinds) > 1 else _FUNCTION[kinds.pop()]
    return function, tuple(last.items())


def _undecided(step: _Said, named: tuple[str, ...], of_document: set[str]) -> StepFunction:
    if len(named) > 1 and COMPARE.search(step.text):
        return StepFunction.COMPARE
    if named:
        weighs = step.kind is PhaseKind.REASONING and bool(_WEIGH.search(step.text))
        return StepFunction.COMPARE if weighs else StepFunction.PROPOSE
    words = {word.casefold() for word in _WORD.findall(step.text)}
    if _QUOTE.search(step.text) or len(words & of_document) >= REPEATED:
        return StepFunction.ANCHOR
    return StepFunction.OTHER
