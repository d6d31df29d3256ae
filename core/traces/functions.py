"""What each step of a trace does: a function by rules over its words and the labels it names.

The first rule that holds says it:

    answer    it stands in the answer, or announces one
    check     it stops and looks again ("wait", "let me check")
    keep      a verdict for a label ("3. keep: ...", "so heart failure stays")
    drop      a verdict against one ("too narrow", "rule out", "not ...")
    compare   it names two labels or more and sets them against each other
    propose   it names a label, and phase or words say that it is only considered
    anchor    it quotes the text, or repeats words of it, and names no label
    other     none of these

Functions after Bogdan et al., "Thought Anchors" (arXiv 2506.19143), in the terms of picking labels.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.rerank.base import Verdict
from core.traces.base import Mention, Phase, PhaseKind
from core.traces.grammar import LineKind, read_line
from core.traces.steps import sentences_of


class StepFunction(StrEnum):
    ANCHOR = "anchor"
    PROPOSE = "propose"
    COMPARE = "compare"
    KEEP = "keep"
    DROP = "drop"
    CHECK = "check"
    ANSWER = "answer"
    OTHER = "other"


MEANINGS = {
    StepFunction.ANCHOR: "points at words of the text",
    StepFunction.PROPOSE: "brings a label up",
    StepFunction.COMPARE: "sets labels against each other",
    StepFunction.KEEP: "decides for a label",
    StepFunction.DROP: "decides against a label",
    StepFunction.CHECK: "stops and looks again",
    StepFunction.ANSWER: "gives the answer",
    StepFunction.OTHER: "none of these",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Characters start..end of the trace, what they do, and the labels that they name."""

    start: int
    end: int
    function: StepFunction
    labels: tuple[str, ...] = ()


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
_DROP = re.compile(
    r"\b(?:drop(?:s|ped|ping)?|reject(?:s|ed)?|exclud(?:e|es|ed|ing)|discard(?:s|ed)?"
    r"|rul(?:e|es|ed) (?:it |this |that |them )?out|remov(?:e|es|ed)|eliminat(?:e|es|ed)"
    r"|leave (?:it|this|that) out|too (?:narrow|broad|wide|specific|general|vague)"
    r"|(?:is|are|was|does|do)(?:n't| not) (?:(?:really|quite|clearly|directly) )?"
    r"(?:fit|apply|match|right|it|mentioned|supported|stated|what)|does not belong"
    r"|(?:is|are|'s) (?:just |simply |plainly |clearly )?(?:the )?(?:wrong|incorrect)"
    r"|no (?:mention|evidence|sign|support)|raus|streichen|descartar|descarto|écarter|écarté)\b",
    re.IGNORECASE,
)
_KEEP = re.compile(
    r"\b(?:keep(?:s|ing)?|kept|stays?|holds(?: up)?"
    r"|(?:is|are) (?:in|right|correct|clearly|supported"
    r"|the best|a (?:good|clear|strong|direct) (?:fit|match))"
    r"|fits?(?: (?:best|well|perfectly|exactly))?|match(?:es)?(?: (?:well|exactly|directly))?"
    r"|belongs?|(?:i'?ll|we) (?:take|include|choose|select)|include[ds]?|select(?:ed)?"
    r"|accept(?:ed|s)?|confirm(?:ed|s)?|applies|behalten|bleibt|queda|garder)\b",
    re.IGNORECASE,
)
_COMPARE = re.compile(
    r"\b(?:than|versus|vs\.?|whereas|while|rather|instead|between|compared?|better|closer|"
    r"more specific|more general|difference|both|als|sondern|sino|plutôt)\b",
    re.IGNORECASE,
)
_WEIGH = re.compile(
    r"\b(?:but|however|though|although|because|since|yet|aber|weil|pero|mais)\b", re.IGNORECASE
)
_QUOTE = re.compile(r'"[^"]{3,}"|“[^”]{3,}”|«[^»]{3,}»|„[^“”]{3,}[“”]|‘[^’]{3,}’')
_WORD = re.compile(r"\w{4,}")
REPEATED = 3  # words of the text, of four letters and more, that make a step an anchor


def functions_of(
    text: str, phases: Sequence[Phase], mentions: Sequence[Mention], document: str
) -> tuple[Step, ...]:
    """The steps of a trace, which cover it, each with its function."""
    of_document = {word.casefold() for word in _WORD.findall(document)}
    ordered = sorted(mentions, key=lambda m: m.start)
    found, at = [], 0
    for start, end in sentences_of(text):
        while at < len(ordered) and ordered[at].end <= start:
            at += 1
        labels = []
        for mention in ordered[at:]:
            if mention.start >= end:
                break
            labels.append(mention.label_id)
        named = tuple(dict.fromkeys(labels))
        kind = _phase_at(phases, start, end)
        function = _function(text[start:end], start, kind, named, of_document)
        found.append(Step(start, end, function, named))
    return tuple(found)


def _phase_at(phases: Sequence[Phase], start: int, end: int) -> PhaseKind | None:
    """The phase in which most of a step lies."""
    inside = [(min(p.end, end) - max(p.start, start), p.kind) for p in phases]
    best = max(inside, key=lambda one: one[0], default=(0, None))
    return best[1] if best[0] > 0 else None


def _function(
    step: str,
    start: int,
    kind: PhaseKind | None,
    named: tuple[str, ...],
    of_document: set[str],
) -> StepFunction:
    if kind is PhaseKind.ANSWER or _ANSWER.match(step):
        return StepFunction.ANSWER
    line = read_line(step.strip("\r\n").split("\n")[-1], start)
    if line.kind is LineKind.VERDICT:
        return StepFunction.KEEP if line.verdict is Verdict.KEEP else StepFunction.DROP
    if _CHECK.search(step):
        return StepFunction.CHECK
    if kind is not PhaseKind.SHORTLISTING:
        judged = _judged(step, named)
        if judged is not None:
            return judged
    if len(named) > 1 and _COMPARE.search(step):
        return StepFunction.COMPARE
    if named:
        weighs = kind is PhaseKind.REASONING and bool(_WEIGH.search(step))
        return StepFunction.COMPARE if weighs else StepFunction.PROPOSE
    words = {word.casefold() for word in _WORD.findall(step)}
    if _QUOTE.search(step) or len(words & of_document) >= REPEATED:
        return StepFunction.ANCHOR
    return StepFunction.OTHER


def _judged(step: str, named: tuple[str, ...]) -> StepFunction | None:
    """Keep or drop, by the words; the last one said holds ("it fits, but is too broad"). Of several
    labels, words that compare say more than a verdict that may be on either."""
    if len(named) > 1 and _COMPARE.search(step):
        return None
    keeps, drops = list(_KEEP.finditer(step)), list(_DROP.finditer(step))
    keeps = [k for k in keeps if not any(d.start() <= k.start() < d.end() for d in drops)]
    if not keeps and not drops:
        return None
    last = max([*keeps, *drops], key=lambda found: found.start())
    return StepFunction.KEEP if last in keeps else StepFunction.DROP
