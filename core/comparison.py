"""Runs of several systems side by side, over the documents that all of them have answered.

Scores are example-based F1 of the selected labels unless another is named; intervals are 95%
bootstrap over documents, differences are paired by document (core/metrics/paired.py).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import InputError
from core.evaluation import RunRecord
from core.metrics.bootstrap import mean_interval
from core.metrics.paired import Difference, difference, holm
from core.metrics.sets import example_f1
from core.rerank.base import Bucket, Fate
from core.traces.base import CurvePoint

Values = npt.NDArray[np.float64]

FEWEST, MOST = 2, 6  # systems side by side
SIZES = ((1, 1), (2, 3), (4, 5), (6, None))  # gold labels of a document
LOST_BEFORE = frozenset(
    {Fate.NOT_IN_VOCABULARY, Fate.ENCODER_MISS, Fate.INDEX_MISS, Fate.NOT_SHOWN}
)
TAIL_BELOW = 3  # training documents: a label with fewer is of the tail


class Measure(StrEnum):
    """What a document is scored by; all in [0, 1], higher = better."""

    F1 = "Example F1"
    P_1 = "P@1"
    R_10 = "R@10"
    WELL_FORMED = "Well-formed"


@dataclass(frozen=True)
class Side:
    """One run among those compared. `records`: its finished documents, by id."""

    run: str
    title: str
    records: Mapping[str, RunRecord]


@dataclass(frozen=True)
class Comparison:
    """`documents`: ids that all sides have answered and that have gold labels, sorted."""

    sides: tuple[Side, ...]
    documents: tuple[str, ...]

    def scores(self, measure: Measure = Measure.F1) -> Values:
        """`(sides, documents)`."""
        score = _SCORES[measure]
        return np.array(
            [[score(side.records[d]) for d in self.documents] for side in self.sides],
            dtype=np.float64,
        )

    def table(self) -> pd.DataFrame:
        """A row a side: run, title, each measure with its interval (`f1`, `f1_low`, `f1_high`,
        ...), mean tokens and seconds."""
        rows = []
        found = {m: mean_interval(self.scores(m).T) for m in Measure}
        for at, side in enumerate(self.sides):
            row: dict[str, object] = {"run": side.run, "title": side.title}
            for measure, interval in found.items():
                row |= {
                    measure.value: float(interval.value[at]),
                    f"{measure.value} low": float(interval.low[at]),
                    f"{measure.value} high": float(interval.high[at]),
                }
            some = [side.records[d] for d in self.documents]
            row["tokens"] = float(np.mean([one.tokens for one in some]))
            row["seconds"] = float(np.mean([one.seconds for one in some]))
            rows.append(row)
        return pd.DataFrame(rows)

    def less(self, base: int, measure: Measure = Measure.F1) -> dict[str, "Less"]:
        """Each other side less the side number `base`, by run; p-values corrected by Holm over
        the sides."""
        scores = self.scores(measure)
        found = {
            side.run: difference(scores[at], scores[base])
            for at, side in enumerate(self.sides)
            if at != base
        }
        corrected = holm({run: one.p for run, one in found.items()})
        return {run: Less(one, corrected[run]) for run, one in found.items()}

    def slices(self, trained_on: Callable[[str], int] | None = None) -> pd.DataFrame:
        """Mean F1 of parts of the documents: kind, part, documents, run, title, value, low, high.

        Kinds: gold labels of a document; how many of them the model was shown (as the first side
        has it); and, with `trained_on` (training documents of a label), whether the document has
        a label of the tail. A document can be in one part of each kind.
        """
        scores = self.scores()
        frames = []
        for kind, part_of in self._kinds(trained_on):
            parts = np.array([part_of(d) for d in self.documents])
            for part in dict.fromkeys(sorted(parts, key=_ORDER.__getitem__)):
                inside = scores[:, parts == part]
                interval = mean_interval(inside.T)
                for at, side in enumerate(self.sides):
                    frames.append(
                        {
                            "kind": kind,
                            "part": part,
                            "documents": inside.shape[1],
                            "run": side.run,
                            "title": side.title,
                            "value": float(interval.value[at]),
                            "low": float(interval.low[at]),
                            "high": float(interval.high[at]),
                        }
                    )
        return pd.DataFrame(frames)

    def _kinds(
        self, trained_on: Callable[[str], int] | None
    ) -> list[tuple[str, Callable[[str], str]]]:
        records = self.sides[0].records
        kinds = [
            ("Gold labels", lambda d: size_of(len(set(records[d].gold)))),
            ("Gold labels shown to the model", lambda d: shown_of(records[d])),
        ]
        if trained_on is not None:
            kinds.append(
                ("Rarest gold label", lambda d: rarity_of(min(map(trained_on, records[d].gold))))
            )
        return kinds

    def differing(self) -> tuple[str, ...]:
        """Documents for which the sides do not all select the same labels."""
        return tuple(
            d for d in self.documents
            if len({frozenset(side.records[d].selected) for side in self.sides}) > 1
        )  # fmt: skip

    def wins(self, one: int, other: int) -> tuple[int, int, int]:
        """Documents on which side `one` scores higher, lower, and the same."""
        scores = self.scores()
        gap = scores[one] - scores[other]
        return int((gap > 0).sum()), int((gap < 0).sum()), int((gap == 0).sum())


@dataclass(frozen=True, slots=True)
class Less:
    """A difference, and its p-value corrected for the number of sides."""

    difference: Difference
    corrected: float


def compare(sides: Sequence[Side], among: Collection[str] | None = None) -> Comparison:
    """`among`: the only documents looked at, by id; None: all. Raises InputError for too few or too
    many sides, or none that share a document."""
    if not FEWEST <= len(sides) <= MOST:
        raise InputError(
            f"{len(sides)} runs were chosen, but {FEWEST} to {MOST} can stand side by side.",
            "Choose others.",
        )
    shared = set.intersection(*(set(side.records) for side in sides))
    documents = tuple(sorted(d for d in shared if sides[0].records[d].gold))
    if documents and among is not None:
        documents = tuple(d for d in documents if d in among)
        if not documents:
            raise InputError(
                "None of the documents that these runs share is in the slice.",
                "Choose another slice, or all documents.",
            )
    if not documents:
        raise InputError(
            "The runs have no answered document with gold labels in common.",
            "Choose runs over the same split, or run the missing documents.",
        )
    return Comparison(tuple(sides), documents)


def together(documents: Mapping[str, Collection[str]], most: int) -> list[str]:
    """Up to `most` runs that can be compared, out of `documents` (run -> ids of the documents that
    it has answered): the pair that shares the most, then whichever leaves the most shared, in the
    order given where they tie; none where no two share any."""
    sets = {run: set(ids) for run, ids in documents.items()}
    pairs = [(len(sets[a] & sets[b]), a, b) for a, b in combinations(sets, 2)]
    shared, *best = max(pairs, key=lambda pair: pair[0], default=(0,))
    if not shared:
        return []
    chosen = [str(run) for run in best]
    common = sets[chosen[0]] & sets[chosen[1]]
    while len(chosen) < most:
        left = [(len(common & sets[run]), run) for run in sets if run not in chosen]
        count, run = max(left, key=lambda one: one[0], default=(0, ""))
        if not count or 2 * count < len(common):  # it would take more than half of them away
            break
        chosen.append(run)
        common &= sets[run]
    return [run for run in sets if run in chosen]


def size_of(gold: int) -> str:
    """The part of a document with so many gold labels."""
    for low, high in SIZES:
        if high is None or gold <= high:
            return (
                f"{low} or more" if high is None else f"{low}" if low == high else f"{low}-{high}"
            )
    raise ValueError(gold)


def shown_of(record: RunRecord) -> str:
    """All, some or none of a document's gold labels were shown to the model."""
    lost = sum(Fate(fate) in LOST_BEFORE for fate in record.fates)
    return "all" if not lost else "none" if lost == len(record.fates) else "some"


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
            *("all", "some", "none"),
            *(rarity_of(n) for n in (TAIL_BELOW, 1, 0)),
        )
    )
}


def _r_10(record: RunRecord) -> float:
    gold = set(record.gold)
    return len(set(record.ranking[:10]) & gold) / len(gold)


def score_of(measure: Measure, record: RunRecord) -> float:
    """A document's score, in [0, 1], higher is better; it must have gold labels."""
    return _SCORES[measure](record)


_SCORES: dict[Measure, Callable[[RunRecord], float]] = {
    Measure.F1: lambda r: example_f1(set(r.selected), set(r.gold)),
    Measure.P_1: lambda r: float(bool(r.ranking) and r.ranking[0] in set(r.gold)),
    Measure.R_10: _r_10,
    Measure.WELL_FORMED: lambda r: float(Bucket(r.bucket) is Bucket.OK),
}


def mean_curves(curves: Mapping[str, Mapping[str, Sequence[CurvePoint]]]) -> pd.DataFrame:
    """Mean Focus and Confusion at each t over the documents that all runs have curves of: run, t,
    curve, value, low, high, documents. `curves`: points by run and document."""
    shared = sorted(set.intersection(*(set(some) for some in curves.values()))) if curves else []
    rows = []
    for run, some in curves.items():
        for name in ("focus", "confusion"):
            by_t: dict[float, list[float]] = {}
            for document in shared:
                for point in some[document]:
                    value = getattr(point, name)
                    if value is not None:
                        by_t.setdefault(round(point.t, 4), []).append(value)
            for t, values in sorted(by_t.items()):
                interval = mean_interval(np.array(values)[:, None], resamples=200)
                rows.append(
                    {
                        "run": run,
                        "t": t,
                        "curve": name.capitalize(),
                        "value": float(interval.value[0]),
                        "low": float(interval.low[0]),
                        "high": float(interval.high[0]),
                        "documents": len(values),
                    }
                )
    return pd.DataFrame(rows, columns=["run", "t", "curve", "value", "low", "high", "documents"])
