"""How an import of a dataset went."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.importing.problems import Problem
from core.metrics.propensity import constants_of


def propensity_of(names: Iterable[str]) -> tuple[float, float, str]:
    """Propensity constants A and B and where they are from, by names of dataset and folders."""
    usual = constants_of("")
    for name in names:
        found = constants_of(name)
        if found != usual:
            return found.a, found.b, f"published for {name}"
    return usual.a, usual.b, "the usual ones"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import went.

    `head_torso_tail` counts labels as `catalogue.DatasetSummary` does; `files`: what each file
    was read as; `columns`: what each role was read from; `excluded`: label ids that are never
    candidates, over all documents.
    """

    name: str
    labels: int
    documents: int
    rejected: int
    problems: tuple[Problem, ...]
    documents_by_split: Mapping[str, int]
    head_torso_tail: Mapping[str, int]
    mean_labels: float
    propensity: tuple[float, float, str]
    excluded: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        a, b, why = self.propensity
        return {
            "name": self.name,
            "labels": self.labels,
            "documents": self.documents,
            "rejected": self.rejected,
            "problems": [problem.to_json() for problem in self.problems],
            "documents_by_split": dict(self.documents_by_split),
            "head_torso_tail": dict(self.head_torso_tail),
            "mean_labels": self.mean_labels,
            "propensity": {"a": a, "b": b, "source": why},
            "excluded": self.excluded,
            "files": dict(self.files),
            "columns": dict(self.columns),
            "notes": list(self.notes),
        }
