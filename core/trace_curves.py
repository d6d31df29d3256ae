"""The curves of a finished trace, Focus and Confusion, with the near misses that they need."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from core.datasets.base import Document
from core.encoders import Encoder
from core.errors import PhaseLensError
from core.rerank.base import Candidate
from core.shortlist.index import LabelIndex
from core.tools import Tools
from core.traces.base import NearMiss, Trace
from core.traces.curves import curves

NEAR_MISSES = 10  # how many wrong labels stand for N(x)


def with_notes(trace: Trace, *notes: str) -> Trace:
    return replace(trace, notes=(*trace.notes, *notes))


def curved(
    tools: Tools,
    trace: Trace,
    text: str,
    document: Document,
    candidates: Sequence[Candidate],
    selected: Sequence[str],
) -> Trace:
    """As `with_curves`; where they cannot be computed a note says why: an answered example is
    never lost to them."""
    try:
        return with_curves(tools, trace, text, document, candidates, selected)
    except (PhaseLensError, RuntimeError, MemoryError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        return with_notes(trace, f"Focus and Confusion could not be computed: {why}")


def with_curves(
    tools: Tools,
    trace: Trace,
    text: str,
    document: Document,
    candidates: Sequence[Candidate],
    selected: Sequence[str],
) -> Trace:
    """The trace with Focus and Confusion; unchanged when it holds no words to embed."""
    if not trace.text.strip():
        return trace
    near, source = near_misses_of(tools.index, document, candidates, selected)
    return measured(tools.encoder, trace, text, near, source)


def measured(
    encoder: Encoder, trace: Trace, text: str, near: Sequence[NearMiss], source: str
) -> Trace:
    """The trace with its curves against the document's `text` and the near misses of `source`."""
    found = curves(
        trace.text,
        trace.token_offsets,
        text,
        near,
        partial(encoder.encode, cache=False),  # prefixes never come again
        near_misses_from=source,
        encode_known=encoder.encode,  # other systems meet the same document
    )
    return replace(trace, curves=found)


def near_misses_of(
    index: LabelIndex,
    document: Document,
    candidates: Sequence[Candidate],
    selected: Sequence[str],
) -> tuple[tuple[NearMiss, ...], str]:
    """N(x) and where it came from: wrong labels nearest to gold; without gold, those shown
    and not chosen. Labels that the document excludes are not among them."""
    if document.gold:
        out = set(document.excluded)
        near = index.nearest_wrong(document.gold, NEAR_MISSES + len(out))
        return tuple(miss for miss in near if miss.label_id not in out)[:NEAR_MISSES], "gold"
    left = [c for c in candidates if c.label_id not in set(selected)]
    return tuple(index.near_of(left, selected)), "not chosen"
