"""What a teacher must beat: the shown labels chosen by their cosine to the text, or by the untuned
model's Scorer. Each rule's number is chosen on dev; its scores are those of test documents.

    top          the n labels nearest to the text
    threshold    the labels whose cosine lies above a threshold
    scorer       the labels that the untuned model's Scorer rates above a threshold
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.distill.decisions import (
    Chosen,
    Judged,
    best_threshold,
    best_top,
    f1_of,
    kept_above,
    kept_top,
)
from core.distill.lessons import Taught
from core.distill.teacher import by_cosine
from core.models.base import LanguageModel
from core.rerank.base import Mode
from core.rerank.scorer import Scorer

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


def baselines(
    base: LanguageModel,
    dev: Sequence[Taught],
    test: Sequence[Taught],
    report: Report,
    cancelled: Cancelled,
) -> dict[str, Any] | None:
    """For each rule its number, and example-based F1 of each test document by id; None where
    cancelled. Raises ModelError."""
    cosine = (by_cosine(dev), by_cosine(test))
    scored = []
    for name, some in (("dev", dev), ("test", test)):
        judged = _by_scorer(base, some, name, report, cancelled)
        if judged is None:
            return None
        scored.append(judged)
    n = best_top(cosine[0])
    threshold, of_scorer = best_threshold(cosine[0]), best_threshold(scored[0])
    ids = [one.document.id for one in test]

    def by_document(kept: Callable[[Judged], Chosen], judged: Sequence[Judged]) -> dict[str, float]:
        return {d: f1_of(one, kept(one)) for d, one in zip(ids, judged, strict=True)}

    return {
        "top": {"n": n, "f1": by_document(lambda one: kept_top(one, n), cosine[1])},
        "threshold": {
            "threshold": threshold,
            "f1": by_document(lambda one: kept_above(one, threshold), cosine[1]),
        },
        "scorer": {
            "threshold": of_scorer,
            "f1": by_document(lambda one: kept_above(one, of_scorer), scored[1]),
        },
    }


def _by_scorer(
    base: LanguageModel, taught: Sequence[Taught], name: str, report: Report, cancelled: Cancelled
) -> list[Judged] | None:
    scorer, found = Scorer(base), []
    for at, (one, known) in enumerate(zip(taught, by_cosine(taught), strict=True)):
        if cancelled():
            return None
        report(f"Score {name} with the untuned model", at, len(taught))
        scores = scorer.score(one.document.text, one.candidates, Mode.REFERENCE)
        found.append(Judged(np.array(scores or ()), known.right, known.gold))
    return found
