"""A relevance score for every candidate, from the model's own probabilities.

The model is asked of each candidate whether the text is about it, and

    score = P(true) / (P(true) + P(false)),   in [0, 1], higher = more relevant

is read from the probabilities of its first answer token ("True" and "true" together, so
"False"). The text and the question are the same for all candidates and are computed once.

The question is the one of six that ordered dev documents best with the packaged 135M model,
which orders worse than the retrieval cosine all the same (`phaselens eval` shows both).
Its scores are a weak signal, shown as they are.
"""

from collections.abc import Sequence
from math import exp

from core.models.base import LanguageModel
from core.rerank.base import Candidate, Decoding, Mode
from core.rerank.prompts import fit_document

SCORE_PROMPT = """\
Text: {document}
The text is about "{candidates}". True or false?"""

TRUE, FALSE = ("True", "true"), ("False", "false")


class Scorer:
    """Scores candidates with a model that gives probabilities."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model

    def score(
        self, document_text: str, candidates: Sequence[Candidate], mode: Mode = Mode.FAST
    ) -> list[float] | None:
        """One score in [0, 1] a candidate, in their order; None where the model gives no
        probabilities (endpoints). Raises ModelError, InputError."""
        found = self.log_probabilities(document_text, candidates, mode)
        if found is None:
            return None
        return [relevance(row[: len(TRUE)], row[len(TRUE) :]) for row in found]

    def log_probabilities(
        self, document_text: str, candidates: Sequence[Candidate], mode: Mode = Mode.FAST
    ) -> list[list[float]] | None:
        """log P of each word of TRUE and then of FALSE, a row a candidate; else as `score`."""
        if not candidates:
            return []
        longest = max(candidates, key=lambda c: self.model.count_tokens(c.name) or len(c.name))
        fitted, _ = fit_document(
            self.model, SCORE_PROMPT, document_text, [longest], Decoding(max_new_tokens=16)
        )
        before, after = SCORE_PROMPT.split("{candidates}")
        ends = [" ".join(candidate.name.split()) + after for candidate in candidates]
        shared = before.replace("{document}", fitted)
        return self.model.log_probabilities(shared, ends, (*TRUE, *FALSE), mode)


def relevance(true: Sequence[float], false: Sequence[float]) -> float:
    """P(true) / (P(true) + P(false)) from natural-log probabilities, shifted to stay in range."""
    top = max(*true, *false)
    p_true = sum(exp(value - top) for value in true)
    p_false = sum(exp(value - top) for value in false)
    return p_true / (p_true + p_false)
