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
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.traces.base import CurvePoint, Curves, NearMiss

Vectors = NDArray[np.float32]
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
) -> Curves:
    """Both curves at t = 1/points, 2/points, ..., 1.

    `encode(texts)` gives unit rows `(len(texts), dim)`. t counts tokens, or characters where
    `token_offsets` is empty. Confusion is None where there are no near misses; there are no
    points where the trace has no words.
    """
    misses = tuple(near_misses)
    if not trace_text.strip() or not document_text.strip():
        return Curves((), misses, near_misses_from)
    spans = windows(trace_text)
    cuts = [_cut(trace_text, token_offsets, (i + 1) / points) for i in range(points)]
    tails = [_tail(spans, cut) for cut in cuts]
    pieces = [trace_text[a:b] for a, b in spans] + [trace_text[a:b] for a, b in tails]
    vectors = _encode_words(pieces, encode)
    whole, partial = vectors[: len(spans)], vectors[len(spans) :]
    focus_on = _mean_of_text(document_text, encode)
    confused_by = _normalised(encode([m.name for m in misses]).sum(axis=0)) if misses else None
    starts = [start for start, _ in token_offsets]
    weights = np.array([_weight(span, starts) for span in spans], dtype=np.float32)
    found = []
    for at, (cut, tail) in enumerate(zip(cuts, tails, strict=True)):
        complete = sum(end <= cut for _, end in spans)
        total = weights[:complete] @ whole[:complete]
        total = total + _weight(tail, starts) * partial[at]
        prefix = _normalised(total)
        if not prefix.any():
            continue  # no word yet at this t
        confusion = None if confused_by is None else _cosine(prefix, confused_by)
        found.append(CurvePoint((at + 1) / points, _cosine(prefix, focus_on), confusion))
    return Curves(tuple(found), misses, near_misses_from)


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
    foreign = sum(character > "\x7f" for character in text)
    return foreign + (len(text) - foreign) // 3 + 1


def _cut(text: str, token_offsets: Sequence[tuple[int, int]], t: float) -> int:
    """The character where the prefix of share t ends."""
    if not token_offsets:
        return round(len(text) * t)
    return token_offsets[max(round(len(token_offsets) * t), 1) - 1][1]


def _tail(spans: Sequence[tuple[int, int]], cut: int) -> tuple[int, int]:
    """The part before `cut` of the window that it falls into; empty at a window's end."""
    for start, end in spans:
        if start < cut < end:
            return start, cut
    return cut, cut


def _weight(span: tuple[int, int], starts: Sequence[int]) -> float:
    """Tokens that begin in a span; its characters where there are no tokens to count."""
    start, end = span
    if not starts:
        return float(end - start)
    return float(bisect_left(starts, end) - bisect_left(starts, start))


def _encode_words(pieces: list[str], encode: Encode) -> Vectors:
    """Vectors `(pieces, dim)`; a piece without a letter or digit gets zeros, so weighs nothing."""
    worded = [at for at, piece in enumerate(pieces) if any(map(str.isalnum, piece))]
    vectors = encode([pieces[at] for at in worded] or ["-"])
    found = np.zeros((len(pieces), vectors.shape[1]), dtype=np.float32)
    if worded:
        found[worded] = vectors
    return found


def _mean_of_text(text: str, encode: Encode) -> Vectors:
    spans = windows(text)
    weights = np.array([end - start for start, end in spans], dtype=np.float32)
    return _normalised(weights @ _encode_words([text[a:b] for a, b in spans], encode))


def _normalised(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def _cosine(a: Vectors, b: Vectors) -> float:
    return float(np.clip(a @ b, -1.0, 1.0))
