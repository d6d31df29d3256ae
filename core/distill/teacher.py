"""The teacher: decisions and traces together, on lessons made from gold.

1. Warm-up: keep or drop after each label of the prompt, and the words of the trace, in which
   verdicts weigh more. Traces alone teach a small model the form long before the decisions;
   decisions alone, first, leave it without words (docs/protocol.md).
2. Calibration: on dev, the threshold of each dataset at which the decisions' F1 is best. A label is
   worth an answer long before it is more likely right than wrong, so right ones count more then.
3. The same on other lessons, with right labels counted so. Their shortlists hold, beside the right
   labels, those that the model itself now thinks likeliest: it can learn to list what it thinks
   likely, and what is not on the shortlist cannot be kept.
4. In its own words, on other lessons again: a trace lists the LISTED labels that its decisions hold
   likeliest, and keeps those above the threshold that is best on dev, right or wrong. Decisions go
   on being learned from gold.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.distill.decisions import Judged, best_threshold, decided, keep_weight
from core.distill.examples import Example, ExampleMaker
from core.distill.lessons import Rewriter, Taught
from core.distill.packed import hidden_states, in_passes
from core.distill.precision import precision_here, products_in
from core.distill.text_losses import decision_logits, decision_loss, trace_loss
from core.distill.training import (
    Losses,
    Plan,
    Training,
    adapter_state,
    is_finished,
    load_adapter_state,
)
from core.models.adapters import student_of, with_adapter
from core.models.local import LocalModel

DECISION_WEIGHT = 1.0  # of the decisions beside the trace
LISTED = 5  # labels on a shortlist in its own words. Of one length, and the likeliest first: where
# each label above a cut is listed in the order of retrieval, the number written next is the nearest
# one that may be meant, long before it is likelier than not, and nearly all are listed.
# The stages, as learning curves call them:
WARM_UP, CALIBRATED, OWN_WORDS = "warm-up", "calibrated", "own-words"

OnProgress = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class TeacherPlan:
    """Three trainings, one after the other."""

    warm_up: Plan
    calibrated: Plan
    own_words: Plan

    def stages(self) -> dict[str, Plan]:
        """By name, in order."""
        return {WARM_UP: self.warm_up, CALIBRATED: self.calibrated, OWN_WORDS: self.own_words}


class Teacher:
    """A teacher in the making: the model with its adapter, in one process."""

    def __init__(self, model: LocalModel, rank: int, alpha: int, seed: int) -> None:
        end = model.model.generation_config.eos_token_id
        self.maker = ExampleMaker(
            model.tokenizer, model.render, end[0] if isinstance(end, list) else end
        )
        whole = student_of(model.model, range(model.model.config.num_hidden_layers))
        self.model: Any = with_adapter(whole, rank, alpha, seed)
        self.keep_weights: dict[str, float] = {}  # by dataset, once they are calibrated
        self.cuts: dict[str, float] = {}  # by dataset: what was kept when traces became its words

    def examples(
        self, taught: Sequence[Taught], keep_weights: Mapping[str, float] | None = None
    ) -> list[Example]:
        """`keep_weights`: by dataset; 1 where none is given."""
        weights = keep_weights or {}
        return [
            self.maker.make(
                one.document.text, one.candidates, one.lesson, weights.get(one.dataset, 1.0)
            )
            for one in taught
        ]

    def train(
        self,
        folder: Path,
        plan: TeacherPlan,
        taught: Sequence[Taught],
        dev: Sequence[Taught],
        rewriter: Rewriter,
        on_progress: OnProgress = lambda stage, done, total: None,
        cancelled: Cancelled = lambda: False,
    ) -> bool:
        """All stages; False where cancelled. A finished stage is not done again.

        Each stage takes as many of `taught` as it has steps for, of those that are left, or from
        the first on where none is. `rewriter` writes their traces anew.
        """

        def trained(name: str, some: Sequence[Example]) -> bool:
            training = Training(
                folder / name, plan.stages()[name], self.model, some, self.lesson_losses
            )
            return training.run(
                lambda done, total: on_progress(f"Train: {name}", done, total), cancelled
            )

        def judged(some: Sequence[Taught]) -> list[Judged]:
            return self.judge(some, lambda done: on_progress("Weigh the labels", done, len(some)))

        def anew(
            name: str, some: Sequence[Taught], write: Callable[[list[Judged]], list[Taught]]
        ) -> Sequence[Taught]:
            """Their traces as `write` makes them of what the model thinks now: of a finished stage
            nobody reads them."""
            ids = [one.document.id for one in some]
            if is_finished(folder / name, plan.stages()[name], ids):
                return some
            return write(judged(some))

        first, second, third = _parts(taught, plan)
        if not trained(WARM_UP, self.examples(first)):
            return False
        on_progress("Calibrate on dev", 0, 0)
        self.keep_weights = self.calibrated(dev)
        listed = anew(
            CALIBRATED, second, lambda found: rewriter.relisted(second, [x.scores for x in found])
        )
        if not trained(CALIBRATED, self.examples(listed, self.keep_weights)):
            return False
        on_progress("Calibrate on dev", 0, 0)
        self.cuts = {name: best_threshold(self.judge(some)) for name, some in _by_dataset(dev)}

        def said(found: list[Judged]) -> list[Taught]:
            cuts = [self.cuts[one.dataset] for one in third]
            each = zip(found, cuts, strict=True)
            return rewriter.decided(third, [decided(x.scores, cut, LISTED) for x, cut in each])

        own = anew(OWN_WORDS, third, said)
        return trained(OWN_WORDS, self.examples(own, self.keep_weights))

    def calibrated(self, dev: Sequence[Taught]) -> dict[str, float]:
        """How much more right labels are to count, by dataset."""
        return {
            name: keep_weight(best_threshold(self.judge(some))) for name, some in _by_dataset(dev)
        }

    def lesson_losses(self, model: Any, examples: Sequence[Example]) -> list[Losses]:
        found = []
        for example, hidden in _read(model, examples):
            decide = decision_loss(self._decisions(model, hidden, example), example)
            trace = trace_loss(model, hidden, example)
            total = trace + DECISION_WEIGHT * decide
            found.append({"total": total, "L_cot": trace, "L_decide": decide})
        return found

    @torch.inference_mode()
    def judge(
        self, taught: Sequence[Taught], on_progress: Callable[[int], None] = lambda done: None
    ) -> list[Judged]:
        """The decisions on documents, read off their prompts."""
        found = []
        examples = self.examples(taught)
        prompts = [example.ids[: example.start] for example in examples]
        for places in in_passes(prompts):
            with products_in(precision_here(), self.model.device.type):
                states = hidden_states(self.model, [prompts[at] for at in places])
            for at, hidden in zip(places, states, strict=True):
                logits = self._decisions(self.model, hidden, examples[at])
                scores = logits.numpy().astype(np.float64)
                right = examples[at].keep.numpy().astype(bool)
                found.append(Judged(scores, right, len(set(taught[at].document.gold))))
            on_progress(len(found))
        return found

    def state(self) -> dict[str, torch.Tensor]:
        return adapter_state(self.model)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        load_adapter_state(self.model, state)

    def _decisions(self, model: Any, hidden: torch.Tensor, example: Example) -> torch.Tensor:
        return decision_logits(model, hidden, example, self.maker.keep, self.maker.drop)


def _parts(taught: Sequence[Taught], plan: TeacherPlan) -> list[Sequence[Taught]]:
    """The lessons of each stage."""
    parts, start = [], 0
    for stage in plan.stages().values():
        count = stage.steps * stage.batch
        parts.append((taught[start:] or taught)[:count])
        start += count
    return parts


def _by_dataset(taught: Sequence[Taught]) -> list[tuple[str, list[Taught]]]:
    names = dict.fromkeys(one.dataset for one in taught)
    return [(name, [one for one in taught if one.dataset == name]) for name in names]


def _read(model: Any, examples: Sequence[Example]) -> Iterator[tuple[Example, torch.Tensor]]:
    """Each example with its last hidden states."""
    states = hidden_states(model, [example.ids for example in examples])
    return zip(examples, states, strict=True)


def by_cosine(taught: Sequence[Taught]) -> list[Judged]:
    """The same decisions with the cosine to the text as their score: the baseline."""
    return [
        Judged(
            np.array(one.cosines),
            np.array([c.number in one.lesson.right for c in one.candidates]),
            len(set(one.document.gold)),
        )
        for one in taught
    ]
