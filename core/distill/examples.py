"""A lesson in tokens: what a model reads, and what of it is to be learned how much.

prompt    Text: ... Labels: 1. <name> (near):     after each label's colon stands a decision,
          2. <name> (far):                        keep or drop, that is never written: it is
trace     Shortlist: ...                          read off the logits of the two words there
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from core.distill.supervision import Lesson
from core.errors import ModelError
from core.rerank.base import Candidate
from core.rerank.prompts import RATED_PROMPT, build_prompt, rated_lines

VERDICT_WEIGHT = 5.0  # of a verdict's tokens, the answer's numbers and what tells whether a label
# is listed, where others have 1, and
COPIED_WEIGHT = 0.5  # of what is copied once a number is chosen
KEEP, DROP = " keep", " drop"


@dataclass(frozen=True, slots=True)
class Example:
    """`ids` `(tokens,)`: the prompt, then from `start` on the trace and the end. `weights`
    `(tokens,)`: how much each token counts as one to be predicted, 0 in the prompt. `decisions`
    `(candidates,)`: the place of each label's colon; `keep` `(candidates,)`: 1.0 where it is right.
    """

    document_id: str
    ids: torch.Tensor
    start: int
    weights: torch.Tensor
    decisions: torch.Tensor
    keep: torch.Tensor


class ExampleMaker:
    """Makes examples for one tokenizer; `render` puts a prompt into the model's chat template."""

    def __init__(self, tokenizer: Any, render: Any, end: int) -> None:
        self.tokenizer, self.render, self.end = tokenizer, render, end
        self.keep, self.drop = (self._one_token(word) for word in (KEEP, DROP))

    def make(self, text: str, candidates: Sequence[Candidate], lesson: Lesson) -> Example:
        """The example of a document. Raises ModelError where the prompt cannot be followed."""
        rendered = self.render(build_prompt(RATED_PROMPT, text, candidates))
        prompt, spans = self._tokens(rendered)
        trace, places = self._tokens(lesson.trace)
        ids = [*prompt, *trace, self.end]
        weights = [0.0] * len(prompt) + [self._weight(lesson, a, b) for a, b in places] + [1.0]
        colons = self._colons(rendered, candidates)
        ends = {end: at for at, (_, end) in enumerate(spans)}
        if not all(colon in ends for colon in colons):
            raise ModelError(
                "The tokenizer joins a label's colon with what follows it.",
                "Use another model: decisions are read off after the colon.",
            )
        return Example(
            lesson.document_id,
            torch.tensor(ids),
            len(prompt),
            torch.tensor(weights),
            torch.tensor([ends[colon] for colon in colons]),
            torch.tensor([float(c.number in lesson.right) for c in candidates]),
        )

    def _weight(self, lesson: Lesson, start: int, end: int) -> float:
        decided = [*((a, b) for _, a, b in lesson.verdicts), *lesson.choices]
        if end > lesson.answer or any(a < end and start < b for a, b in decided):
            return VERDICT_WEIGHT
        inside = any(a <= start and end <= b for a, b in lesson.copied)
        return COPIED_WEIGHT if inside else 1.0

    def _colons(self, rendered: str, candidates: Sequence[Candidate]) -> list[int]:
        """Characters after each label's colon, in the prompt as rendered."""
        at = rendered.rindex(self.render_of(rated_lines(candidates)))
        found = []
        for line in self.render_of(rated_lines(candidates)).split("\n"):
            at += len(line)
            found.append(at)
            at += 1
        return found

    def render_of(self, part: str) -> str:
        """A part of a prompt as it stands in the rendered one: special tokens are broken up."""
        whole = self.render(part)
        alone = self.render("")
        start = next((n for n, (a, b) in enumerate(zip(whole, alone, strict=False)) if a != b), 0)
        return str(whole[start : len(whole) - (len(alone) - start)])

    def _tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return list(found["input_ids"]), [(a, b) for a, b in found["offset_mapping"]]

    def _one_token(self, word: str) -> int:
        ids = self.tokenizer(word, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            raise ModelError(
                f"The tokenizer has no token for {word!r}.", "Use a model whose tokenizer has one."
            )
        return int(ids[0])
