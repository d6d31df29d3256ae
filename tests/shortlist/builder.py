"""A child process that builds the index of `tiny` and kills itself with SIGKILL on the way.

    python -m tests.shortlist.builder HOME STAGE COUNT [sparse]

It dies when STAGE (a stage of the build, "block": while a block is being written, "save": while
a graph is being written, or "relink": while a graph is whose lost nodes were linked anew) has been
reported COUNT times. COUNT 0: it never dies. `sparse`: a graph with few links, which loses nodes.
A build that ends prints how many labels it encoded and how many nodes the graph had when it began
to grow. The graph is deterministic.
"""

import json
import os
import signal
import sys
from pathlib import Path

from core.datasets.catalogue import open_dataset
from core.shortlist import build, growth, manifest
from core.shortlist.graph import GraphOptions
from tests.shortlist.synthetic import HashEncoder, settings_of

SPARSE: dict[str, dict[str, int]] = {"": {}, "sparse": {"m": 2, "ef_construction": 10}}


def main(home: str, stage: str, count: int, kind: str = "") -> None:
    build.BLOCK_ROWS = 32
    growth.NODES_AT_ONCE = 32
    growth.CHECKPOINT_NODES = 96
    left = count

    def step(happened: str) -> None:
        nonlocal left
        if happened == stage:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    if stage == "block":
        write_at = os.pwrite

        def pwrite(descriptor: int, data: bytes, offset: int) -> int:
            step("block")
            return write_at(descriptor, data, offset)

        os.pwrite = pwrite
    if stage in ("save", "relink"):
        stamp = manifest.FileStamp.of

        def of(path: Path) -> manifest.FileStamp:
            if path.suffix == ".part":  # the file is there, growth.json does not name it yet
                step("relink" if "linked" in path.name else "save")
            return stamp(path)

        manifest.FileStamp.of = of
    settings = settings_of(Path(home))
    encoder = HashEncoder()
    grown: list[int] = []

    def on_progress(happened: str, done: int, total: int) -> None:
        if happened == growth.BUILD:
            grown.append(done)
        step(happened)

    build.build_index(
        settings,
        open_dataset(settings, "tiny"),
        encoder,
        on_progress=on_progress,
        options=GraphOptions(**SPARSE[kind], deterministic=True),
    )
    print(json.dumps({"encoded": encoder.labels_encoded, "began_at": grown[0]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
