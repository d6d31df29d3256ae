"""Which tokens play which part: document, anchors, phases, label names, verdicts.

Characters become tokens by the tokenizer's own offsets. The prompt and the trace are tokenized
apart, as they were when the trace was written.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InputError, ModelError
from core.mechanism.conventions import AnchorRule, Conventions, MentionPlace
from core.rerank.base import Candidate
from core.traces.base import NearMiss, PhaseKind, Trace
from core.traces.grammar import LineKind, read_lines, with_items
from core.traces.mentions import find_mentions

Span = tuple[int, int]  # characters, end exclusive
_QUOTED = re.compile(r'(?:<-+|←|<=)\s*["“]([^"”\n]{2,300})["”]')
_WORD = re.compile(r"[^\W\d_]{3,}")
_STOP = frozenset(
    (
        "and",
        "are",
        "but",
        "for",
        "from",
        "had",
        "has",
        "have",
        "her",
        "his",
        "its",
        "not",
        "other",
        "our",
        "per",
        "she",
        "that",
        "the",
        "their",
        "them",
        "then",
        "this",
        "unspecified",
        "was",
        "were",
        "which",
        "who",
        "with",
        "without",
        "you",
        "your",
    )
)


class NoPhasesError(InputError):
    """A trace without the phases that a measure needs, and none were given."""


@dataclass(frozen=True, slots=True)
class Example:
    """One document as one model answered it.

    `rendered`: the prompt as sent. `right`: (label id, name) of the gold labels, or of those that
    the model chose. `spans`: shortlisting and reasoning part of the trace in characters, where a
    person says so; else the trace's own phases count. `document_span`: characters of `rendered`.
    """

    rendered: str
    document_text: str
    trace: Trace
    candidates: tuple[Candidate, ...]
    right: tuple[tuple[str, str], ...]
    near_misses: tuple[NearMiss, ...] = ()
    spans: tuple[Span, Span] | None = None
    document_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Prompt and trace as tokens; `offsets` are characters of prompt + trace."""

    text: str
    ids: tuple[int, ...]
    offsets: tuple[Span, ...]
    prompt_tokens: int
    trace_start: int  # the trace's first character

    def within(self, start: int, end: int) -> tuple[int, ...]:
        """Positions of tokens that overlap characters start..end, spaces at the ends left out."""
        part = self.text[start:end]
        first = start + len(part) - len(part.lstrip())
        last = start + len(part.rstrip())
        return tuple(at for at, (a, b) in enumerate(self.offsets) if max(a, first) < min(b, last))


@dataclass(frozen=True, slots=True)
class Roles:
    """Token positions, rising. `early`, `late`: query positions of the two phases; `right`,
    `wrong`: keys that name right labels and near misses, found in `place`; `verdicts`: positions
    that predict a verdict word. `missing`: why there are no right or wrong keys, or ""."""

    document: tuple[int, ...]
    anchors: tuple[int, ...]
    anchor_rule: AnchorRule
    early: tuple[int, ...]
    late: tuple[int, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    place: MentionPlace | None
    verdicts: tuple[int, ...]
    missing: str = ""


def tokenize(tokenizer: Any, rendered: str, trace_text: str) -> Tokens:
    """Raises ModelError for a tokenizer that tells no offsets, InputError for no prompt."""
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            "The tokenizer of this model tells no character offsets.",
            "Add a tokenizer.json to the model's folder.",
        )
    ids: list[int] = []
    offsets: list[Span] = []
    counts = []
    for text, start in ((rendered, 0), (trace_text, len(rendered))):
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids += found["input_ids"]
        offsets += [(a + start, b + start) for a, b in found["offset_mapping"]]
        counts.append(len(ids))
    if not counts[0]:
        raise InputError("The prompt has no tokens.", "Open a trace that has its prompt.")
    return Tokens(rendered + trace_text, tuple(ids), tuple(offsets), counts[0], len(rendered))


def document_span(example: Example) -> Span:
    """Where the document stands in the prompt: its last occurrence, or that of its longest
    beginning where it was cut to fit. Raises InputError."""
    if example.document_span:
        return example.document_span
    text = example.document_text.strip()
    low, high = 0, len(text)
    while low < high:  # the longest beginning of the text that the prompt holds
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text[:middle] in example.rendered else (low, middle - 1)
    if low < min(len(text), 20) or not low:
        raise InputError(
            "The document was not found in the prompt.", "Say at which characters it stands."
        )
    start = example.rendered.rfind(text[:low])
    return start, start + low


def phase_spans(example: Example) -> tuple[Span, Span]:
    """Characters of the shortlisting and the reasoning part. Raises NoPhasesError."""
    if example.spans:
        return example.spans
    found = {phase.kind: phase for phase in example.trace.phases if not phase.given}
    if not {PhaseKind.SHORTLISTING, PhaseKind.REASONING} <= found.keys():
        raise NoPhasesError(
            "This trace has no phases: no shortlisting part followed by reasoning was found.",
            "Open another trace, or mark where its parts begin and end.",
        )
    one, two = found[PhaseKind.SHORTLISTING], found[PhaseKind.REASONING]
    return (one.start, one.end), (two.start, two.end)


def roles(example: Example, tokens: Tokens, conventions: Conventions) -> Roles:
    """The parts that tokens play. Raises NoPhasesError, InputError (no anchors, no document)."""
    shortlisting, reasoning = phase_spans(example)
    start, end = document_span(example)
    document = tokens.within(start, end)
    anchors, rule = _anchors(example, tokens, conventions, (start, end))
    right, wrong, place = _mentions(example, tokens, conventions, shortlisting)
    verdicts = [
        _query(at, True)
        for a, b in _verdict_words(example.trace.text)
        for at in tokens.within(tokens.trace_start + a, tokens.trace_start + b)[:1]
    ]
    return Roles(
        document,
        anchors,
        rule,
        _queries(tokens, shortlisting, conventions),
        _queries(tokens, reasoning, conventions),
        right,
        wrong,
        place,
        tuple(verdicts),
        "" if place else "No place names both a right label and a wrong one.",
    )


def _query(at: int, before: bool) -> int:
    return at - 1 if before else at


def _queries(tokens: Tokens, span: Span, conventions: Conventions) -> tuple[int, ...]:
    at = tokens.within(tokens.trace_start + span[0], tokens.trace_start + span[1])
    if not at:
        raise NoPhasesError("A phase of this trace has no tokens.", "Mark another part.")
    return tuple(_query(position, conventions.query_before) for position in at)


def _verdict_words(text: str) -> Iterable[Span]:
    for line in with_items(read_lines(text)):
        if line.kind is LineKind.VERDICT and line.verdict:
            after = line.rest_start + len(line.rest)  # the name may hold such a word itself
            found = re.search(r"\b(?:keep|kept|drop|dropped)\b", text[after:], re.IGNORECASE)
            if found and after + found.start() < max(line.end, after + 60):
                yield after + found.start(), after + found.end()


def _anchors(
    example: Example, tokens: Tokens, conventions: Conventions, document: Span
) -> tuple[tuple[int, ...], AnchorRule]:
    text = tokens.text[slice(*document)].casefold()
    for rule in conventions.anchor_rules:
        spans = _anchor_spans(rule, text, example)
        at = {
            position
            for a, b in spans
            for position in tokens.within(document[0] + a, document[0] + b)
        }
        if at:
            return tuple(sorted(at)), rule
    raise InputError(
        "No token of the document is an anchor by the rules chosen.", "Choose another rule."
    )


def _anchor_spans(rule: AnchorRule, text: str, example: Example) -> list[Span]:
    words = [(found.start(), found.end()) for found in _WORD.finditer(text)]
    if rule is AnchorRule.CONTENT_WORDS:
        return [(a, b) for a, b in words if text[a:b] not in _STOP]
    if rule is AnchorRule.GOLD_WORDS:
        named = {w for _, name in example.right for w in _WORD.findall(name.casefold())} - _STOP
        return [(a, b) for a, b in words if text[a:b] in named]
    spans: list[Span] = []
    for quote in _QUOTED.findall(example.trace.text.casefold()):
        pattern = r"\s+".join(map(re.escape, quote.strip(" .").split()))
        if pattern:
            spans += [(found.start(), found.end()) for found in re.finditer(pattern, text)]
    return spans


def wrong_ids(example: Example) -> tuple[str, ...]:
    """Near misses that were shown; where none was, all shown labels that are not right."""
    right = {label for label, _ in example.right}
    near = {miss.label_id for miss in example.near_misses} - right
    shown = [c.label_id for c in example.candidates if c.label_id not in right]
    return tuple(label for label in shown if label in near) or tuple(shown)


def _mentions(
    example: Example, tokens: Tokens, conventions: Conventions, shortlisting: Span
) -> tuple[tuple[int, ...], tuple[int, ...], MentionPlace | None]:
    right, wrong = {label for label, _ in example.right}, set(wrong_ids(example))
    for place in conventions.mention_places:
        spans = (
            _in_trace(example, tokens, shortlisting)
            if place is MentionPlace.TRACE
            else prompt_mentions(example)
        )
        found = _keys(tokens, spans, right), _keys(tokens, spans, wrong)
        if all(found):
            return *found, place
    return (), (), None


def shortlist_keys(example: Example, tokens: Tokens) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions in the trace's shortlist that name right labels and near misses; either may be
    empty, as where no right label was shown. Raises NoPhasesError."""
    shortlisting, _ = phase_spans(example)
    spans = _in_trace(example, tokens, shortlisting)
    right = {label for label, _ in example.right}
    return _keys(tokens, spans, right), _keys(tokens, spans, set(wrong_ids(example)))


def _keys(
    tokens: Tokens, spans: Iterable[tuple[str, int, int]], ids: Collection[str]
) -> tuple[int, ...]:
    return tuple(sorted({p for label, a, b in spans if label in ids for p in tokens.within(a, b)}))


def _in_trace(example: Example, tokens: Tokens, shortlisting: Span) -> list[tuple[str, int, int]]:
    return [
        (m.label_id, tokens.trace_start + m.start, tokens.trace_start + m.end)
        for m in find_mentions(example.trace.text, example.candidates)
        if shortlisting[0] <= m.start < shortlisting[1]
    ]


def prompt_mentions(example: Example) -> list[tuple[str, int, int]]:
    """(label id, start, end) of the names in the prompt's numbered lines."""
    found = []
    for candidate in example.candidates:
        name = " ".join(candidate.name.split())
        start = example.rendered.find(f"{candidate.number}. {name}")
        if start >= 0:
            start += len(f"{candidate.number}. ")
            found.append((candidate.label_id, start, start + len(name)))
    return found


def margin_pairs(
    tokenizer: Any, example: Example, conventions: Conventions
) -> tuple[tuple[int, int], ...]:
    """(token of a right label, token of its near miss): the first at which the names differ."""
    names = {c.label_id: c.name for c in example.candidates}
    names |= {miss.label_id: miss.name for miss in example.near_misses}
    right_ids = {label for label, _ in example.right}
    pairs = []
    for label, name in example.right:
        own = [m.label_id for m in example.near_misses if m.near == label]
        others = own or [m.label_id for m in example.near_misses] or list(wrong_ids(example))
        others = [other for other in others if other not in right_ids]
        for other in others[: conventions.pairs_per_label]:
            pair = first_difference(tokenizer, name, names[other])
            pairs += [pair] if pair else []
    return tuple(pairs)


def first_difference(tokenizer: Any, one: str, other: str) -> tuple[int, int] | None:
    """The first tokens at which two names, written after a space, differ; a name that ends there
    is followed by a line break. None for equal names."""
    a, b = (
        list(tokenizer(f" {' '.join(name.split())}\n", add_special_tokens=False)["input_ids"])
        for name in (one, other)
    )
    for x, y in zip(a, b, strict=False):
        if x != y:
            return int(x), int(y)
    return None


def anchor_tokens(tokens: Tokens, positions: Sequence[int]) -> tuple[str, ...]:
    """The text of tokens, as a reader sees it."""
    return tuple(tokens.text[slice(*tokens.offsets[at])] for at in positions)
