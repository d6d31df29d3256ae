"""The HNSW graph (hnswlib): its options, its file, and which of its nodes can be reached."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.atomic import new_file
from core.shortlist.exact import Rows
from core.shortlist.manifest import GRAPH, Manifest, damaged

OnProgress = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]

M, EF_CONSTRUCTION = 16, 128  # see benchmarks.index_scale for what others give
_HEADER = 96  # bytes of hnswlib's header
_NODES_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """hnswlib's options; None: as the index was built, else the default.

    More of `m` and `ef_construction` = better recall, slower build. A build with several threads
    differs from run to run; `deterministic` uses one. `target` recall in [0, 1] is what ef is
    chosen for. `rebuild` grows the graph anew although the index is ready.
    """

    m: int | None = None
    ef_construction: int | None = None
    seed: int = 100
    deterministic: bool = False
    threads: int = 0  # 0: as Settings.torch_threads
    target: float | None = None
    rebuild: bool = False

    def same_graph(self, m: int, ef_construction: int, deterministic: bool) -> bool:
        """Whether a graph built with these is what is asked for."""
        return (
            self.m in (None, m)
            and self.ef_construction in (None, ef_construction)
            and deterministic >= self.deterministic
        )

    @property
    def growing_threads(self) -> int:
        return 1 if self.deterministic else self.threads


def empty_graph(dim: int, nodes: int, options: GraphOptions) -> Any:
    """A graph with room for so many nodes. Unit vectors: the inner product is the cosine."""
    import hnswlib

    graph = hnswlib.Index(space="ip", dim=dim)
    graph.init_index(
        max_elements=nodes,
        M=options.m or M,
        ef_construction=options.ef_construction or EF_CONSTRUCTION,
        random_seed=options.seed,
    )
    return graph


def save_graph(path: Path, graph: Any) -> None:
    """Writes the graph, whole or not at all. Raises OSError when the disk is full."""
    with new_file(path) as temporary:
        graph.save_index(str(temporary))
        # hnswlib does not look whether its writes succeeded.
        if temporary.stat().st_size != graph.index_file_size():
            raise OSError(f"{path.name} could not be written whole: is the disk full?")


def read_graph(path: Path, dim: int, nodes: int = 0) -> Any:
    """The graph of a file whose hash was checked, with room for `nodes`. Raises IndexFileError."""
    import hnswlib

    graph = hnswlib.Index(space="ip", dim=dim)
    try:
        graph.load_index(str(path), max_elements=nodes)
    except RuntimeError as error:
        raise damaged(path.parent, f"{path.name} cannot be read ({error})") from error
    return graph


def load_graph(path: Path, manifest: Manifest) -> Any:
    """The graph of a ready index. Raises IndexFileError."""
    graph = read_graph(path, manifest.dim)
    nodes = manifest.labels + manifest.deleted
    if graph.get_current_count() != nodes:
        raise damaged(path.parent, f"{GRAPH} has {graph.get_current_count():,} nodes")
    return graph


def unreached(path: Path) -> Rows:
    """Labels (node numbers, sorted) of the nodes that no search finds: no walk over level 0
    comes to them from a node of the levels above, where every search starts.

    Read from hnswlib's own file: a header; a record for each node of level 0: how many neighbours
    (2 bytes), flags (2), the neighbours (4 each), the vector, the label (8); then for each node the
    bytes of its links on the levels above (4), and these. Many nearly equal vectors make such
    nodes: they fill each other's neighbour lists.
    """
    sizes = np.fromfile(path, dtype="<u8", count=6)
    most = int(np.fromfile(path, dtype="<u8", count=2, offset=56)[1])
    nodes, record, label_at = int(sizes[2]), int(sizes[3]), int(sizes[4])
    file = np.memmap(path, dtype=np.uint8, mode="r", offset=_HEADER, shape=(nodes, record))
    counts = np.empty(nodes, dtype=np.int64)
    neighbours = np.empty((nodes, most), dtype=np.uint32)
    labels = np.empty(nodes, dtype=np.int64)
    for start in range(0, nodes, _NODES_AT_ONCE):
        part = slice(start, start + _NODES_AT_ONCE)
        counts[part] = np.ascontiguousarray(file[part, :2]).view("<u2")[:, 0]
        neighbours[part] = np.ascontiguousarray(file[part, 4 : 4 + 4 * most]).view("<u4")
        labels[part] = np.ascontiguousarray(file[part, label_at : label_at + 8]).view("<i8")[:, 0]
    seen: npt.NDArray[np.bool_] = np.zeros(nodes, dtype=np.bool_)
    front = _above(path, _HEADER + nodes * record, nodes)
    seen[front] = True
    while len(front):
        used = np.arange(most) < counts[front, None]
        found = np.zeros(nodes, dtype=np.bool_)
        found[neighbours[front][used]] = True
        front = np.flatnonzero(found & ~seen)
        seen[front] = True
    return np.sort(labels[~seen])


def _above(path: Path, start: int, nodes: int) -> Rows:
    """Positions of the nodes that have links above level 0."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    found, at = [], 0
    for node in range(nodes):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4 + size
        if size:
            found.append(node)
    return np.array(found or [0], dtype=np.int64)  # in a graph of one level, search starts at 0


def digest(*parts: object) -> str:
    """One hash for all that decides something."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
