"""A small training for several processes to share (tests/distill/test_crew.py):

launched.py FOLDER words|heads
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.distill.arm import Arm
from core.distill.arms import ArmLoss
from core.distill.crew import crew
from core.distill.examples import Example
from core.distill.training import Training, adapter_state
from tests.distill.test_arms import DROP, KEEP, example, same_heads
from tests.distill.test_training import PLAN, examples, losses, model
from tests.models.test_lean import tiny


def of_words(folder: Path) -> Training:
    return Training(folder, PLAN, crew().place(model()), examples(), losses)


def of_heads(folder: Path) -> Training:
    """Mechanistic distillation, of texts with and without phases, in batches of odd size."""
    phased = example()
    some = [replace(phased.example, document_id=f"d{n}") for n in range(5)]
    phases = {one.document_id: replace(phased, example=one) for one in some[:3]}
    teacher = crew().place(tiny("llama"))
    loss = ArmLoss(Arm.MECHANISTIC, teacher, KEEP, DROP, phases, same_heads())
    long: list[Example] = [replace(one, ids=one.ids.repeat(30)) for one in some[3:]]
    plan = replace(PLAN, steps=4, batch=3)
    return Training(folder, plan, crew().place(model()), [*some[:3], *map(_cut, long)], loss)


def _cut(one: Example) -> Example:
    """A text that fills a pass alone, so that processes have different numbers of passes."""
    weights = torch.cat([torch.zeros(len(one.ids) - 26), torch.ones(26)])
    return replace(one, start=len(one.ids) - 26, weights=weights)


def main(folder: Path, kind: str) -> None:
    torch.set_num_threads(1)
    left = folder / "left by the first"

    def work() -> bool:
        here = left.exists()
        left.touch()
        return here

    found = crew().first_before_others(work)
    made: dict[str, Any] = {"words": of_words, "heads": of_heads}
    training: Training = made[kind](folder)
    training.run()
    whole = sum(p.numel() for p in training.model.parameters())
    here = sum(
        (p.to_local() if hasattr(p, "to_local") else p).numel() for p in training.model.parameters()
    )
    torch.save(
        {
            "size": crew().size,
            "found": found,
            "adapter": adapter_state(training.model),
            "share": here / whole,
        },
        folder / f"process-{crew().rank}.pt",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
