"""Where a foreign trace gives its answer, and which labels that answer is.

Looked for in this order, the last of each kind:

1. what is marked as such: `\\boxed{...}`, `<answer>...</answer>`, `<labels>...</labels>`;
2. what is announced ("Final answer: ...", "## Labels" over a list, `"labels": [...]`), in the
   second half of the trace or to its very end;
3. a last line, or a list at the end, that consists of labels and nothing else.

An answer that says that no label fits is the empty answer; where nothing of this is found there is
none. What stands after `</think>` is an answer by its place (core/traces/prose.py).
"""

import re
from collections.abc import Sequence

from core.rerank.base import Candidate
from core.traces.base import Mention
from core.traces.references import bare_numbers, without_numbers

Span = tuple[int, int]

_MARKED = (
    re.compile(r"\\boxed\{([^{}]*)\}"),
    re.compile(r"<(?:answer|labels)>(.*?)</(?:answer|labels)>", re.IGNORECASE | re.DOTALL),
)
_ANNOUNCED = re.compile(
    r"(?<!\w)(?:(?:final|chosen|selected|correct|predicted)\s+)?"
    r"(?:answers?|labels?|codes?|selection|picks?|choice|final|antwort|ergebnis|respuesta(?:\s+final)?"
    r"|resposta|risposta|réponse(?:\s+finale)?|ответ|答案|答え)"
    r"[\"'*_`]*\s*(?:(?:is|are|was|ist|sind|es|son|est|sont)(?!\w)\s*:?|[:：=])[\"'*_`]*",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^\s*(?:#{1,6}|\*\*)\s*(?:\d+[.)]\s*)?(?:the\s+)?(?:final\s+|selected\s+|chosen\s+)?"
    r"(?:answers?|labels?|codes?|selection|result|links|antwort|ergebnis|respuesta|réponse)\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_NONE = re.compile(
    r"(?<!\w)(?:none|no (?:label|code|answer|option|candidate)s?|neither|nothing|keine[rs]?"
    r"|ninguna?|aucune?|nenhuma?|nessuna?|\[\s*\])(?!\w)",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)])\s+\S")
_SENTENCE = re.compile(r"[.!?]\s+(?=[\"“(]?[^\W\d_a-z])")
_JOINING = re.compile(
    r"(?<!\w)(?:and|or|und|et|y|e|so|final|finally|then|answers?|labels?|codes?)(?!\w)",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"\w")


def answer_span(
    text: str, mentions: Sequence[Mention], candidates: Sequence[Candidate]
) -> Span | None:
    """Characters (start, end) of the answer, or None. `mentions`: all of the trace, in order."""
    marked = [found.span(1) for pattern in _MARKED for found in pattern.finditer(text)]
    announced = [_announced(text, found.end(), mentions) for found in _ANNOUNCED.finditer(text)]
    headed = [_below(text, found.end()) for found in _HEADING.finditer(text)]
    end = len(text.rstrip())
    later = [
        (start, stop)
        for start, stop in sorted([*announced, *headed])
        if start * 2 > len(text) or stop >= end
    ]
    for spans in (sorted(marked), later):
        for span in reversed(spans):
            if answered(text, span, mentions, candidates) is not None:
                return span
    return _labels_alone(text, mentions, candidates)


def answered(
    text: str, span: Span, mentions: Sequence[Mention], candidates: Sequence[Candidate]
) -> tuple[str, ...] | None:
    """Label ids that the answer names, in order; () where it says that none fits; None where it
    says neither. Bare numbers count only where no label is named otherwise."""
    start, end = span
    named = tuple(dict.fromkeys(m.label_id for m in mentions if start <= m.start < end))
    found = named or bare_numbers(text, start, end, candidates)
    if not found and not _NONE.search(text, start, end):
        return None
    return found


def _announced(text: str, start: int, mentions: Sequence[Mention]) -> Span:
    """The rest of the line, to the end of the sentence in which the first label is named; where
    the line ends with the announcement, what is below it."""
    end = _line_end(text, start)
    if not _LETTERS.search(text, start, end):
        return _below(text, end)
    first = next((m.end for m in mentions if start <= m.start < end), start)
    for stop in _SENTENCE.finditer(text, first, end):
        if not any(m.start < stop.end() < m.end for m in mentions):
            return start, stop.end()
    return start, end


def _below(text: str, start: int) -> Span:
    """The first line with words after `start`, and the list that it begins."""
    at = start
    while at < len(text) and not text[at : _line_end(text, at)].strip():
        at = _line_end(text, at) + 1
    end = _line_end(text, at)
    while _ITEM.match(text, at) and end < len(text) and _ITEM.match(text, end + 1):
        end = _line_end(text, end + 1)
    return min(at, len(text)), end


def _labels_alone(
    text: str, mentions: Sequence[Mention], candidates: Sequence[Candidate]
) -> Span | None:
    """The last line, or the list at the end, where it is labels and nothing else."""
    end = len(text.rstrip())
    found = None
    while end > 0:
        start = text.rfind("\n", 0, end) + 1
        if not _alone(text, start, end, mentions, candidates):
            break
        found = (start, found[1] if found else end)
        if not _ITEM.match(text, start):
            break
        end = len(text[:start].rstrip())
    return found


def _alone(
    text: str, start: int, end: int, mentions: Sequence[Mention], candidates: Sequence[Candidate]
) -> bool:
    left, at = [], start
    for mention in mentions:
        if start <= mention.start < end:
            left.append(text[at : mention.start])
            at = max(at, mention.end)
    left.append(text[at:end])
    numbers = len(left) == 1 and bool(bare_numbers(text, start, end, candidates))
    rest = " ".join(left)
    rest = without_numbers(rest) if numbers or _ITEM.match(text, start) else rest
    return (len(left) > 1 or numbers) and not _LETTERS.search(_JOINING.sub(" ", rest))


def _line_end(text: str, start: int) -> int:
    found = text.find("\n", start)
    return len(text) if found < 0 else found
