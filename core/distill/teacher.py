"""The teacher: decisions and traces together, in two trainings.

1. Warm-up, on lessons from gold: keep or drop after each label of the prompt, and the words of the
   trace, in which decisions weigh more. Traces alone teach a small model the form long before the
   decisions; decisions alone, first, leave it without words (docs/protocol.md).
2. Its own words, on other documents: a trace lists and keeps what the model itself decided after
   the labels of the prompt, right or wrong, above the thresholds that are best on dev. Which label
   is right can be told only in part by who writes a trace; what was decided can be looked up.
   Decisions go on being learned from gold.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.distill.decisions import Cuts, Judged, cuts_of, decided
from core.distill.examples import Example, ExampleMaker
from core.distill.lessons import Rewriter, Taught
from core.distill.packed import hidden_states, in_passes
from core.distill.precision import precision_here, products_in
from core.distill.text_losses import decision_logits, decision_loss, trace_loss
from core.distill.training import Losses, Plan, Training, is_finished
from core.models.adapters import student_of, with_adapter
from core.models.local import LocalModel

DECISION_WEIGHT = 1.0  # of the decisions beside the trace
LISTED = 4.0  # labels on a shortlist in its own words, in the mean
WARM_UP, OWN_WORDS = "warm-up", "own-words"  # the trainings, as learning curves call them

OnProgress = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Told:
    """How a training tells what it does, and asks whether to stop."""

    on_progress: OnProgress = lambda stage, done, total: None
    cancelled: Cancelled = lambda: False


class Teacher:
    """A teacher in the making: the model with its adapter, in one process."""

    def __init__(self, model: LocalModel, rank: int, alpha: int, seed: int) -> None:
        end = model.model.generation_config.eos_token_id
        self.maker = ExampleMaker(
            model.tokenizer, model.render, end[0] if isinstance(end, list) else end
        )
        whole = student_of(model.model, range(model.model.config.num_hidden_layers))
        self.model: Any = with_adapter(whole, rank, alpha, seed)

    def examples(self, taught: Sequence[Taught]) -> list[Example]:
        return [self.maker.make(one.document.text, one.candidates, one.lesson) for one in taught]

    def warm_up(self, folder: Path, plan: Plan, taught: Sequence[Taught], told: Told) -> bool:
        """On lessons from gold; False where cancelled."""
        return self._train(folder / WARM_UP, plan, taught, told)

    def put_into_words(
        self,
        folder: Path,
        plan: Plan,
        taught: Sequence[Taught],
        dev: Sequence[Taught],
        rewriter: Rewriter,
        told: Told,
    ) -> dict[str, Cuts] | None:
        """On traces that say what the model decides now: `rewriter` writes those of `taught` anew.
        Gives where decisions were cut, by dataset; None where cancelled."""
        cuts = {}
        for name, some in _by_dataset(dev):
            cuts[name] = cuts_of(self._weighed(some, told), LISTED)
        own = taught
        ids = [one.document.id for one in taught]
        if not is_finished(folder / OWN_WORDS, plan, ids):  # else nobody reads them
            weighed = zip(taught, self._weighed(taught, told), strict=True)
            own = [
                rewriter.decided(one, decided(found.scores, cuts[one.dataset]))
                for one, found in weighed
            ]
        return cuts if self._train(folder / OWN_WORDS, plan, own, told) else None

    def _train(self, folder: Path, plan: Plan, taught: Sequence[Taught], told: Told) -> bool:
        training = Training(folder, plan, self.model, self.examples(taught), self.lesson_losses)
        stage = f"Train: {folder.name}"
        return training.run(
            lambda done, total: told.on_progress(stage, done, total), told.cancelled
        )

    def _weighed(self, some: Sequence[Taught], told: Told) -> list[Judged]:
        return self.judge(some, lambda done: told.on_progress("Weigh the labels", done, len(some)))

    def lesson_losses(
        self, model: Any, examples: Sequence[Example], _along: float = 0.0
    ) -> list[Losses]:
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
                scores = logits.cpu().numpy().astype(np.float64)
                right = examples[at].keep.numpy().astype(bool)
                found.append(Judged(scores, right, len(set(taught[at].document.gold))))
            on_progress(len(found))
        return found

    def _decisions(self, model: Any, hidden: torch.Tensor, example: Example) -> torch.Tensor:
        return decision_logits(model, hidden, example, self.maker.keep, self.maker.drop)


def parted(taught: Sequence[Taught], plans: Sequence[Plan]) -> list[Sequence[Taught]]:
    """The lessons of trainings that come one after the other: as many as each has steps for, of
    those that are left, or from the first on where none is."""
    parts, start = [], 0
    for plan in plans:
        count = plan.steps * plan.batch
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
