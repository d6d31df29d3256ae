"""The teacher: decisions and traces together, on lessons made from gold.

1. Warm-up: keep or drop after each label of the prompt, and the words of the trace, in which
   verdicts weigh more. Traces alone teach a small model the form long before the decisions;
   decisions alone, first, leave it without words (docs/protocol.md).
2. Calibration: on dev, the threshold of each dataset at which the decisions' F1 is best. A label is
   worth an answer long before it is more likely right than wrong, so right ones count more then.
3. The same on other lessons, with right labels counted so, and with longer shortlists: what is not
   on the shortlist cannot be kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.distill.decisions import Judged, best_threshold, keep_weight
from core.distill.examples import Example, ExampleMaker
from core.distill.lessons import Taught
from core.distill.packed import hidden_states, in_passes
from core.distill.precision import precision_here, products_in
from core.distill.text_losses import decision_logits, decision_loss, trace_loss
from core.distill.training import Losses, Plan, Training, adapter_state, load_adapter_state
from core.models.adapters import student_of, with_adapter
from core.models.local import LocalModel

DECISION_WEIGHT = 1.0  # of the decisions beside the trace
WARM_UP, CALIBRATED = "warm-up", "calibrated"  # the stages, as learning curves call them

OnProgress = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class TeacherPlan:
    """Two trainings, one after the other."""

    warm_up: Plan
    traces: Plan


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
        wide: Sequence[Taught],
        dev: Sequence[Taught],
        on_progress: OnProgress = lambda stage, done, total: None,
        cancelled: Cancelled = lambda: False,
    ) -> bool:
        """Both stages; False where cancelled. A finished stage is not done again.

        The warm-up takes as many of `taught` as it has steps for; the second stage those that are
        left, or all where none is, as `wide` has them: the same documents with long shortlists.
        """

        def trained(name: str, stage: Plan, some: Sequence[Example]) -> bool:
            training = Training(folder / name, stage, self.model, some, self.lesson_losses)
            return training.run(
                lambda done, total: on_progress(f"Train: {name}", done, total), cancelled
            )

        first = plan.warm_up.steps * plan.warm_up.batch
        if not trained(WARM_UP, plan.warm_up, self.examples(taught[:first])):
            return False
        on_progress("Calibrate on dev", 0, 0)
        self.keep_weights = self.calibrated(dev)
        examples = self.examples(wide[first:] or wide, self.keep_weights)
        return trained(CALIBRATED, plan.traces, examples)

    def calibrated(self, dev: Sequence[Taught]) -> dict[str, float]:
        """How much more right labels are to count, by dataset."""
        parts: dict[str, list[Taught]] = {}
        for one in dev:
            parts.setdefault(one.dataset, []).append(one)
        return {
            dataset: keep_weight(best_threshold(self.judge(some)))
            for dataset, some in parts.items()
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
    def judge(self, taught: Sequence[Taught]) -> list[Judged]:
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
        return found

    def state(self) -> dict[str, torch.Tensor]:
        return adapter_state(self.model)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        load_adapter_state(self.model, state)

    def _decisions(self, model: Any, hidden: torch.Tensor, example: Example) -> torch.Tensor:
        return decision_logits(model, hidden, example, self.maker.keep, self.maker.drop)


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
