"""Texts cut into pieces: the document at the words that the trace repeats; the trace's steps at
these, at the labels that they name, and at what the app put in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.talks.deck import Piece
from core.traces.anchors import Anchor
from core.traces.base import Mention

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Places:
    """Words of the document that the trace repeats, each place once, in the document's order.

    `spans`: characters of the document; `quoted`: (start, end, place) in characters of the trace,
    in its order. Places are numbered from 1.
    """

    spans: tuple[Span, ...]
    quoted: tuple[tuple[int, int, int], ...]


def places_of(anchors: Sequence[Anchor]) -> Places:
    """Quotations of overlapping words are one place, so that each number stands at one place."""
    spans: list[Span] = []
    quoted = []
    for anchor in sorted(anchors, key=lambda a: (a.document_start, a.document_end)):
        if spans and anchor.document_start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], anchor.document_end))
        else:
            spans.append((anchor.document_start, anchor.document_end))
        quoted.append((anchor.start, anchor.end, len(spans)))
    return Places(tuple(spans), tuple(sorted(quoted)))


def document_pieces(text: str, places: Places) -> tuple[Piece, ...]:
    """The whole document."""
    found, at = [], 0
    for number, (start, end) in enumerate(places.spans, start=1):
        found += [Piece(text[at:start]), Piece(text[start:end], anchor=number)]
        at = end
    found.append(Piece(text[at:]))
    return tuple(piece for piece in found if piece.text)


def step_pieces(
    text: str,
    span: Span,
    mentions: Sequence[Mention],
    numbers: Mapping[str, int],
    places: Places,
    given: Sequence[Span],
) -> tuple[Piece, ...]:
    """The step's text without its last line break. `mentions`: those that may lie in it; `numbers`:
    of each label that is named."""
    start = span[0]
    end = start + len(text[start : span[1]].rstrip("\n"))
    labels = [(m.start, m.end, numbers[m.label_id], m.exact) for m in mentions]
    labels = [one for one in labels if one[0] < end and one[1] > start]
    quoted = [one for one in places.quoted if one[0] < end and one[1] > start]
    put_in = [(a, b) for a, b in given if a < end and b > start]
    edges = {x for a, b, *_ in (*labels, *quoted, *put_in) for x in (a, b) if start < x < end}
    found = []
    for a, b in pairwise(sorted({start, end, *edges})):
        label, exact = next(((n, e) for x, y, n, e in labels if x <= a and b <= y), (-1, True))
        anchor = next((n for x, y, n in quoted if x <= a and b <= y), 0)
        forced = any(x <= a and b <= y for x, y in put_in)
        found.append(Piece(text[a:b], label, exact, anchor, forced))
    return tuple(found)
