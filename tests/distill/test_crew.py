"""Two processes that train together end with the weights of one that trains alone."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from core.distill.crew import Crew, crew
from core.distill.training import Training, adapter_state
from tests.distill.test_training import PLAN, curves, examples, losses, model

ROOT = Path(__file__).resolve().parents[2]


def test_processes_share_batches_and_make_the_same_steps(tmp_path: Path) -> None:
    alone = Training(tmp_path / "alone", PLAN, model(), examples(), losses)
    assert alone.run()
    folder = tmp_path / "together"
    folder.mkdir()
    # What `accelerate launch` starts for several cards; for processors alone it needs MPI.
    found = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
            "-m", "tests.distill.launched", str(folder),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    first, second = (torch.load(folder / f"process-{rank}.pt") for rank in (0, 1))
    assert first["size"] == second["size"] == 2
    assert (first["found"], second["found"]) == (False, True), "the first went before the other"
    wanted = adapter_state(alone.model)
    for name, weights in wanted.items():
        assert torch.equal(first["adapter"][name], second["adapter"][name])
        torch.testing.assert_close(first["adapter"][name], weights, rtol=1e-3, atol=1e-5)
    ours, theirs = curves(folder), curves(tmp_path / "alone")
    assert [row["tokens"] for row in ours] == [row["tokens"] for row in theirs], "one writes"
    for one, other in zip(ours, theirs, strict=True):
        assert abs(one["total"] - other["total"]) < 1e-4


def test_a_process_alone_is_the_first_and_only_one() -> None:
    here = crew()
    assert type(here) is Crew
    assert (here.first, here.size) == (True, 1)
    assert list(here.share([1, 2, 3])) == [1, 2, 3]
    assert here.gather("x") == ["x"]
    assert here.first_before_others(lambda: 5) == 5
