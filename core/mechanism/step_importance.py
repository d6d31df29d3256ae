"""How much each step of a trace matters for the answer: what leaving it out changes.

The model's probability of each label as the answer is read after the whole trace, and again without
one step at a time. A step's importance is the total variation distance between the two, over the
labels shown: the share of probability that moves, in [0, 1]; 0 = the answer does not depend on it.
After Bogdan et al., "Thought Anchors" (arXiv 2506.19143), whose counterfactuals are resampled; here
the step is left out, which one pass tells.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp

import torch

from core.errors import InputError
from core.mechanism.analysis import Inside, answer_text, shared_start
from core.mechanism.effects import LabelScores
from core.mechanism.positions import Example, Span, tokenize
from core.mechanism.request import PatchKind
from core.mechanism.runs import Past, embed, prefix, run

Told = Callable[[int, int], None]
Asked = Callable[[], bool]


def step_importance(
    inside: Inside,
    example: Example,
    steps: Sequence[Span],
    tell: Told = lambda done, total: None,
    cancelled: Asked = lambda: False,
) -> tuple[float, ...] | None:
    """One value a step, in their order; 0 for steps in the answer itself; None when cancelled.

    `steps`: characters of the trace. Raises InputError where no labels were shown, or prompt and
    trace are longer than the model reads.
    """
    if not example.candidates:
        raise InputError(
            "There are no candidates to score: it is not known which labels the model was shown.",
            "Import the trace with its candidates.",
        )
    before = answer_text(example.trace.text)
    scorer = _Scorer(inside, example)
    whole = scorer.shares(before)
    found = []
    for at, (start, end) in enumerate(steps):
        if cancelled():
            return None
        tell(at, len(steps))
        if end > len(before) or not example.trace.text[start:end].strip():
            found.append(0.0)
            continue
        without = scorer.shares(before[:start] + before[end:])
        found.append(0.5 * sum(abs(whole[label] - without[label]) for label in whole))
    return tuple(found)


class _Scorer:
    """The share of each label as the answer after texts that begin with one prompt."""

    def __init__(self, inside: Inside, example: Example) -> None:
        self._inside, self._example = inside, example
        ids = inside.token_ids
        endings = {c.label_id: tuple(ids(f" {c.number}")) for c in example.candidates}
        shared = shared_start(list(endings.values()))
        self._asked = next(iter(endings.values()))[:shared]
        self._endings = {label: ending[shared:] for label, ending in endings.items()}
        prompt = tokenize(inside.model.tokenizer, example.rendered, "").ids
        self._past: Past = prefix(inside.architecture, prompt)

    def shares(self, text: str) -> Mapping[str, float]:
        """By label, adding up to 1."""
        tokens = tokenize(self._inside.model.tokenizer, self._example.rendered, text)
        ids = (*tokens.ids, *self._asked)
        limit = self._inside.model.context_tokens
        if limit is not None and len(ids) > limit:
            raise InputError(
                f"Prompt and trace have {len(ids):,} tokens; the model reads {limit:,}.",
                "Open a shorter trace.",
            )
        after = ids[tokens.prompt_tokens :]  # prompt and trace are tokenized apart
        scores = label_scores(self._inside, after, self._past, self._endings).scores
        highest = max(score for _, score in scores)
        weights = {label: exp(score - highest) for label, score in scores}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}


@torch.no_grad()
def label_scores(
    inside: Inside,
    ids: Sequence[int],
    past: Past,
    endings: Mapping[str, Sequence[int]],
) -> LabelScores:
    """Log-probability of each label's tokens after `past` and `ids`."""
    architecture = inside.architecture
    text = run(
        architecture, embed(architecture, ids), past, PatchKind.OUTPUT, logits_at=[len(ids) - 1]
    )
    first = text.logits[0, -1].float().log_softmax(-1)
    found = {label: float(first[tokens[0]]) for label, tokens in endings.items()}
    for label, tokens in endings.items():
        if len(tokens) > 1:
            given = embed(architecture, tokens[:-1])
            at = range(len(tokens) - 1)
            more = run(architecture, given, text.past, PatchKind.OUTPUT, logits_at=at)
            after = more.logits[0].float().log_softmax(-1)
            found[label] += float(after[at, list(tokens[1:])].sum())
    return LabelScores.of(found, endings, (), (), exclusive=True)
