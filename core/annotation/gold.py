"""Gold labels as annotators have them: the dataset's own, revised by what was judged.

A label that a majority of those who judged it calls relevant, or adds as missing, is gold; one that
a majority calls anything else is not; a tie, and a label that nobody judged, stay as they were.
What an adjudication says of a label is the last word on it, and one that a lead leaves out of a
settlement, though an annotator added it as missing, is not gold for having been added.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict


@dataclass(frozen=True, slots=True)
class Revised:
    """A document's gold, revised. `added`, `removed`: against the dataset's own; `disputed`: labels
    on which as many say yes as no; `missed`: gold labels that annotators found missing in the
    shortlist."""

    gold: frozenset[str]
    added: frozenset[str]
    removed: frozenset[str]
    disputed: frozenset[str]
    missed: frozenset[str]


def revised(
    gold: Collection[str], judgements: Iterable[Judgement], final: Judgement | None = None
) -> Revised:
    """`judgements`: one an annotator; `final`: the adjudication, where there is one."""
    said_missing: set[str] = set(final.missing) if final is not None else set()
    votes: dict[str, list[bool]] = defaultdict(list)
    for judgement in judgements:
        said_missing |= set(judgement.missing)
        for label, fits in votes_of(judgement).items():
            votes[label].append(fits)
    if final is not None:
        votes |= {label: [fits] for label, fits in votes_of(final).items()}
    own = frozenset(gold)
    yes = {label for label, said in votes.items() if 2 * sum(said) > len(said)}
    no = {label for label, said in votes.items() if 2 * sum(said) < len(said)}
    found = frozenset((own | yes) - no)
    return Revised(
        gold=found,
        added=found - own,
        removed=own - found,
        disputed=frozenset(votes.keys() - yes - no),
        missed=found & said_missing,
    )


def heard(judgements: Iterable[Judgement], final: Judgement | None) -> list[Judgement]:
    """The judgements of one task as its settlement leaves them: without the labels that were added
    as missing and that the lead, who saw them, did not keep."""
    if final is None:
        return list(judgements)
    kept = {*final.missing, *final.labels}
    return [
        replace(one, missing=tuple(label for label in one.missing if label in kept))
        for one in judgements
    ]


def last_words(finals: Sequence[Judgement]) -> Judgement | None:
    """Several settlements of one document, the oldest first, as one: of each label the last word
    that was said of it."""
    if not finals:
        return None
    labels: dict[str, LabelVerdict] = {}
    missing: dict[str, None] = {}
    for final in finals:
        for label in final.missing:
            labels.pop(label, None)
            missing[label] = None
        for label, verdict in final.labels.items():
            missing.pop(label, None)
            labels[label] = verdict
    return replace(finals[-1], labels=labels, missing=tuple(missing))


def settled_verdicts(
    judgements: Iterable[Judgement], final: Judgement | None = None
) -> dict[str, LabelVerdict]:
    """Label -> what holds of it: the adjudication's word, else the majority's. Of those who say
    that it does not fit the most frequent verdict counts, a near miss where verdicts tie. A label
    on which as many say yes as no is left out."""
    said: dict[str, list[LabelVerdict]] = defaultdict(list)
    for judgement in judgements:
        for label, verdict in verdicts_of(judgement).items():
            said[label].append(verdict)
    if final is not None:
        said |= {label: [verdict] for label, verdict in verdicts_of(final).items()}
    found = {}
    for label, verdicts in said.items():
        against = Counter(one for one in verdicts if one is not LabelVerdict.RELEVANT)
        fits = len(verdicts) - against.total()
        if fits > against.total():
            found[label] = LabelVerdict.RELEVANT
        elif fits < against.total():
            near = LabelVerdict.NEAR_MISS
            found[label] = max(against, key=lambda one: (against[one], one is near))
    return found


def verdicts_of(judgement: Judgement) -> dict[str, LabelVerdict]:
    """Label -> verdict; one that was added as missing is relevant."""
    return {**judgement.labels, **dict.fromkeys(judgement.missing, LabelVerdict.RELEVANT)}


def votes_of(judgement: Judgement) -> dict[str, bool]:
    """Label -> whether it fits, of those that the judgement speaks of."""
    found = {label: verdict is LabelVerdict.RELEVANT for label, verdict in judgement.labels.items()}
    return found | dict.fromkeys(judgement.missing, True)


@dataclass(frozen=True, slots=True)
class RecallIf:
    """Recall at k, mean over documents with gold, in [0, 1], higher = better. `before`: against the
    dataset's gold; `revised`: against the revised gold; `fixed`: the same, if the shortlist had
    also held the labels that annotators found missing. `documents`: judged ones."""

    documents: int
    before: float
    revised: float
    fixed: float


def recall_if_fixed(
    retrieved: Mapping[str, Sequence[str]],
    gold: Mapping[str, Collection[str]],
    found: Mapping[str, Revised],
    k: int,
) -> RecallIf | None:
    """`retrieved`, `gold`: by document, labels best first and the dataset's own; `found`: of the
    documents that were judged. None where none of these has gold."""
    cases = recalls(retrieved, gold, found, k)
    if not cases:
        return None
    before, after, fixed = (sum(values) / len(cases) for values in zip(*cases, strict=True))
    return RecallIf(len(cases), before, after, fixed)


def recalls(
    retrieved: Mapping[str, Sequence[str]],
    gold: Mapping[str, Collection[str]],
    found: Mapping[str, Revised],
    k: int,
) -> list[tuple[float, float, float]]:
    """The three numbers of RecallIf, document by document, of those that have gold either way."""
    cases = []
    for document, one in found.items():
        if document not in retrieved or not one.gold or not gold.get(document):
            continue
        top = set(retrieved[document][:k])
        own = set(gold[document])
        cases.append(
            (
                len(own & top) / len(own),
                len(one.gold & top) / len(one.gold),
                len(one.gold & (top | one.missed)) / len(one.gold),
            )
        )
    return cases
