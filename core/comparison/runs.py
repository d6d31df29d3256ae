"""Runs of several systems side by side, over the documents that all of them have answered.

Scores are example-based F1 of the selected labels unless another is named; intervals are 95%
bootstrap over documents, differences are paired by document (core/metrics/paired.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.comparison.measures import Measure, Values, score_of, share_interval
from core.errors import InputError
from core.evaluation import RunRecord
from core.metrics.paired import Difference, difference, holm
from core.metrics.sets import SetCounts

FEWEST, MOST = 2, 6  # systems side by side


@dataclass(frozen=True)
class Side:
    """One run among those compared. `records`: its finished documents, by id; `imported`: traces
    of others, of which it is not known how they were made and what their writer was shown."""

    run: str
    title: str
    records: Mapping[str, RunRecord]
    imported: bool = False


@dataclass(frozen=True)
class Comparison:
    """`documents`: ids that all sides have answered and that have gold labels, the same on all
    sides, sorted. `other_gold`: how many were left out since sides differ in what is gold."""

    sides: tuple[Side, ...]
    documents: tuple[str, ...]
    other_gold: int = 0

    def scores(self, measure: Measure = Measure.F1) -> Values:
        """`(sides, documents)`."""
        return np.array(
            [[score_of(measure, side.records[d]) for d in self.documents] for side in self.sides],
            dtype=np.float64,
        )

    def table(self) -> pd.DataFrame:
        """A row a side: run, title, each measure with its interval (`f1`, `f1_low`, `f1_high`,
        ...; nan ends for too few documents), `micro` and `macro` F1, mean tokens and seconds."""
        rows = []
        found = {m: share_interval(self.scores(m).T) for m in Measure}
        for at, side in enumerate(self.sides):
            row: dict[str, object] = {"run": side.run, "title": side.title}
            for measure, interval in found.items():
                row |= {
                    measure.value: float(interval.value[at]),
                    f"{measure.value} low": float(interval.low[at]),
                    f"{measure.value} high": float(interval.high[at]),
                }
            some = [side.records[d] for d in self.documents]
            row |= _over_labels(some)
            row["tokens"] = float(np.mean([one.tokens for one in some]))
            row["seconds"] = float(np.mean([one.seconds for one in some]))
            rows.append(row)
        return pd.DataFrame(rows)

    def less(self, base: int, measure: Measure = Measure.F1) -> dict[str, "Less"]:
        """Each other side less the side number `base`, by run; p-values corrected by Holm over
        the sides."""
        scores = self.scores(measure)
        others = {side.run: at for at, side in enumerate(self.sides) if at != base}
        found = {run: difference(scores[at], scores[base]) for run, at in others.items()}
        corrected = holm({run: one.p for run, one in found.items()})
        return {
            run: Less(found[run], corrected[run], *self.wins(at, base, measure))
            for run, at in others.items()
        }

    def differing(self) -> tuple[str, ...]:
        """Documents for which the sides do not all select the same labels."""
        return tuple(
            d for d in self.documents
            if len({frozenset(side.records[d].selected) for side in self.sides}) > 1
        )  # fmt: skip

    def wins(self, one: int, other: int, measure: Measure = Measure.F1) -> tuple[int, int, int]:
        """Documents on which side `one` scores higher, lower, and the same."""
        scores = self.scores(measure)
        gap = scores[one] - scores[other]
        return int((gap > 0).sum()), int((gap < 0).sum()), int((gap == 0).sum())


def _over_labels(records: Sequence[RunRecord]) -> dict[str, float]:
    """Micro F1 over all labels of all documents, macro F1 over labels that are gold or answered
    anywhere."""
    counts = SetCounts()
    for one in records:
        counts.add(set(one.selected), set(one.gold))
    return {"micro": counts.micro_f1, "macro": counts.macro_f1}


@dataclass(frozen=True, slots=True)
class Less:
    """A difference, its p-value corrected for the number of sides (the interval is of this
    difference alone), and documents on which it is above, below and at 0."""

    difference: Difference
    corrected: float
    better: int
    worse: int
    same: int


def compare(sides: Sequence[Side], among: Collection[str] | None = None) -> Comparison:
    """`among`: the only documents looked at, by id; None: all. Raises InputError for too few or too
    many sides, or none that share a document."""
    if not FEWEST <= len(sides) <= MOST:
        raise InputError(
            f"{len(sides)} runs were chosen, but {FEWEST} to {MOST} can stand side by side.",
            "Choose others.",
        )
    shared = set.intersection(*(set(side.records) for side in sides))
    answered = {d: [frozenset(side.records[d].gold) for side in sides] for d in sorted(shared)}
    documents = tuple(d for d, golds in answered.items() if golds[0] and len(set(golds)) == 1)
    other = sum(len(set(golds)) > 1 for golds in answered.values())
    if documents and among is not None:
        documents = tuple(d for d in documents if d in among)
        if not documents:
            raise InputError(
                "None of the documents that these runs share is in the slice.",
                "Choose another slice, or all documents.",
            )
    if not documents and other:
        raise InputError(
            f"The runs share {other:,} documents, but not what their gold labels are.",
            "Their dataset has changed between them. Run the older one again.",
        )
    if not documents:
        raise InputError(
            "The runs have no answered document with gold labels in common.",
            "Choose runs over the same split, or run the missing documents.",
        )
    return Comparison(tuple(sides), documents, other)
