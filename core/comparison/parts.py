"""Where systems differ: F1 of parts of the documents, and what became of their gold labels."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from core.comparison.measures import Values, share_interval
from core.comparison.runs import Comparison
from core.evaluation import RunRecord
from core.rerank.base import Fate

SIZES = ((1, 1), (2, 3), (4, 5), (6, None))  # gold labels of a document
TAIL_BELOW = 3  # training documents: a label with fewer is of the tail
LOSSES = {  # the stages at which gold labels are lost, in their order
    "not shown": (Fate.NOT_IN_VOCABULARY, Fate.ENCODER_MISS, Fate.INDEX_MISS, Fate.NOT_SHOWN),
    "shortlisting": (Fate.DROPPED_IN_SHORTLISTING,),
    "reasoning": (Fate.DROPPED_IN_REASONING,),
    "parsing": (Fate.LOST_IN_PARSING,),
}
SHOWN = ("all", "some", "none")
SIZE, WAS_SHOWN, LOST, RAREST = (
    "Gold labels", "Gold labels shown to the model", "Where the first system lost one",
    "Rarest gold label",
)  # fmt: skip


def slices(found: Comparison, trained_on: Callable[[str], int] | None = None) -> pd.DataFrame:
    """Mean F1 of parts of the documents: kind, part, documents, run, title, value, low, high.

    Kinds: gold labels of a document; how many of them the model was shown, and the first stage at
    which one was lost (both as the first side has it, unless it is imported: what its writer was
    shown is not known); and, with `trained_on` (training documents
    of a label), whether the document has a label of the tail. A document is in one part of each
    kind. Ends are nan in parts of too few documents.
    """
    scores, frames, first = found.scores(), list[dict[str, object]](), found.sides[0]
    for kind, part_of in _kinds(
        first.records.__getitem__, trained_on, with_fates=not first.imported
    ):
        parts = np.array([part_of(d) for d in found.documents])
        for part in sorted(set(parts.tolist()), key=_ORDER.__getitem__):
            inside = scores[:, parts == part]
            frames += _rows(found, inside.T, None, {"kind": kind, "part": part})
    return pd.DataFrame(frames)


def fates(found: Comparison) -> pd.DataFrame:
    """The share of gold labels that met each fate: fate, documents, run, title, value, low, high;
    of the fates that any side knows, in the order of the stages."""
    counts = {
        fate: np.array(
            [[_times(side.records[d], fate) for side in found.sides] for d in found.documents],
            dtype=np.float64,
        )
        for fate in Fate
    }
    known = np.sum(list(counts.values()), axis=0)
    frames = []
    for fate, some in counts.items():
        if some.any():
            frames += _rows(found, some, known, {"fate": fate.value})
    return pd.DataFrame(frames)


def _times(record: RunRecord, fate: Fate) -> int:
    return sum(one == fate for one in record.fates)


def _rows(
    found: Comparison, numerators: Values, denominators: Values | None, of: dict[str, str]
) -> list[dict[str, object]]:
    """A row a side; `(documents, sides)`."""
    interval = share_interval(numerators, denominators)
    return [
        {
            **of,
            "documents": len(numerators),
            "run": side.run,
            "title": side.title,
            "value": float(interval.value[at]),
            "low": float(interval.low[at]),
            "high": float(interval.high[at]),
        }
        for at, side in enumerate(found.sides)
    ]


def _kinds(
    record_of: Callable[[str], RunRecord],
    trained_on: Callable[[str], int] | None,
    *,
    with_fates: bool,
) -> list[tuple[str, Callable[[str], str]]]:
    kinds: list[tuple[str, Callable[[str], str]]] = [
        (SIZE, lambda d: size_of(len(set(record_of(d).gold))))
    ]
    if with_fates:
        kinds.append((WAS_SHOWN, lambda d: shown_of(record_of(d).fates)))
        kinds.append((LOST, lambda d: lost_of(record_of(d).fates)))
    if trained_on is not None:
        kinds.append((RAREST, lambda d: rarity_of(min(map(trained_on, record_of(d).gold)))))
    return kinds


def size_of(gold: int) -> str:
    """The part of a document with so many gold labels."""
    for low, high in SIZES:
        if high is None or gold <= high:
            return (
                f"{low} or more" if high is None else f"{low}" if low == high else f"{low}-{high}"
            )
    raise ValueError(gold)


def shown_of(fates: Sequence[str]) -> str:
    """All, some or none of a document's gold labels were shown to the model."""
    lost = sum(Fate(fate) in LOSSES["not shown"] for fate in fates)
    return SHOWN[0] if not lost else SHOWN[2] if lost == len(fates) else SHOWN[1]


def lost_of(fates: Sequence[str]) -> str:
    """The first stage at which one of a document's gold labels was lost."""
    for stage, some in LOSSES.items():
        if any(Fate(fate) in some for fate in fates):
            return stage
    return "nowhere"


def rarity_of(documents: int) -> str:
    """The part of a label with so many training documents."""
    if documents == 0:
        return "unseen in training"
    return f"fewer than {TAIL_BELOW}" if documents < TAIL_BELOW else f"{TAIL_BELOW} or more"


_ORDER = {
    part: at
    for at, part in enumerate(
        (
            *(size_of(low) for low, _ in SIZES),
            *SHOWN,
            *LOSSES,
            "nowhere",
            *(rarity_of(n) for n in (TAIL_BELOW, 1, 0)),
        )
    )
}
