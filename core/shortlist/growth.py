"""Grows the graph in steps that survive a kill.

1. Nodes are added in random order: rows are sorted by id, so neighbours in the file are alike,
   and a graph grown in that order finds less.
2. After every CHECKPOINT_NODES of them the graph is written to a file of its own, then growth.json
   names that file, its hash, and the plan (everything that decides the graph).
   A growth that is cancelled writes one too.
3. Started again, the growth goes on from that file when the plan is still the same.
4. At the end, nodes of labels that no search can come to are added once more, which links them
   anew.

hnswlib draws a node's levels from a generator that its file does not hold. So a deterministic
growth reads the graph back after each checkpoint, as a resumed one does: both have the same bytes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.atomic import write_text
from core.errors import IndexFileError
from core.shortlist.exact import Rows, Vectors
from core.shortlist.graph import (
    Cancelled,
    GraphOptions,
    OnProgress,
    read_graph,
    save_graph,
    unreached,
)
from core.shortlist.manifest import FileStamp, peak_rss_mb

BUILD = "build graph"
GROWTH = "growth.json"
CHECKPOINT_NODES = 131_072
NODES_AT_ONCE = 2048
_REPAIRS = 2


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a graph has grown: `added` nodes of the plan are in `file`."""

    plan: str
    added: int
    file: str
    stamp: FileStamp
    seconds: float  # spent growing so far, over all attempts
    unreached: int | None = None  # known at the end
    peak_rss_mb: float = 0.0  # the most that a process which grew it took
    relinked: int = 0  # how often unreached nodes were linked anew

    @classmethod
    def read(cls, folder: Path, plan: str) -> "Growth | None":
        """The last checkpoint of this plan whose file is whole, or None."""
        try:
            data = json.loads((folder / GROWTH).read_text(encoding="utf-8"))
            growth = cls(**{**data, "stamp": FileStamp(**data["stamp"])})
            path = folder / Path(growth.file).name
            if growth.plan != plan or path.stat().st_size != growth.stamp.bytes:
                return None
            return growth if FileStamp.of(path).sha256 == growth.stamp.sha256 else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # nothing to go on from: the growth begins again, which is safe


@dataclass(frozen=True, slots=True)
class Grown:
    graph: Any
    growth: Growth


def grow(
    folder: Path,
    plan: str,
    begin: Callable[[], Any],
    vectors: Vectors,
    rows: Rows,
    nodes: Rows,
    options: GraphOptions,
    on_progress: OnProgress,
    cancelled: Cancelled,
) -> Grown | None:
    """Adds `vectors[rows]` to the graph that `begin` gives; None when cancelled.

    `rows` `(n,)`; `nodes` `(labels,)` is the node of every row, old ones too. The finished graph
    lies in the folder, named by its growth.
    Raises OSError when the disk is full.
    """
    growth = Growth.read(folder, plan)
    total = len(rows)
    graph: Any = None
    if growth is not None:
        graph = _read_back(folder, growth, vectors, begin)
    if graph is None:
        clear_growth(folder)
        growth, graph = None, begin()
    order = np.random.default_rng(options.seed).permutation(total)
    done = growth.added if growth else 0
    on_progress(BUILD, done, total)
    while growth is None or done < total:
        start = time.monotonic()
        stop = min(total, done + CHECKPOINT_NODES)
        for at in range(done, stop, NODES_AT_ONCE):
            if cancelled():
                if at > done and not options.deterministic:  # whose checkpoints have fixed places
                    _checkpoint(folder, graph, plan, at, growth, time.monotonic() - start)
                return None
            part = order[at : min(stop, at + NODES_AT_ONCE)]
            new = rows[part]
            graph.add_items(vectors[new], nodes[new], num_threads=options.growing_threads)
            on_progress(BUILD, min(stop, at + NODES_AT_ONCE), total)
        done = stop
        growth = _checkpoint(folder, graph, plan, done, growth, time.monotonic() - start)
        if options.deterministic and done < total:
            graph = read_graph(folder / growth.file, vectors.shape[1], graph.get_max_elements())
    if growth.unreached is None:
        growth = _relinked(folder, graph, growth, vectors, nodes)
    return Grown(graph, growth)


def clear_growth(folder: Path) -> None:
    """Removes checkpoints; the record first, so that it never speaks of a file that is gone."""
    (folder / GROWTH).unlink(missing_ok=True)
    for path in folder.glob("hnsw.*.part"):
        path.unlink(missing_ok=True)


def _read_back(folder: Path, growth: Growth, vectors: Vectors, begin: Callable[[], Any]) -> Any:
    """The graph of a checkpoint, with the room that a new one has; None when unreadable."""
    room = begin().get_max_elements()
    try:
        return read_graph(folder / growth.file, vectors.shape[1], room)
    except IndexFileError:
        return None


def _checkpoint(
    folder: Path, graph: Any, plan: str, added: int, before: Growth | None, seconds: float
) -> Growth:
    seconds += before.seconds if before else 0.0
    peak = max(peak_rss_mb(), before.peak_rss_mb if before else 0.0)
    growth = Growth(plan, added, "", FileStamp(0, 0, ""), round(seconds, 3), None, round(peak, 1))
    return _saved(folder, graph, growth, f"hnsw.{added}.part")


def _saved(folder: Path, graph: Any, growth: Growth, name: str) -> Growth:
    """Writes the graph to a file of its own, then says so, then removes the one before: killed at
    any point, growth.json names a file that is whole."""
    save_graph(folder / name, graph)
    growth = replace(growth, file=name, stamp=FileStamp.of(folder / name))
    _write(folder, growth)
    for path in folder.glob("hnsw.*.part"):
        if path.name != name:
            path.unlink(missing_ok=True)
    return growth


def _relinked(folder: Path, graph: Any, growth: Growth, vectors: Vectors, node_of: Rows) -> Growth:
    """Adds unreached nodes of live labels once more, in order and by one thread, and counts what
    is left. Old nodes are looked at too: a change can cut them off."""
    row_of = {node: row for row, node in enumerate(node_of.tolist())}
    while True:
        lost = [node for node in unreached(folder / growth.file).tolist() if node in row_of]
        if not lost or growth.relinked == _REPAIRS:
            break
        again = np.array([row_of[node] for node in lost])
        graph.add_items(vectors[again], np.array(lost), num_threads=1)
        growth = replace(growth, relinked=growth.relinked + 1)
        growth = _saved(folder, graph, growth, f"hnsw.{growth.added}.linked{growth.relinked}.part")
    growth = replace(growth, unreached=len(lost))
    _write(folder, growth)
    return growth


def _write(folder: Path, growth: Growth) -> None:
    write_text(folder / GROWTH, json.dumps(asdict(growth)))
