"""The final ranking of all retrieved labels, each with what put it there."""

from collections.abc import Sequence

from core.rerank.base import Candidate, Parsed, PlacedBy, Prediction, RankedLabel
from core.shortlist.base import Shortlist


def predict(
    shortlist: Shortlist,
    candidates: Sequence[Candidate],
    parsed: Parsed,
    scores: Sequence[float] | None,
) -> Prediction:
    """Answered labels first, in the answer's order; then shown ones by score, best first; then
    the rest as retrieved. Without scores, all that was not answered stays as retrieved.

    `scores`: one in [0, 1] a candidate, in their order, or None.
    """
    score_of: dict[str, float] = {}
    if scores is not None:
        score_of = {c.label_id: s for c, s in zip(candidates, scores, strict=True)}
    rows = {row.label_id: row for row in shortlist.rows}
    answered = [label_id for label_id in parsed.answer or () if label_id in rows]
    left = [label_id for label_id in rows if label_id not in set(answered)]
    scored = sorted((i for i in left if i in score_of), key=lambda i: -score_of[i])  # stable
    completed = [label_id for label_id in left if label_id not in score_of]
    placed = [
        *((label_id, PlacedBy.ANSWER) for label_id in answered),
        *((label_id, PlacedBy.SCORE) for label_id in scored),
        *((label_id, PlacedBy.COMPLETED) for label_id in completed),
    ]
    ranking = tuple(
        RankedLabel(
            label_id, rows[label_id].name, rank, by, score_of.get(label_id), rows[label_id].cosine
        )
        for rank, (label_id, by) in enumerate(placed, start=1)
    )
    return Prediction(ranking, tuple(answered), parsed.bucket, parsed.why)
