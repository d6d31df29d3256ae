"""What a step of prose decides about the labels that it names: for one, against it, or nothing.

1. The step is cut into clauses: at semicolons, and at the last comma, dash or joining word ("and",
   "but", "while") between two labels, unless nothing else stands between them: "asthma, COPD and
   edema fit" is one clause, "asthma fits, COPD does not" are two.
2. In each clause the last verdict said holds ("it fits, but is too broad"), for all of its labels.
   A verdict that is denied ("should not be kept", "never fits") is the opposite one; what might be
   is none, nor is a question. Of several labels in one clause, words that compare say more than a
   verdict that may be on either. "Asthma, not COPD, fits" says nothing of COPD.

The names of labels are not read as words: "foot drop" decides nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.rerank.base import Verdict
from core.traces.base import Mention

_DROP = re.compile(
    r"\b(?:drop(?:s|ped|ping)?|reject(?:s|ed)?|exclud(?:e|es|ed|ing)|discard(?:s|ed)?"
    r"|rul(?:e|es|ed) (?:it |this |that |them )?out|remov(?:e|es|ed)|eliminat(?:e|es|ed)"
    r"|leave (?:it|this|that) out|too (?:narrow|broad|wide|specific|general|vague)"
    r"|(?:is|are|was|does|do)(?:n['’]?t| not) (?:(?:really|quite|clearly|directly) )?"
    r"(?:fit|apply|match|right|it|mentioned|supported|stated|what)|does(?:n['’]?t| not) belong"
    r"|(?:is|are|'s) (?:just |simply |plainly |clearly )?(?:the )?(?:wrong|incorrect)"
    r"|no (?:mention|evidence|sign|support)|raus|streichen|descartar|descarto|écarter|écarté)\b",
    re.IGNORECASE,
)
_KEEP = re.compile(
    r"\b(?:keep(?:s|ing)?|kept|stays?|holds(?: up)?"
    r"|(?:is|are) (?:in(?! (?:the|a|this|that|my)\b)|right|correct|clearly|supported"
    r"|the best|a (?:good|clear|strong|direct) (?:fit|match))"
    r"|fits?(?: (?:best|well|perfectly|exactly))?|match(?:es)?(?: (?:well|exactly|directly))?"
    r"|belongs?|(?:i'?ll|we) (?:take|include|choose|select)|include[ds]?|select(?:ed)?"
    r"|accept(?:ed|s)?|confirm(?:ed|s)?|applies|behalten|bleibt|queda|garder)\b",
    re.IGNORECASE,
)
COMPARE = re.compile(
    r"\b(?:than|versus|vs\.?|whereas|while|rather|instead|between|compared?|better|closer|"
    r"more specific|more general|difference|both|als|sondern|sino|plutôt)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w'’]+")
_NAME = "ʬ"  # stands for each character of a label's name: a letter of no language
_NUMBER = re.compile(r"[\W_]*\d{1,4}[.):\]]*")
_DENIAL = re.compile(
    r"(?:not|cannot|never|nor|neither|nobody|\w+n['’]t|(?:is|are|was|were|do|does|did|ca|could|wo"
    r"|would|should)nt|nicht|kein\w*|nie|nunca|jamais|pas)",
    re.IGNORECASE,
)
_WITHOUT = re.compile(r"(?:no|without|none|nothing|hardly|ohne|sin|sans|ni)", re.IGNORECASE)
_MAYBE = re.compile(r"(?:could|might|may|perhaps|possibly|könnte|podría|pourrait)", re.IGNORECASE)
_SHOULD = re.compile(r"(?:should|must|would|wo)(?:n['’]?t)?|i|we|be|reason", re.IGNORECASE)
_CANNOT = re.compile(r"(?:cannot|can|can['’]?t|could|couldn['’]?t)", re.IGNORECASE)
_REACH = 5  # words in front of a verdict in which it is denied
_BREAK = re.compile(r"[.,;:!?()\n]|\b(?:and|but|so|because|since|while|though|und|aber|y|pero)\b",
                    re.IGNORECASE)  # fmt: skip
_NOT_ONLY = re.compile(r"\b(?:not (?:only|just|merely)|no (?:doubt|question)|no, )", re.IGNORECASE)
_DENIED_AFTER = re.compile(
    r"[ \t]+(?:no(?!\w)|not(?! (?:only|just))\b|nothing|neither|nowhere|poorly|badly|nicht)",
    re.IGNORECASE,
)
_EXCEPTED = re.compile(
    r"\b(?:not|over|unlike|except|besides|instead of)\s{1,3}(?:the\s{1,3}|for\s{1,3})?[\"'*_`(]*\Z",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"[,;]|[–—]|\s-\s|\b(?:and|but|while|whereas|though|although|so|und|aber|y|pero|et|mais)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^()]*\)|\"[^\"]*\"|“[^“”]*”")
_LIST = re.compile(r"(?:\W|_|\b(?:and|or|nor|not|as well as|the|und|oder|y|o|et|ou)\b)*\Z", re.I)
_LONGEST = 200  # characters between two labels of one list
_ASKS = re.compile(r"\?[\"'”»)\s]*\Z")


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the labels that it is on: none, where its clause names none."""

    verdict: Verdict
    labels: tuple[str, ...]


def judged(step: str, start: int, mentions: Sequence[Mention]) -> tuple[Judged, ...]:
    """The verdicts of a step that begins at character `start` of the trace, in order. `mentions`:
    those of the step, in order."""
    spans = [_span(step, start, mention) for mention in mentions]
    masked = _masked(step, [s for s, m in zip(spans, mentions, strict=True) if m.exact])
    found = []
    at = 0
    for first, end in _clauses(masked, spans):
        inside = []
        while at < len(spans) and spans[at][0] < end:
            inside.append(at)
            at += 1
        clause = masked[first:end]
        labels = [mentions[n].label_id for n in inside]
        if _ASKS.search(clause) or (len(set(labels)) > 1 and COMPARE.search(clause)):
            continue
        verdict = _verdict(clause)
        if verdict is not None:
            on = [n for n in inside if not _EXCEPTED.search(masked, max(spans[n][0] - 20, first),
                                                            spans[n][0])]  # fmt: skip
            found.append(Judged(verdict, tuple(dict.fromkeys(mentions[n].label_id for n in on))))
    return tuple(found)


def _span(step: str, start: int, mention: Mention) -> tuple[int, int]:
    """Where a mention stands in its step. One by the number of a line reaches to the line's end:
    what follows the number may be anything."""
    first, end = max(mention.start - start, 0), min(mention.end - start, len(step))
    number = None if mention.exact else _NUMBER.match(step, first, end)
    return first, number.end() if number else end


def _masked(step: str, spans: Sequence[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [step[at:start], _NAME * (end - max(start, at))]
        at = max(end, at)
    return "".join([*parts, step[at:]])


def _clauses(masked: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Characters (start, end) of the clauses, which cover the step."""
    cuts = {found.start() for found in re.finditer(";", masked)}
    for (_, before), (after, _) in pairwise(spans):
        between = masked[before:after]
        if len(between) > _LONGEST or not _LIST.match(_ASIDE.sub(" ", between)):
            found = [cut.start() for cut in _CUT.finditer(between)]
            cuts |= {before + cut for cut in found[-1:]}
    at = 0
    for cut in [*sorted(cuts), len(masked)]:
        if cut > at:
            yield at, cut
            at = cut


def _verdict(clause: str) -> Verdict | None:
    """The last verdict that a clause says; None where it says none."""
    drops = list(_DROP.finditer(clause))
    held = [(found, _drop(clause, found)) for found in drops]
    inside, at = [], 0
    for found in _KEEP.finditer(clause):
        while at < len(drops) and drops[at].end() <= found.start():
            at += 1
        if at == len(drops) or found.start() < drops[at].start():
            inside.append((found, _keep(clause, found)))
    said = sorted([*held, *inside], key=lambda one: one[0].start())
    return next((verdict for _, verdict in reversed(said) if verdict is not None), None)


def _keep(clause: str, found: re.Match[str]) -> Verdict | None:
    words = _before(clause, found.start())
    if _is_denied(words) or _DENIED_AFTER.match(clause, found.end()):
        return Verdict.DROP
    return None if any(map(_MAYBE.fullmatch, words[-2:])) else Verdict.KEEP


def _drop(clause: str, found: re.Match[str]) -> Verdict | None:
    """What cannot be ruled out is not kept either, nor what "does not drop"."""
    words = _before(clause, found.start())
    if any(map(_MAYBE.fullmatch, words[-2:])):
        return None
    if not _is_denied(words):
        return Verdict.DROP
    decides = found[0].lower().startswith("too ") or any(map(_SHOULD.fullmatch, words))
    return Verdict.KEEP if decides and not any(map(_CANNOT.fullmatch, words)) else None


def _before(clause: str, at: int) -> list[str]:
    """The words in front of a verdict that may deny it."""
    near = _NOT_ONLY.sub(", ", clause[max(at - 80, 0) : at])
    return _WORD.findall(_BREAK.split(near)[-1])[-_REACH:]


def _is_denied(words: Sequence[str]) -> bool:
    """Words like "no" deny what follows them, a label too ("no asthma is included"), but nothing
    beyond it ("without a fever asthma fits")."""
    if any(map(_DENIAL.fullmatch, words)):
        return True
    names = [at for at, word in enumerate(words) if word[0] == _NAME]
    return any(map(_WITHOUT.fullmatch, words[max(names[-1] - 1, 0) if names else 0 :]))
