"""A study by several processes, each with a device of its own:

    accelerate launch --num_processes 8 -m core.study.launch --preset gpu

They train together; all else the first one does. `phaselens distill` does the same in one process.
"""

import argparse
import sys

from core.config import load_settings
from core.distill.crew import crew
from core.errors import ModelError, PhaseLensError
from core.study.asked import Asked
from core.study.choice import begun
from core.study.study import Study
from db.session import open_store


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="accelerate launch -m core.study.launch")
    parser.add_argument("--preset", default="smoke", help="smoke, laptop or gpu")
    parser.add_argument("--teacher", help="a model that was added, for a teacher of it")
    parser.add_argument("--student", help="a model that was added, for students of it")
    parser.add_argument("--as", dest="called", help="a name for this study, beside another")
    asked = parser.parse_args()
    told = ""

    def report(stage: str, done: int, total: int) -> None:
        nonlocal told
        if crew().first and (stage != told or done == total):
            print(f"{stage}: {done:,} of {total:,}" if total else stage, flush=True)
        told = stage

    try:
        settings = load_settings()
        store = open_store(settings)
        if crew().lockstep:
            raise ModelError(
                "A whole study cannot run with weights cut over cards: between its trainings one "
                "process writes and judges alone, with the whole model.",
                "Leave out the FSDP configuration. Trainings by themselves can be cut "
                "(core/distill/sharding.py).",
            )
        preset = begun(settings, store, Asked(**vars(asked)))
        Study(settings, store, preset, report, lambda: False).run()
    except PhaseLensError as error:
        print(f"{error.what} {error.fix}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
