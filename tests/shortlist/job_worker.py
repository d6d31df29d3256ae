"""The app's own job process with a small encoder and frequent checkpoints of the graph, which waits
after the second one of its first attempt.

    python -m tests.shortlist.job_worker JOB_ID

It notes in began.txt, in the home folder, how many nodes the graph had when it began to grow.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from core import encoders
from core.jobs.__main__ import main
from core.shortlist import build, growth
from tests.shortlist.synthetic import HashEncoder

COMMAND = (sys.executable, "-m", "tests.shortlist.job_worker")

if __name__ == "__main__":
    build.BLOCK_ROWS = 32
    growth.NODES_AT_ONCE = 32
    growth.CHECKPOINT_NODES = 64
    checkpoint = growth._checkpoint

    def slow(*arguments: Any) -> growth.Growth:
        done = checkpoint(*arguments)
        attempts = len((Path(os.environ["PHASELENS_HOME"]) / "began.txt").read_text().split())
        if attempts == 1 and done.added >= 128:
            time.sleep(120)  # to be killed here, however late the test sees this checkpoint
        return done

    growth._checkpoint = slow
    read = growth.Growth.read

    def noted(folder: Path, plan: str) -> growth.Growth | None:
        found = read(folder, plan)
        with (folder.parent.parent / "began.txt").open("a", encoding="utf-8") as notes:
            notes.write(f"{found.added if found else 0}\n")
        return found

    growth.Growth.read = noted
    encoders.Encoder.load = classmethod(lambda cls, settings: HashEncoder())  # type: ignore
    sys.exit(main(sys.argv[1:]))
