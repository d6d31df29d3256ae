"""A small training for several processes to share (tests/distill/test_crew.py)."""

import sys
from pathlib import Path

import torch

from core.distill.crew import crew
from core.distill.training import Training, adapter_state
from tests.distill.test_training import PLAN, examples, losses, model


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    left = folder / "left by the first"

    def work() -> bool:
        here = left.exists()
        left.touch()
        return here

    found = crew().first_before_others(work)
    training = Training(folder, PLAN, model(), examples(), losses)
    training.run()
    torch.save(
        {"size": crew().size, "found": found, "adapter": adapter_state(training.model)},
        folder / f"process-{crew().rank}.pt",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
