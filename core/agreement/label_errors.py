"""Gold labels that annotators call wrong, and labels they call right that gold lacks: candidates
for a lead to look at, not corrections."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from core.agreement.ratings import by_item
from core.annotation.verdicts import LabelVerdict
from core.errors import UnknownNameError


class LabelErrorKind(StrEnum):
    """What may be wrong with gold."""

    WRONG = "gold label that annotators reject"
    MISSING = "label that annotators miss in gold"


@dataclass(frozen=True, slots=True)
class LabelError:
    """A candidate. `votes_for`: annotators whose verdict says that gold errs here; `votes_against`:
    all others."""

    document: str
    label: str
    kind: LabelErrorKind
    votes_for: int
    votes_against: int

    @property
    def annotators(self) -> int:
        return self.votes_for + self.votes_against

    @property
    def share(self) -> float:
        """Of the annotators, in (0.5, 1], higher = clearer."""
        return self.votes_for / self.annotators


# What speaks against gold: of a gold label, of any other. A near miss is close, and wrong.
_AGAINST_GOLD = frozenset(
    {LabelVerdict.IRRELEVANT, LabelVerdict.NEAR_MISS, LabelVerdict.WRONG_GOLD}
)
_FOR_LABEL = frozenset({LabelVerdict.RELEVANT})


def label_errors(
    gold: Mapping[str, AbstractSet[str]],
    verdicts: Iterable[tuple[str, str, str, LabelVerdict]],
    *,
    fewest: int = 1,
) -> list[LabelError]:
    """Labels on which more than half of the annotators, and at least `fewest` of them, contradict
    gold, the clearest first: by share, then number of annotators, then document and label.

    `gold`: label ids by document id. `verdicts`: (document, label, annotator, verdict).
    A gold label is rejected by any verdict but RELEVANT, another one missed by RELEVANT. A tie
    is no candidate. Raises UnknownNameError for a document without a gold set, InputError for two
    different verdicts of one annotator on one label of a document.
    """
    said = by_item(
        (((document, label), who, verdict) for document, label, who, verdict in verdicts),
        "verdicts",
        shown_item=" / ".join,
    )
    found = []
    for (document, label), by_whom in said.items():
        if document not in gold:
            raise UnknownNameError(
                f"Document {document} has verdicts but no gold set.",
                "Give its gold labels too, an empty set if it has none.",
            )
        is_gold = label in gold[document]
        kind = LabelErrorKind.WRONG if is_gold else LabelErrorKind.MISSING
        telling = _AGAINST_GOLD if is_gold else _FOR_LABEL
        votes = sum(verdict in telling for verdict in by_whom.values())
        against = len(by_whom) - votes
        if votes > against and len(by_whom) >= fewest:
            found.append(LabelError(document, label, kind, votes, against))
    return sorted(found, key=lambda e: (-e.share, -e.annotators, e.document, e.label))
