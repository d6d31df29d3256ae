"""Phase examples out of traces that a teacher wrote: tokens, weights, and the parts they play."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from core.distill.arms import PhaseExample
from core.distill.examples import COPIED_WEIGHT, VERDICT_WEIGHT, Example
from core.errors import InputError
from core.mechanism.conventions import AnchorRule, Conventions, MentionPlace
from core.mechanism.positions import Example as Answered
from core.mechanism.positions import Roles, Span, Tokens, roles, shortlist_keys, tokenize
from core.rerank.base import Verdict
from core.traces.grammar import Line, LineKind, choice_span, read_lines, verdict_span
from core.traces.mentions import find_mentions

# Anchors are what the trace quotes; where it quotes nothing, what it shares with gold names.
CONVENTIONS = Conventions(
    anchor_rules=(AnchorRule.QUOTED, AnchorRule.GOLD_WORDS, AnchorRule.CONTENT_WORDS),
    mention_places=(MentionPlace.TRACE, MentionPlace.PROMPT),
)


def text_example(tokenizer: Any, document_id: str, answered: Answered, end: int) -> Example:
    """The trace as an example of its words; without decisions. `end`: the token that ends it."""
    tokens = tokenize(tokenizer, answered.rendered, answered.trace.text)
    lines = read_lines(answered.trace.text)
    heavy, light = _deciding_spans(lines, answered.trace.text), _copied_spans(answered)
    start = tokens.trace_start
    weights = [0.0] * tokens.prompt_tokens
    for a, b in tokens.offsets[tokens.prompt_tokens :]:
        weights.append(_weight(a - start, b - start, heavy, light))
    return Example(
        document_id,
        torch.tensor([*tokens.ids, end]),
        tokens.prompt_tokens,
        torch.tensor([*weights, 1.0]),
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0),
    )


def phase_example(tokenizer: Any, example: Example, answered: Answered) -> PhaseExample | None:
    """The parts that the example's tokens play; None for a trace without both phases, or without
    an anchor or a judged label: it teaches its words alone."""
    tokens = tokenize(tokenizer, answered.rendered, answered.trace.text)
    try:
        parts = roles(answered, tokens, CONVENTIONS)
    except InputError:
        return None
    judged = _judged(answered, tokens)
    late = tuple(at for at in parts.late if at in judged)
    if not late:
        return None
    right, wrong = (parts.right, parts.wrong) if parts.place else shortlist_keys(answered, tokens)
    return PhaseExample(
        example,
        document=parts.document,
        anchors=parts.anchors,
        early=parts.early,
        late=late,
        late_right=tuple(judged[at][0] for at in late),
        right=_before(right, late[0]),
        wrong=_before(wrong, late[0]),
        verdicts=_right_verdicts(parts, late, judged),
    )


def _judged(answered: Answered, tokens: Tokens) -> dict[int, tuple[bool, bool]]:
    """Of each position that predicts a token of a verdict line: whether its label is right, and
    whether its verdict is."""
    gold = {label for label, _ in answered.right}
    numbers = {c.number: c.label_id for c in answered.candidates}
    judged: dict[int, tuple[bool, bool]] = {}
    for line in read_lines(answered.trace.text):
        if line.kind is LineKind.VERDICT and line.number in numbers:
            span = (tokens.trace_start + line.start, tokens.trace_start + line.end)
            right = numbers[line.number] in gold
            told = right, (line.verdict is Verdict.KEEP) is right
            judged |= dict.fromkeys((at - 1 for at in tokens.within(*span)), told)
    return judged


def _right_verdicts(
    parts: Roles, late: Sequence[int], judged: Mapping[int, tuple[bool, bool]]
) -> tuple[int, ...]:
    """Positions before verdict words of reasoning lines that decide as gold does.

    Where the teacher decides otherwise, a loss towards gold would undo what L_cot teaches of the
    same word; and a teacher that keeps what is rather wrong than right, as F1 asks for, would be
    outvoted by the many labels that are wrong.
    """
    inside = set(late)
    return tuple(at for at in parts.verdicts if at in inside and judged[at][1])


def _before(positions: Sequence[int], first: int) -> tuple[int, ...]:
    return tuple(at for at in positions if at < first)


def _deciding_spans(lines: Sequence[Line], text: str) -> list[Span]:
    """What tells whether a label is listed, verdict words, and what stands after "Answer:"."""
    spans = [span for line in lines if (span := choice_span(line))]
    for line in lines:
        if line.kind is LineKind.VERDICT:
            found = verdict_span(text, line)
            spans += [found] if found else []
        elif line.kind is LineKind.ANSWER:
            spans.append((line.rest_start, line.end))
    return spans


def _copied_spans(answered: Answered) -> list[Span]:
    """Names that were copied from the prompt."""
    return [
        (mention.start, mention.end)
        for mention in find_mentions(answered.trace.text, answered.candidates)
        if mention.exact
    ]


def _weight(start: int, end: int, heavy: Sequence[Span], light: Sequence[Span]) -> float:
    if any(a < end and start < b for a, b in heavy):
        return VERDICT_WEIGHT
    if any(a <= start + 1 and end <= b for a, b in light):  # a token holds the space before it
        return COPIED_WEIGHT
    return 1.0
