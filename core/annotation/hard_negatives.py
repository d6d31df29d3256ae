"""Hard negatives: labels that retrieval ranks high and that annotators say do not fit.

    documents   a line a document: query, positives, negatives with verdict and rank, provenance
    triplets    a line a pair of them: anchor, positive, negative, and nothing else, as the losses
                of sentence-transformers want it (MultipleNegativesRankingLoss, TripletLoss)

Nobody trains on dev or test: their documents are left out and counted, unless they are asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.annotation.cells import json_line
from core.annotation.golden import GoldenDocument
from core.annotation.verdicts import LabelVerdict
from core.atomic import new_file
from core.config import Settings
from core.datasets.base import LabelSpace, Split
from core.datasets.catalogue import listing, open_dataset
from core.errors import InputError

TRAIN = (Split.TRAIN_TEACHER, Split.TRAIN_STUDENT, None)  # None: a text that no dataset has
DEPTH = 50  # ranks from here on are not hard

NameOf = Callable[[str], str | None]


class Shape(StrEnum):
    """How they are written."""

    DOCUMENTS = "documents"
    TRIPLETS = "triplets"


def shape_named(name: str) -> Shape:
    """Raises InputError for another word."""
    if name not in set(Shape):
        raise InputError(f"{name!r} is no shape.", f"Choose one of: {', '.join(Shape)}.")
    return Shape(name)


@dataclass(frozen=True, slots=True)
class Negative:
    """A label that does not fit. `rank`: in the shortlist that was judged, from 1."""

    id: str
    name: str
    verdict: LabelVerdict
    rank: int


@dataclass(frozen=True, slots=True)
class HardNegatives:
    """Those of one document; `positives`: (id, name) of its revised gold."""

    document: GoldenDocument
    positives: tuple[tuple[str, str], ...]
    negatives: tuple[Negative, ...]

    def row(self) -> dict[str, Any]:
        """Its line of the shape "documents"."""
        whole = self.document.row()
        return {
            "id": whole["id"],
            "query": whole["text"],
            "positives": [{"id": id, "name": name} for id, name in self.positives],
            "negatives": [asdict(one) for one in self.negatives],
            "split": whole.get("split"),
            "provenance": whole["provenance"],
        }

    def triplets(self) -> Iterator[dict[str, str]]:
        """Every positive with every negative, the hardest negatives first."""
        for one in self.negatives:
            for _, name in self.positives:
                yield {"anchor": self.document.text, "positive": name, "negative": one.name}


@dataclass(frozen=True, slots=True)
class NegativesReport:
    """`documents`: with a positive and a negative; `held_out`: of dev and test, left out;
    `nameless`: labels left out because nothing knows their names; `by_verdict`: negatives."""

    documents: int
    positives: int
    negatives: int
    rows: int
    held_out: int
    nameless: int
    by_verdict: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> str:
        kinds = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in self.by_verdict.items())
        held = f" Left out, of dev and test: {self.held_out:,} documents." if self.held_out else ""
        nameless = f" Labels without a known name: {self.nameless:,}." if self.nameless else ""
        return (
            f"Hard negatives: {self.negatives:,} ({kinds}); positives: {self.positives:,}; "
            f"documents: {self.documents:,}; rows: {self.rows:,}.{held}{nameless}"
        )


def labels_if_ready(settings: Settings, dataset: str) -> LabelSpace | None:
    """The labels of a dataset that is here; None, and nothing fetched, where it is not."""
    if dataset not in {one.name for one in listing(settings) if one.ready}:
        return None
    return open_dataset(settings, dataset).labels


def names_from(labels: LabelSpace | None) -> NameOf:
    """Names of a dataset's labels; of none where there are none."""

    def name(label: str) -> str | None:
        row = None if labels is None else labels.row(label)
        return None if row is None or labels is None else labels.name(row)

    return name


def negatives_of(document: GoldenDocument, name_of: NameOf, depth: int = DEPTH) -> HardNegatives:
    """Labels among the first `depth` of the shortlist that do not fit, in its order. A label
    without a name is left out."""
    known = {**document.names, **dict(document.retrieved)}

    def name(label: str) -> str:
        return name_of(label) or known.get(label, "")

    positives = tuple((label, name(label)) for label in document.gold if name(label))
    negatives = [
        Negative(label, name(label), document.verdicts[label], rank)
        for rank, (label, _) in enumerate(document.retrieved[:depth], start=1)
        if document.verdicts.get(label, LabelVerdict.RELEVANT) is not LabelVerdict.RELEVANT
        and label not in document.revised.gold
    ]
    return HardNegatives(document, positives, tuple(one for one in negatives if one.name))


def write_negatives(
    path: Path,
    documents: Iterable[GoldenDocument],
    shape: Shape = Shape.DOCUMENTS,
    *,
    name_of: NameOf = lambda label: None,
    depth: int = DEPTH,
    all_splits: bool = False,
) -> NegativesReport:
    """Writes a JSONL file, whole or not at all. Raises InputError where there is no negative, or
    the file cannot be written."""
    counts, kinds = Counter[str](), Counter[str]()
    place = path.expanduser().absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with new_file(place) as new, new.open("w", encoding="utf-8", newline="\n") as file:
            for document in documents:
                found = negatives_of(document, name_of, depth)
                counts["nameless"] += len(document.gold) - len(found.positives)
                if not found.negatives or not found.positives:
                    continue
                if document.split not in TRAIN and not all_splits:
                    counts["held_out"] += 1
                    continue
                counts["documents"] += 1
                counts["positives"] += len(found.positives)
                kinds.update(str(one.verdict) for one in found.negatives)
                rows = [found.row()] if shape is Shape.DOCUMENTS else found.triplets()
                for row in rows:
                    file.write(json_line(row) + "\n")
                    counts["rows"] += 1
            if not counts["documents"]:
                raise InputError(
                    "No label has been judged so far that is a hard negative"
                    + (
                        f", but for {counts['held_out']:,} documents of dev and test."
                        if counts["held_out"] else "."
                    ),
                    "Judge labels of shortlists as irrelevant or near misses, best in a queue with "
                    "the rule for hard negatives"
                    + (", or take these too (all splits)." if counts["held_out"] else "."),
                )  # fmt: skip
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}).",
            "Choose a folder with room that can be written.",
        ) from error
    return NegativesReport(
        counts["documents"], counts["positives"], kinds.total(), counts["rows"],
        counts["held_out"], counts["nameless"], dict(kinds),
    )  # fmt: skip
