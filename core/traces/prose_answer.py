"""Where a foreign trace gives its answer, and which labels that answer is.

Looked for in this order, the last of each kind:

1. what is marked as such: `\\boxed{...}`, `<answer>...</answer>`, `<labels>...</labels>`;
2. what is announced ("Final answer: ...", "So the answer is L1", "## Labels" over a list,
   `"labels": [...]`), in the second half of the trace or to its very end;
3. a last line, or a list at the end, that consists of labels and nothing else;
4. what a sentence says in passing ("the label is ..."), in the same places as 2.

A sentence that asks ("The label is asthma? No"), or says what the answer is not, gives none. An
answer that says that no label fits is the empty answer; where nothing of this is found there is no
answer. What stands after `</think>` is an answer by its place (core/traces/prose.py).
"""

import re
from collections.abc import Iterator, Sequence

from core.rerank.base import Candidate
from core.traces.answer_text import AnswerText, Span
from core.traces.base import Mention

_BOXED = re.compile(r"\\boxed\{([^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+)\}")
_TAG = re.compile(r"<(/?)(?:answer|labels)>", re.IGNORECASE)
_ANNOUNCED = re.compile(
    r"(?<!\w)(?P<chosen>(?:final|chosen|selected|correct|predicted)\s+)?"
    r"(?:(?P<thing>labels?|codes?)|answers?|selection|picks?|choice|final|antwort|ergebnis"
    r"|respuesta(?:\s+final)?|resposta|risposta|réponse(?:\s+finale)?|ответ|答案|答え)"
    r"(?P<key>[\"'*_`]*)\s*"
    r"(?:(?P<is>(?:is|are|was|ist|sind|es|son|est|sont)(?!\w))\s*(?P<colon>:?)|[:：=])[\"'*_`]*",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}|\*\*)[ \t]*(?:\d+[.)][ \t]*)?(?:the\s+)?(?:final\s+|selected\s+|chosen\s+)?"
    r"(?:answers?|labels?|codes?|selection|result|links|antwort|ergebnis|respuesta|réponse)\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_STOP = re.compile(r"[\n.!?;:>)|\]}—–→]")
_LEAD_CHARS, _LEAD_WORDS = 60, 3  # that may stand in front: "So, as I see it, my answer is"
_NOT = re.compile(
    r"[\s\"'*_`]*(?:\w+\s+)?(?:not|never|no|nothing|neither|hardly|unlikely|nicht|kein\w*|pas)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[^.!?\n]{0,80}\?")
_DIRECT_CHARS, _DIRECT_WORDS = 40, 1  # between "the answer is" and its first label
_WORD = re.compile(r"\w+")


def answer_span(
    text: str, mentions: Sequence[Mention], candidates: Sequence[Candidate]
) -> Span | None:
    """Characters (start, end) of the answer, or None. `mentions`: all of the trace, in order."""
    said = AnswerText(text, mentions, candidates)
    explicit = [said.below(found.end()) for found in _HEADING.finditer(text)]
    passing: list[Span] = []
    for found in _ANNOUNCED.finditer(text):
        span = said.announced(found.end())
        if not _states(said, found, span):
            continue
        (explicit if _is_explicit(said, found, span) else passing).append(span)
    marked = [*(found.span(1) for found in _BOXED.finditer(text)), *_tagged(text)]
    return (
        _last(said, marked)
        or _last(said, _late(text, explicit))
        or said.labels_alone()
        or _last(said, _late(text, passing))
    )


def answered(
    text: str, span: Span, mentions: Sequence[Mention], candidates: Sequence[Candidate]
) -> tuple[str, ...] | None:
    """Label ids that the answer names, in order; () where it says that none fits; None where it
    says neither. Bare numbers count only where no label is named otherwise."""
    return AnswerText(text, mentions, candidates).answered(span)


def _last(said: AnswerText, spans: Sequence[Span]) -> Span | None:
    """The last one that can be read."""
    ordered = sorted(spans, reverse=True)
    return next((span for span in ordered if said.answered(span) is not None), None)


def _late(text: str, spans: Sequence[Span]) -> list[Span]:
    """Those in the second half of the trace, or to its very end."""
    end = len(text.rstrip())
    return [(start, stop) for start, stop in spans if start * 2 > len(text) or stop >= end]


def _tagged(text: str) -> Iterator[Span]:
    """What stands between an opening tag and the next closing one."""
    opened = None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            opened = tag.end()
        elif opened is not None:
            yield opened, tag.start()
            opened = None


def _states(said: AnswerText, found: re.Match[str], span: Span) -> bool:
    """Whether an announcement states something: after a colon always; after "is" where it neither
    asks nor denies."""
    if not found["is"] or found["colon"] or said.says_none(span):
        return True
    if _NOT.match(said.text, *span):
        return False
    first = said.first_label(span)
    return not _ASKS.match(said.text, span[0] if first is None else first[1])


def _is_explicit(said: AnswerText, found: re.Match[str], span: Span) -> bool:
    """Whether an announcement can be nothing else: it says "final", or begins its line or sentence,
    and the labels follow at once where it has no colon."""
    if found["is"] and not found["colon"]:
        first = said.first_label(span)
        between = "" if first is None else said.text[span[0] : first[0]]
        if len(between) > _DIRECT_CHARS or len(_WORD.findall(between)) > _DIRECT_WORDS:
            return False
        if found["thing"] and not found["chosen"]:
            return False
    elif found["chosen"] or found["key"].startswith(('"', "'")):
        return True
    before = said.text[max(found.start() - _LEAD_CHARS, 0) : found.start()]
    lead = _WORD.findall(_STOP.split(before)[-1])
    return found["chosen"] is not None or len(lead) <= _LEAD_WORDS
