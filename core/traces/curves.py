"""Reasoning Focus and Near-Miss Confusion over a trace (arXiv 2606.06840).

    Focus(t)     = cos(e(r[0:t]), e(x))       the document x; higher is better
    Confusion(t) = cos(e(r[0:t]), e(N(x)))    N(x) = near misses; lower is better

The encoder reads 256 tokens, so a prefix is not embedded whole:

1. The trace is cut into sentences (lines count as such), long ones into windows that stay
   under 256 encoder tokens, and each is embedded once.
2. e(prefix) is the mean of its sentences' vectors, weighted by how many tokens the model spent
   on each, normalised. A sentence that t cuts in two is embedded up to the cut, so that no
   point knows what comes after it.
3. e(x) is the same mean over the document (weights: characters); e(N(x)) is the normalised mean
   of the near misses' names.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.traces.base import CurvePoint, Curves, NearMiss, Trace

Vectors = NDArray[np.float32]
Sums = NDArray[np.float64]
Encode = Callable[[list[str]], Vectors]

WINDOW_TOKENS = 240  # of the encoder's 256, less its two special tokens and some margin
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+|[。！？]+")
_WORD = re.compile(r"\S+\s*")


def curves(
    trace_text: str,
    token_offsets: Sequence[tuple[int, int]],
    document_text: str,
    near_misses: Sequence[NearMiss],
    encode: Encode,
    near_misses_from: str,
    points: int = 20,
    encode_known: Encode | None = None,
) -> Curves:
    """Both curves at t = 1/points, 2/points, ..., 1.

    `encode(texts)` gives unit rows `(len(texts), dim)`; it is called once, with distinct texts.
    `encode_known`: the same for texts that come again, the document's and near misses' (it may
    look them up); None: `encode` takes these too. t counts tokens, or characters where
    `token_offsets` is empty. Confusion is None where there are no near misses; there are no
    points where the trace has no words.
    """
    misses = tuple(near_misses)
    if not trace_text.strip() or not document_text.strip():
        return Curves((), misses, near_misses_from)
    spans = windows(trace_text)
    ends = [end for _, end in spans]
    cuts = [_cut(trace_text, token_offsets, (i + 1) / points) for i in range(points)]
    complete = [bisect_right(ends, cut) for cut in cuts]  # windows that end at the cut or before
    tails = [_tail(spans, at, cut) for at, cut in zip(complete, cuts, strict=True)]
    in_document = windows(document_text)
    pieces = [trace_text[a:b] for a, b in (*spans, *tails)]
    known = [document_text[a:b] for a, b in in_document]
    vectors = _vectors(pieces, known, [m.name for m in misses], encode, encode_known)
    starts = [start for start, _ in token_offsets]
    weights = np.array([_weight(span, starts) for span in (*spans, *tails)])
    weighted = weights[:, None] * vectors[: len(pieces)]
    before = np.zeros((len(spans) + 1, vectors.shape[1]))
    np.cumsum(weighted[: len(spans)], axis=0, out=before[1:])
    prefixes = _normalised(before[complete] + weighted[len(spans) :])
    of_document = np.array([end - start for start, end in in_document])
    focus_on = _normalised(of_document @ vectors[len(pieces) : len(pieces) + len(known)])
    confused_by = _normalised(vectors[len(pieces) + len(known) :].sum(axis=0))
    focus, confusion = (np.clip(prefixes @ on, -1.0, 1.0) for on in (focus_on, confused_by))
    found = tuple(
        CurvePoint((at + 1) / points, float(focus[at]), float(confusion[at]) if misses else None)
        for at in range(points)
        if prefixes[at].any()  # else no word yet at this t
    )
    return Curves(found, misses, near_misses_from)


def windows(text: str) -> list[tuple[int, int]]:
    """Character spans of sentences, the long ones cut between words so that each stays under
    the encoder's limit. Together they cover the text."""
    spans = []
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    for start, end in pairwise([0, *ends, len(text)]):
        if start == end:
            continue
        if encoder_tokens(text[start:end]) <= WINDOW_TOKENS:
            spans.append((start, end))
        else:
            spans.extend(_split(text, start, end))
    return spans


def _split(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans, first, tokens = [], start, 0
    for word in _word_spans(text, start, end):
        needed = encoder_tokens(text[word[0] : word[1]])
        if tokens and tokens + needed > WINDOW_TOKENS:
            spans.append((first, word[0]))
            first, tokens = word[0], 0
        tokens += needed
    return [*spans, (first, end)]


def _word_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Words with the space after them; a "word" longer than 200 characters comes in pieces."""
    spans = []
    for word in _WORD.finditer(text, start, end):
        for at in range(word.start(), word.end(), 200):
            spans.append((at, min(at + 200, word.end())))
    return spans


def encoder_tokens(text: str) -> int:
    """An upper estimate of WordPiece tokens: 3 characters a token, and 1 for each character
    outside ASCII (Chinese and the like are split into single characters)."""
    ascii_only = len(text.encode("ascii", "ignore"))
    return len(text) - ascii_only + ascii_only // 3 + 1


def step_before(trace: Trace, t: float) -> tuple[int, int]:
    """Characters (start, end) of the trace written between the point before `t` and `t`, in
    (0, 1]: what moved the curves there."""
    earlier = [p.t for p in trace.curves.points if p.t < t - 1e-6] if trace.curves else []
    start = _cut(trace.text, trace.token_offsets, earlier[-1]) if earlier else 0
    return start, _cut(trace.text, trace.token_offsets, t)


def _cut(text: str, token_offsets: Sequence[tuple[int, int]], t: float) -> int:
    """The character where the prefix of share t ends."""
    if not token_offsets:
        return round(len(text) * t)
    return token_offsets[max(round(len(token_offsets) * t), 1) - 1][1]


def _tail(spans: Sequence[tuple[int, int]], complete: int, cut: int) -> tuple[int, int]:
    """The part before `cut` of the window after the complete ones; empty at a window's end."""
    start = spans[complete][0] if complete < len(spans) else cut
    return min(start, cut), cut


def _weight(span: tuple[int, int], starts: Sequence[int]) -> float:
    """Tokens that begin in a span; its characters where there are no tokens to count."""
    start, end = span
    if not starts:
        return float(end - start)
    return float(bisect_left(starts, end) - bisect_left(starts, start))


def _vectors(
    pieces: Sequence[str],
    known: Sequence[str],
    names: Sequence[str],
    encode: Encode,
    encode_known: Encode | None,
) -> Sums:
    """Rows for the pieces of the trace, those of the document (`known`) and the names, in order.

    Each distinct text is encoded once. Pieces without a letter or digit get zeros, so weigh
    nothing.
    """
    fresh = [text for text in pieces if _has_word(text)]
    again = [*(text for text in known if _has_word(text)), *names]
    parts = [([*fresh, *again], encode)]
    if encode_known is not None:
        parts = [(fresh, encode), (again, encode_known)]
    rows: dict[str, Vectors] = {}
    for texts, run in parts:
        distinct = [text for text in dict.fromkeys(texts) if text not in rows]
        if distinct:
            rows.update(zip(distinct, run(distinct), strict=True))
    if not rows:  # nothing but signs on both sides; the dimension does not matter then
        return np.zeros((len(pieces) + len(known), 1))
    nothing = np.zeros_like(next(iter(rows.values())))
    worded = [rows[text] if _has_word(text) else nothing for text in (*pieces, *known)]
    return np.stack([*worded, *(rows[name] for name in names)]).astype(np.float64)


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _normalised(vectors: Sums) -> Sums:
    """Rows (or one vector) of length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Sums = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return unit
