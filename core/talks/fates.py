"""What became of a gold label, in a sentence that a room understands at once."""

from core.rerank.base import Fate, GoldFate

_WHY = {
    Fate.SELECTED: "The answer names it.",
    Fate.NOT_IN_VOCABULARY: "The label space does not have it, so nothing could find it.",
    Fate.ENCODER_MISS: "Not among the labels retrieved, even by exact search.",
    Fate.INDEX_MISS: "Near enough, but the index skipped it.",
    Fate.NOT_SHOWN: "It was not among the labels that the model saw.",
    Fate.DROPPED_IN_SHORTLISTING: "Shown to the model, which never named it.",
    Fate.DROPPED_IN_REASONING: "Named by the model, then dropped or not kept.",
    Fate.LOST_IN_PARSING: "Kept in the text, but missing from the answer.",
}


def why(one: GoldFate, k: int | None, n: int | None) -> str:
    """`k` labels were retrieved and `n` of them shown; None where that is not known."""
    if one.fate is Fate.ENCODER_MISS and one.exact_rank is not None and k is not None:
        return f"By exact search at rank {one.exact_rank:,}; {k:,} were retrieved."
    if one.fate is Fate.INDEX_MISS and one.exact_rank is not None:
        return f"By exact search at rank {one.exact_rank:,}, but the index skipped it."
    if one.fate is Fate.NOT_SHOWN and one.rank is not None and n is not None:
        return f"Retrieved at rank {one.rank:,}; the model saw {n:,}."
    return _WHY[one.fate]
