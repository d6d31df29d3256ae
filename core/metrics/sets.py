"""F1 of selected label sets against gold sets, each in [0, 1], higher = better.

F1 = 2 TP / (2 TP + FP + FN)

micro    over the counts of all documents and labels together
macro    mean over labels that are gold or selected at least once (not over the whole vocabulary)
example  mean over documents

Nothing to find and nothing selected is F1 = 1 for a document or label; without any document all
three are 0.
"""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field


def f1(true_positives: int, false_positives: int, false_negatives: int) -> float:
    """F1 of counts; 1 where nothing was to be found and nothing was selected."""
    total = 2 * true_positives + false_positives + false_negatives
    return 2 * true_positives / total if total else 1.0


def example_f1(selected: Set[str], gold: Set[str]) -> float:
    """F1 of one document."""
    hits = len(selected & gold)
    return f1(hits, len(selected) - hits, len(gold) - hits)


@dataclass
class SetCounts:
    """Adds up documents one at a time, so that a run of any length fits in memory."""

    documents: int = 0
    example_sum: float = 0.0
    hits: Counter[str] = field(default_factory=Counter)
    selected: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)

    def add(self, selected: Set[str], gold: Set[str]) -> None:
        self.documents += 1
        self.example_sum += example_f1(selected, gold)
        self.hits.update(selected & gold)
        self.selected.update(selected)
        self.gold.update(gold)

    @property
    def example_f1(self) -> float:
        return self.example_sum / self.documents if self.documents else 0.0

    @property
    def micro_f1(self) -> float:
        hits, selected, gold = (c.total() for c in (self.hits, self.selected, self.gold))
        return f1(hits, selected - hits, gold - hits) if self.documents else 0.0

    @property
    def macro_f1(self) -> float:
        labels = self.selected.keys() | self.gold.keys()
        scores = [
            f1(
                self.hits[label],
                self.selected[label] - self.hits[label],
                self.gold[label] - self.hits[label],
            )
            for label in labels
        ]
        return sum(scores) / len(scores) if scores else 0.0


def best_f1(right: int, gold: int) -> float:
    """The best example-based F1 of an answer, in [0, 1], where `right` of the `gold` labels can be
    answered at all; 0 without gold labels."""
    return 2 * right / (right + gold) if gold else 0.0
