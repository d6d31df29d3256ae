"""Trains a low-rank adapter on examples; killed at any moment, it goes on to the same weights.

A step takes `batch` examples, as many in a pass as fit (core/distill/packed.py), adds up their
gradients, and moves the adapter once (AdamW; the learning rate rises in the first 5% of the steps
and falls along a cosine to a tenth). A checkpoint holds the adapter, the optimizer and the step:
what comes after depends on nothing else, so on one thread a resumed training ends with the very
weights of an unbroken one. Several processes share the batches (core/distill/crew.py).
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from core.atomic import new_file, write_text
from core.distill.crew import Crew, crew
from core.distill.examples import Example
from core.distill.packed import in_passes
from core.distill.precision import Precision, frozen_in, products_in

CHECKPOINT, CURVES = "checkpoint.pt", "curves.jsonl"
WARM_UP = 0.05
LEAST_RATE = 0.1  # of the learning rate, at the end
CLIP = 1.0

Losses = dict[str, torch.Tensor]  # by name; "total" is the one whose gradient is taken
# Of each example; the number is the share of the steps that are done, in [0, 1).
LossOf = Callable[[Any, Sequence[Example], float], list[Losses]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides a training beside its examples: all of it is in the adapter's provenance."""

    steps: int
    batch: int = 8
    learning_rate: float = 5e-4
    weight_decay: float = 0.0
    rank: int = 16
    alpha: int = 32
    seed: int = 0
    checkpoint_every_s: float = 120.0
    precision: Precision = Precision.FLOAT32


@dataclass
class Training:
    """One training, in a folder of its own."""

    folder: Path
    plan: Plan
    model: Any  # with an adapter whose parameters alone ask for gradients
    examples: Sequence[Example]
    loss_of: LossOf
    identity: str = ""  # of what decides it beside plan and documents; "": nothing does
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    compute_seconds: float = 0.0  # of all processor cores; on a card, as `seconds`
    _optimizer: Any = field(init=False)
    _crew: Crew = field(default_factory=crew)

    def __post_init__(self) -> None:
        moved = [p for p in self.model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            moved, lr=self.plan.learning_rate, weight_decay=self.plan.weight_decay
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._load()

    def run(
        self,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Trains to the end of the plan (True), or until cancelled, with a checkpoint (False)."""
        with frozen_in(self.plan.precision, self.model):
            return self._trained(on_progress, cancelled)

    def _trained(
        self, on_progress: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> bool:
        self.model.train()
        saved = time.monotonic()
        on_progress(self.step, self.plan.steps)
        while self.step < self.plan.steps:
            if cancelled():
                self.save()
                return False
            self._note(self._one_step())
            on_progress(self.step, self.plan.steps)
            if time.monotonic() - saved > self.plan.checkpoint_every_s:
                self.save()
                saved = time.monotonic()
        self.save()
        self.model.eval()
        return True

    def _one_step(self) -> dict[str, float]:
        started, computed = time.perf_counter(), self._computed()
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * rate_at(self.step, self.plan.steps)
        self._optimizer.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        batch = list(self._batch())
        for some, counts in self._passes(batch):
            with products_in(self.plan.precision, self.model.device.type):
                found = self.loss_of(self.model, some, self.step / self.plan.steps)
            total = torch.stack([losses["total"] for losses in found]).sum() / self.plan.batch
            (total * counts).backward()  # type: ignore[no-untyped-call]
            for losses in found if counts else ():
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(value.detach()) / self.plan.batch
        self.tokens += sum(len(example.ids) for example in batch)
        sums = added(self._crew.gather(sums))
        moved = [p for group in self._optimizer.param_groups for p in group["params"]]
        self._crew.sum_gradients(moved)
        sums["gradient"] = float(torch.nn.utils.clip_grad_norm_(moved, CLIP))
        self._optimizer.step()
        self.step += 1
        self.seconds += time.perf_counter() - started
        self.compute_seconds += self._computed() - computed
        return sums

    def _passes(self, batch: Sequence[Example]) -> Iterator[tuple[list[Example], bool]]:
        """This process's share of a batch, pass by pass, and whether the pass counts: where all
        must make as many, some are made for company."""
        own = self._crew.share(batch)
        together = in_passes([example.ids for example in own], self._crew.pass_tokens(self.model))
        passes = [[own[at] for at in places] for places in together]
        company = 0
        if self._crew.lockstep:  # agreed on before the first pass: a pass is a meeting of all
            company = max(self._crew.gather(len(passes))) - len(passes)
        yield from ((some, True) for some in passes)
        yield from (([batch[0]], False) for _ in range(company))

    def _computed(self) -> float:
        """Seconds of work: neither waiting nor other programs count."""
        on_processor = self.model.device.type == "cpu"
        return time.process_time() if on_processor else time.perf_counter()

    def _batch(self) -> Iterator[Example]:
        first = self.step * self.plan.batch
        for place in range(first, first + self.plan.batch):
            epoch, at = divmod(place, len(self.examples))
            yield self.examples[order(len(self.examples), self.plan.seed, epoch)[at]]

    def _note(self, sums: dict[str, float]) -> None:
        """A line of the learning curves; of a resumed training, lines after the checkpoint were
        cut away when it was loaded."""
        if not self._crew.first:
            return
        row = {"step": self.step, "tokens": self.tokens, "seconds": round(self.seconds, 2), **sums}
        with (self.folder / CURVES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def save(self) -> None:
        if not self._crew.first:
            return
        state = {
            "plan": _as_data(self.plan),
            "examples": [one.document_id for one in self.examples],
            "identity": self.identity,
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "compute_seconds": self.compute_seconds,
            "adapter": adapter_state(self.model),
            "optimizer": self._optimizer.state_dict(),
        }
        with new_file(self.folder / CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def _load(self) -> None:
        """Takes up a checkpoint of the same plan, examples and identity; another one's is left
        aside."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            self._cut(0)
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        ids = [one.document_id for one in self.examples]
        same = _is_of(state, self.plan, ids) and state.get("identity", "") == self.identity
        if not same:
            if self._crew.first:
                path.replace(path.with_suffix(".other.pt"))
            self._cut(0)
            return
        self.step, self.tokens = state["step"], state["tokens"]
        self.seconds, self.compute_seconds = state["seconds"], state["compute_seconds"]
        load_adapter_state(self.model, state["adapter"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._cut(self.step)

    def _cut(self, step: int) -> None:
        if not self._crew.first:
            return
        path = self.folder / CURVES
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        lines = text.splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]  # a kill may have torn the last one
        write_text(path, "".join(line for line in whole if json.loads(line)["step"] <= step))


def is_finished(folder: Path, plan: Plan, document_ids: Sequence[str]) -> bool:
    """Whether the training of that plan on these documents has come to its end in that folder."""
    path = folder / CHECKPOINT
    if not path.exists():
        return False
    state = torch.load(path, map_location="cpu", weights_only=True)
    return _is_of(state, plan, document_ids) and bool(state["step"] >= plan.steps)


def _is_of(state: dict[str, Any], plan: Plan, document_ids: Sequence[str]) -> bool:
    same = {**state["plan"], "checkpoint_every_s": plan.checkpoint_every_s} == _as_data(plan)
    return same and state["examples"] == list(document_ids)


def _as_data(plan: Plan) -> dict[str, Any]:
    return {**asdict(plan), "precision": plan.precision.value}


def added(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """Sums by name."""
    found: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            found[name] = found.get(name, 0.0) + value
    return found


def rate_at(step: int, steps: int) -> float:
    """The share of the learning rate at a step, in (0, 1]."""
    rising = max(int(steps * WARM_UP), 1)
    if step < rising:
        return (step + 1) / rising
    along = (step - rising) / max(steps - rising, 1)
    return LEAST_RATE + (1 - LEAST_RATE) * (1 + math.cos(math.pi * along)) / 2


def order(examples: int, seed: int, epoch: int) -> list[int]:
    """The order of the examples in an epoch; the same in every process."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    return torch.randperm(examples, generator=generator).tolist()


def adapter_state(model: Any) -> dict[str, torch.Tensor]:
    """The parameters that are trained, by name, on the processor."""
    return {
        name: parameter.detach().cpu().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def load_adapter_state(model: Any, state: dict[str, torch.Tensor]) -> None:
    """Raises KeyError where the model has no such parameter, or lacks one."""
    moved = {n: p for n, p in model.named_parameters() if p.requires_grad}
    if moved.keys() != state.keys():
        raise KeyError(sorted(moved.keys() ^ state.keys())[0])
    with torch.no_grad():
        for name, parameter in moved.items():
            parameter.copy_(state[name])
