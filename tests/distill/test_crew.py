"""Two processes that train together end with the weights of one that trains alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.distill.crew import Crew, crew
from core.distill.training import Training, adapter_state
from tests.distill.launched import of_heads, of_words
from tests.distill.test_training import curves

ROOT = Path(__file__).resolve().parents[2]
SHARDED = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
}


def together(folder: Path, kind: str, env: dict[str, str]) -> list[dict[str, Any]]:
    """What two processes that train together leave, by rank."""
    folder.mkdir()
    # What `accelerate launch` starts for several cards; for processors alone it needs MPI.
    found = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
            "-m", "tests.distill.launched", str(folder), kind,
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", **env},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    return [torch.load(folder / f"process-{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize(
    ("kind", "training", "env"),
    [("words", of_words, {}), ("heads", of_heads, {}), ("heads", of_heads, SHARDED)],
    ids=["words", "heads", "heads of sharded models"],
)
def test_processes_share_batches_and_make_the_same_steps(
    tmp_path: Path, kind: str, training: Callable[[Path], Training], env: dict[str, str]
) -> None:
    alone = training(tmp_path / "alone")
    assert alone.run()
    first, second = together(tmp_path / "together", kind, env)
    assert first["size"] == second["size"] == 2
    assert (first["found"], second["found"]) == (False, True), "the first went before the other"
    assert (first["share"] < 0.95) is bool(env), "sharded weights are not whole in each"
    for name, weights in adapter_state(alone.model).items():
        assert torch.equal(first["adapter"][name], second["adapter"][name])
        torch.testing.assert_close(first["adapter"][name], weights, rtol=1e-2, atol=1e-4)
    ours, theirs = curves(tmp_path / "together"), curves(tmp_path / "alone")
    assert [row["tokens"] for row in ours] == [row["tokens"] for row in theirs], "one writes"
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        assert abs(one["total"] - other["total"]) < 1e-3


def test_a_process_alone_is_the_first_and_only_one() -> None:
    here = crew()
    assert type(here) is Crew
    assert (here.first, here.size, here.lockstep) == (True, 1, False)
    assert list(here.share([1, 2, 3])) == [1, 2, 3]
    assert here.gather("x") == ["x"]
    assert here.first_before_others(lambda: 5) == 5
    assert here.place("model") == "model"
