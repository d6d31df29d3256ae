"""Where each gold label was lost: exactly one fate a label, decided in the order of the pipeline.

1. not in the vocabulary: the dataset has no such label
2. encoder miss: not retrieved, and its exact rank is beyond k: perfect search would not have
   found it either
3. index miss: not retrieved, though its exact rank is within k
4. not shown: retrieved, but below the n candidates that the model saw
5. selected: in the model's answer
6. lost in parsing: the model kept it in a verdict, but the answer lacks it
7. dropped in reasoning: named by the model, and then dropped or left without a verdict
8. dropped in shortlisting: shown, never named, without a verdict

The exact rank is that of the method that made the shortlist, with exact search in the place of
HNSW (Retriever.gold_ranks). So with fusion an encoder miss is a label that vectors and words
together do not bring within k, and an index miss one that they would, had HNSW not lost it.
Search by words alone is exact: what it lacks is always an encoder miss.
"""

from collections.abc import Sequence

from core.rerank.base import Candidate, Fate, GoldFate, Parsed, Verdict
from core.shortlist.base import GoldRank, Method, Shortlist


def fate_of_gold(
    gold: Sequence[GoldRank],
    shortlist: Shortlist,
    candidates: Sequence[Candidate],
    parsed: Parsed,
) -> tuple[GoldFate, ...]:
    """The fate of each gold label, in the order given.

    A gold label that a partial index has not encoded yet (no exact rank) counts as an index
    miss: nothing is known of what the encoder would have done. Where the model contradicts
    itself, its last verdict on a label holds.
    """
    ranks = {row.label_id: row.rank for row in shortlist.rows}
    shown = {candidate.label_id for candidate in candidates}
    return tuple(
        GoldFate(
            label_id=label.label_id,
            name=label.name,
            fate=_fate(label, shortlist, ranks.get(label.label_id), shown, parsed),
            rank=ranks.get(label.label_id),
            exact_rank=label.exact_rank,
        )
        for label in gold
    )


def _fate(
    label: GoldRank, shortlist: Shortlist, rank: int | None, shown: set[str], parsed: Parsed
) -> Fate:
    if not label.in_vocabulary:
        return Fate.NOT_IN_VOCABULARY
    if rank is None:
        beyond = label.exact_rank is not None and label.exact_rank > shortlist.k
        beyond = beyond or shortlist.method == Method.LEXICAL
        return Fate.ENCODER_MISS if beyond else Fate.INDEX_MISS
    if label.label_id not in shown:
        return Fate.NOT_SHOWN
    return _fate_among_shown(label.label_id, parsed)


def _fate_among_shown(label_id: str, parsed: Parsed) -> Fate:
    if label_id in (parsed.answer or ()):
        return Fate.SELECTED
    verdict = dict(parsed.verdicts).get(label_id)
    if verdict is Verdict.KEEP:
        return Fate.LOST_IN_PARSING
    if verdict is Verdict.DROP or label_id in parsed.shortlisted:
        return Fate.DROPPED_IN_REASONING
    return Fate.DROPPED_IN_SHORTLISTING
