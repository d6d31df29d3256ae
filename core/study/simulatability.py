"""LAS, leakage-adjusted simulatability (Hase et al. 2020, arXiv 2010.04119): do a model's traces
help somebody who has read them to predict its answers, beyond giving them away?

A simulator predicts, for each label that was shown, whether the model answers it: from the text
(x), from the trace without its answer (e), or from both. A label leaks where e alone is enough.

    LAS = mean of the two groups (leaking, not leaking) of the mean of
          [right from x and e] - [right from x]                     in [-1, 1], higher is better

The simulator: a logistic regression a model over x = the label's cosine word and rank and the
words that it shares with the text, and e = the words of the trace's lines about that label, before
the answer. It is fitted to other documents than those it predicts (five folds by document). The
interval is a bootstrap over documents, with the predictions as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.distill.evidence import match, words_of
from core.metrics.bootstrap import macro_ratio_interval
from core.rerank.base import NEARNESS, Candidate
from core.traces.grammar import LineKind, read_lines

FOLDS = 5
SIMULATOR = "logistic regression over a label's rank, nearness, shared words and trace lines"
_FEATURES = 2**14

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one document's trace led to. `selected`: label ids that the answer names."""

    document_id: str
    text: str
    candidates: Sequence[Candidate]
    trace: str
    selected: frozenset[str]


@dataclass(frozen=True, slots=True)
class Simulatability:
    """`las` in [-1, 1], higher is better, with its 95% interval from `low` to `high`; all three
    None where one group is empty. `labels` that were predicted; `leaking`: the share of them that
    e gives away; `from_text`, `from_both`: shares predicted rightly from x, and from x and e."""

    las: float | None
    low: float | None
    high: float | None
    labels: int
    leaking: float
    from_text: float
    from_both: float


def simulatability(answers: Sequence[Answer]) -> Simulatability | None:
    """None where there are fewer documents than folds, or all answers are alike."""
    rows = [(answer, one) for answer in answers for one in answer.candidates]
    chosen = np.array([one.label_id in answer.selected for answer, one in rows])
    documents = sorted({answer.document_id for answer in answers})
    if len(documents) < FOLDS or chosen.all() or not chosen.any():
        return None
    fold = {document: at % FOLDS for at, document in enumerate(documents)}
    folds = np.array([fold[answer.document_id] for answer, _ in rows])
    words = {answer.document_id: words_of(answer.text) for answer in answers}
    from_text = [_of_text(answer, one, words[answer.document_id]) for answer, one in rows]
    from_trace = [_of_trace(answer, one) for answer, one in rows]
    both = [a + b for a, b in zip(from_text, from_trace, strict=True)]
    right = {
        name: _predicted(tokens, chosen, folds) == chosen
        for name, tokens in (("x", from_text), ("e", from_trace), ("both", both))
    }
    at = {document: row for row, document in enumerate(documents)}
    rows_of = np.array([at[answer.document_id] for answer, _ in rows])
    shares = (float(right[name].mean()) for name in ("e", "x", "both"))
    las, low, high = _adjusted(right["x"], right["e"], right["both"], rows_of)
    return Simulatability(las, low, high, len(rows), *shares)


def _adjusted(
    from_text: Flags, from_trace: Flags, from_both: Flags, documents: npt.NDArray[Any]
) -> tuple[float | None, float | None, float | None]:
    """LAS and its interval. `(labels,)` each: whether the prediction was right, and the row of its
    document."""
    if from_trace.all() or not from_trace.any():
        return None, None, None
    gain = from_both.astype(float) - from_text.astype(float)
    gains, counts = (np.zeros((documents.max() + 1, 2)) for _ in range(2))  # by document and group
    np.add.at(gains, (documents, from_trace.astype(int)), gain)
    np.add.at(counts, (documents, from_trace.astype(int)), 1)
    found = macro_ratio_interval(gains, counts)
    return found.value.item(), found.low.item(), found.high.item()


def _of_text(answer: Answer, one: Candidate, words: Sequence[Any]) -> list[str]:
    met = match(answer.text, words, one.name)
    rank = next(at for at, c in enumerate(answer.candidates) if c.label_id == one.label_id)
    nearness = one.nearness or NEARNESS[-1][1]
    found = [f"rank={rank}", f"near={nearness}", f"shared={min(len(met.found), 4)}"]
    return [*found, f"lacks={min(len(met.missing), 4)}"]


def _of_trace(answer: Answer, one: Candidate) -> list[str]:
    found = []
    for line in read_lines(answer.trace):
        if line.kind is LineKind.ANSWER:
            break
        if line.number == one.number:
            part = answer.trace[line.start : line.end].lower()
            found += [f"{line.kind.name}:{word}" for word in part.split()]
            found.append(line.kind.name)
    return found or ["unnamed"]


def _predicted(tokens: Sequence[Sequence[str]], chosen: Flags, folds: npt.NDArray[Any]) -> Flags:
    """Whether each label is answered, predicted by what was fitted to the other folds."""
    from sklearn.feature_extraction import (  # type: ignore[import-untyped]
        FeatureHasher,
    )
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    table = FeatureHasher(_FEATURES, input_type="string").transform(tokens)
    table = table[:, table.getnnz(axis=0) > 0]  # the others' weights are 0, but take their time
    found = np.zeros(len(chosen), dtype=bool)
    for fold in range(FOLDS):
        here, there = folds == fold, folds != fold
        if len(set(chosen[there])) < 2:
            found[here] = chosen[there][0]
            continue
        model = LogisticRegression(max_iter=1000).fit(table[there], chosen[there])
        found[here] = model.predict(table[here])
    return found
