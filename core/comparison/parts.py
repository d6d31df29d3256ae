"""Where systems differ: F1 of parts of the documents, and what became of their gold labels."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from core.comparison.measures import Values, share_interval
from core.comparison.runs import Comparison, Side
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
    "Gold labels", "Gold labels shown to the model", "Where any system lost a gold label",
    "Rarest gold label",
)  # fmt: skip


def slices(found: Comparison, trained_on: Callable[[str], int] | None = None) -> pd.DataFrame:
    """Mean F1 of parts of the documents: kind, part, documents, run, title, value, low, high.

    Kinds: gold labels of a document; how many of them the model was shown (as the first side has
    it); the first stage at which any side lost one (of all sides alike: documents on which one of
    them failed would be those on which the others look better); and, with `trained_on` (training
    documents of a label), whether the document has a label of the tail. Of an imported side it is
    not known what its writer was shown. A document is in one part of each kind. Ends are nan in
    parts of too few documents.
    """
    scores, frames = found.scores(), list[dict[str, object]]()
    for kind, part_of in _kinds(found.sides, trained_on):
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
    sides: Sequence[Side], trained_on: Callable[[str], int] | None
) -> list[tuple[str, Callable[[str], str]]]:
    record_of = sides[0].records.__getitem__

    def any_fates(document: str) -> list[str]:
        return [fate for side in sides for fate in side.records[document].fates]

    kinds: list[tuple[str, Callable[[str], str]]] = [
        (SIZE, lambda d: size_of(len(set(record_of(d).gold))))
    ]
    if not sides[0].imported:
        kinds.append((WAS_SHOWN, lambda d: shown_of(record_of(d).fates)))
    if not any(side.imported for side in sides):
        kinds.append((LOST, lambda d: lost_of(any_fates(d))))
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
    """The first stage at which one of some gold labels was lost."""
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
