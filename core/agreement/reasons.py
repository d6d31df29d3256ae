"""Agreement on reasons, of which an annotator may give several: each reason by itself, given or
not, so that a lead sees which one people understand differently."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from core.agreement.ratings import Ratings, by_item
from core.agreement.summary import Summary, summary
from core.metrics.bootstrap import RESAMPLES

GIVEN, NOT_GIVEN = "given", "not given"

Mark = tuple[str, str, AbstractSet[str]]  # item id, annotator, reasons


@dataclass(frozen=True, slots=True)
class ReasonAgreement:
    """One reason. `given`: by how many (item, annotator), out of `marks`."""

    reason: str
    given: int
    marks: int
    summary: Summary


def reason_ratings(marks: Iterable[Mark]) -> dict[str, Ratings]:
    """Ratings GIVEN or NOT_GIVEN of each reason that anyone gave, by reason, sorted.

    An empty set counts: that annotator looked and gave no reason. Raises InputError for two
    different sets of one annotator on one item.
    """
    sets = by_item(
        ((item, annotator, frozenset(reasons)) for item, annotator, reasons in marks),
        "sets of reasons", shown=lambda some: ", ".join(sorted(some)) or "none",
    )  # fmt: skip
    said = [(item, who, some) for item, by_whom in sets.items() for who, some in by_whom.items()]
    return {
        reason: Ratings.of(
            (item, who, GIVEN if reason in some else NOT_GIVEN) for item, who, some in said
        )
        for reason in sorted({reason for *_, some in said for reason in some})
    }


def reason_agreement(
    marks: Iterable[Mark], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[ReasonAgreement]:
    """All statistics of each reason, the lowest Krippendorff's alpha first, undefined ones last,
    then by name. Raises InputError as `reason_ratings`."""
    found = []
    for reason, ratings in reason_ratings(marks).items():
        totals = dict(zip(ratings.categories, ratings.counts().sum(axis=0), strict=True))
        found.append(
            ReasonAgreement(
                reason,
                int(totals[GIVEN]),
                int(sum(totals.values())),
                summary(ratings, resamples=resamples, seed=seed),
            )
        )
    return sorted(found, key=_least_agreed_first)


def _least_agreed_first(one: ReasonAgreement) -> tuple[bool, float, str]:
    alpha = one.summary.alpha.value
    return alpha is None, alpha or 0.0, one.reason
