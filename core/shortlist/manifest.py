"""What an index folder says of itself, and how much of that is true.

    indexes/<dataset>/
        vectors.npy     float32 (labels, 384), unit rows in the label space's row order
        progress.json   which blocks of vectors.npy are finished, with the hash of each
        names.npy       uint64 (labels, 2), a hash of each name: which text each vector is of
        hnsw.bin        the hnswlib graph
        nodes.npy       int64 (labels,), the graph's node of each row; only where labels changed
                        since the graph was grown, else row and node are the same number
        manifest.json   everything that decided the index; written last
        hnsw.*.part, growth.json   a graph while it grows (see growth)
        previous/       the index before the labels changed, while it is brought up to date

Block b is the rows b, b + n, b + 2n, ... so that a half-built index covers the label space
evenly. A file is believed when its size and time are those of the manifest; when only the time
differs (a copied folder) its hash decides. hnswlib never reads a file that was not checked.
"""

import json
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from core.atomic import sha256_of, write_text
from core.config import Settings
from core.datasets.base import DatasetInfo
from core.datasets.files import read_info
from core.errors import DataError, IndexFileError

VECTORS = "vectors.npy"
PROGRESS = "progress.json"
NAMES = "names.npy"
GRAPH = "hnsw.bin"
NODES = "nodes.npy"
MANIFEST = "manifest.json"
FORMAT = 1

MOST_TIMES_EF = 4  # a search for many rows uses at most so many times the index's ef

State = Literal["none", "partial", "ready", "damaged"]


@dataclass(frozen=True, slots=True)
class FileStamp:
    """How a file looked when it was written."""

    bytes: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileStamp":
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns, sha256_of(path))


@dataclass(frozen=True)
class Manifest:
    """Everything that decided an index, and what its build measured.

    `ef` was chosen for `target` recall@`recall_k` on one half of the sampled training documents
    (see autopilot); `recall_at_k`, its 95% interval `recall_low` to `recall_high`, `lost` (the
    share of queries with recall below one half) and `curve` (the same for every ef) were measured
    on the other half, of `queries` documents. All are None where there are no documents.
    `target_met` is False where no ef reached the target, None where that was not recorded.
    `m` and `ef_construction` are hnswlib's; `deleted` counts nodes of labels that are gone, and
    `unreached` nodes that no search comes to. `reused` vectors were copied, not encoded.
    """

    dataset: str
    labels: int
    labels_fingerprint: str
    encoder: str
    dim: int
    m: int
    ef_construction: int
    ef: int
    seed: int
    deterministic: bool
    recall_at_k: float | None
    recall_k: int
    target: float
    seconds_encode: float
    seconds_build: float
    peak_rss_mb: float
    built_at: str
    hnswlib: str
    files: dict[str, FileStamp] = field(default_factory=dict)
    format: int = FORMAT
    recall_low: float | None = None
    recall_high: float | None = None
    lost: float | None = None
    queries: int = 0
    curve: tuple[dict[str, float], ...] = ()  # ef, recall, low, high, lost, p50_ms, p95_ms
    seconds_tune: float = 0.0
    reused: int = 0
    deleted: int = 0
    unreached: int | None = None
    target_met: bool | None = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell this index from every other, built from its files' hashes."""
        return self.files[GRAPH].sha256[:8] + self.files[VECTORS].sha256[:8]

    def ef_for(self, k: int) -> int:
        """The ef of a search for k rows. `ef` was chosen for `recall_k`; more rows take more in
        proportion, up to MOST_TIMES_EF times, and never less than k."""
        more = -(-self.ef * max(k, self.recall_k) // self.recall_k)
        return max(k, min(more, MOST_TIMES_EF * self.ef))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Manifest":
        files = {name: FileStamp(**stamp) for name, stamp in data["files"].items()}
        return cls(**{**data, "files": files, "curve": tuple(data.get("curve", ()))})


@dataclass(frozen=True)
class Progress:
    """Finished blocks of a growing vector file: block number -> SHA-256 of its rows' bytes."""

    labels: int
    labels_fingerprint: str
    encoder: str
    dim: int
    blocks: int
    finished: dict[int, str]
    seconds: float = 0.0  # spent encoding so far, over all attempts
    format: int = FORMAT
    reused: int = 0  # rows that were copied from another index
    peak_rss_mb: float = 0.0  # the most that a process which encoded took

    def with_block(
        self, block: int, sha256: str, seconds: float, reused: int, peak_rss_mb: float
    ) -> "Progress":
        return replace(
            self,
            finished={**self.finished, block: sha256},
            seconds=self.seconds + seconds,
            reused=self.reused + reused,
            peak_rss_mb=max(self.peak_rss_mb, peak_rss_mb),
        )

    def rows_in(self, block: int) -> int:
        return len(range(block, self.labels, self.blocks))

    @property
    def encoded(self) -> int:
        return sum(self.rows_in(block) for block in self.finished)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Progress":
        finished = {int(block): str(sha) for block, sha in data["finished"].items()}
        return cls(**{**data, "finished": finished})


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The state of a dataset's index, for a person. `problem` says what is wrong, or ""."""

    state: State
    encoded: int
    total: int
    ef: int | None = None
    manifest: Manifest | None = None
    problem: str = ""


def index_folder(settings: Settings, index: str) -> Path:
    """Where an index lies; its name is `DatasetInfo.index_name`."""
    return settings.indexes_dir / index


def status(settings: Settings, dataset: str) -> IndexStatus:
    """What state the index of a dataset's labels is in, by file sizes and times only (about a
    millisecond)."""
    try:
        info = read_info(settings.datasets_dir / dataset)
    except DataError as error:
        return IndexStatus("none", 0, 0, problem=error.what)
    folder = index_folder(settings, info.index_name)
    try:
        manifest = read_manifest(folder)
        if manifest is not None:
            check_labels(manifest.labels_fingerprint, info, folder)
            check_sizes(folder, manifest)
            return IndexStatus("ready", info.labels, info.labels, manifest.ef, manifest)
        progress = read_progress(folder)
        if progress is None or not progress.finished:
            return IndexStatus("none", 0, info.labels)
        check_labels(progress.labels_fingerprint, info, folder)
        return IndexStatus("partial", progress.encoded, info.labels)
    except IndexFileError as error:
        return IndexStatus("damaged", 0, info.labels, problem=error.what)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest, or None where there is none. Raises IndexFileError when it is unreadable."""
    data = _read_json(folder / MANIFEST)
    if data is None:
        return None
    try:
        manifest = Manifest.from_json(data)
        complete = manifest.files.keys() >= {GRAPH, VECTORS} and manifest.format == FORMAT
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(folder, f"{MANIFEST} is not one PhaseLens wrote ({error})") from error
    if not complete:
        raise damaged(folder, f"{MANIFEST} is of another version")
    return manifest


def read_progress(folder: Path) -> Progress | None:
    """The progress file, or None where there is none. Raises IndexFileError when unreadable."""
    data = _read_json(folder / PROGRESS)
    if data is None:
        return None
    try:
        progress = Progress.from_json(data)
        sane = progress.format == FORMAT and progress.blocks >= 1 and progress.labels >= 1
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(folder, f"{PROGRESS} is not one PhaseLens wrote ({error})") from error
    if not sane or any(not 0 <= block < progress.blocks for block in progress.finished):
        raise damaged(folder, f"{PROGRESS} makes no sense")
    return progress


def signature(folder: Path) -> tuple[object, ...]:
    """Changes whenever a build makes progress; costs two stat calls."""
    seen: list[object] = []
    for name in (MANIFEST, PROGRESS):
        try:
            stat = (folder / name).stat()
            seen.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        except OSError:
            seen.append(None)
    return tuple(seen)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_text(folder / MANIFEST, json.dumps(manifest.to_json(), indent=1))


def write_progress(folder: Path, progress: Progress) -> None:
    write_text(folder / PROGRESS, json.dumps(progress.to_json()))


def check_labels(fingerprint: str, info: DatasetInfo, folder: Path) -> None:
    """Raises IndexFileError when an index was built from other labels."""
    if fingerprint != info.labels_fingerprint:
        raise damaged(folder, "it was built from other labels than the dataset has now")


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Raises IndexFileError when a file is missing or its size is not the manifest's."""
    for name, stamp in manifest.files.items():
        try:
            size = (folder / name).stat().st_size
        except OSError as error:
            raise damaged(folder, f"{name} is missing ({error.strerror})") from error
        if size != stamp.bytes:
            raise damaged(folder, f"{name} has {size:,} bytes instead of {stamp.bytes:,}")


def check_contents(folder: Path, manifest: Manifest, *, trust_times: bool = True) -> Manifest:
    """Raises IndexFileError unless every file is the one that was built.

    With `trust_times`, hashes only files whose time changed since they were last believed. Gives
    the manifest with the new times, to be written so that the next start hashes nothing.
    """
    check_sizes(folder, manifest)
    files = dict(manifest.files)
    for name, stamp in manifest.files.items():
        path = folder / name
        mtime = path.stat().st_mtime_ns
        if trust_times and mtime == stamp.mtime_ns:
            continue
        if sha256_of(path) != stamp.sha256:
            raise damaged(folder, f"the contents of {name} are not those that were built")
        files[name] = replace(stamp, mtime_ns=mtime)
    return replace(manifest, files=files)


def damaged(folder: Path, why: str) -> IndexFileError:
    """The error for an index that must not be used; building repairs it, keeping what is good."""
    return IndexFileError(
        f"The index in {folder} cannot be used: {why}.",
        f"Build it again: `phaselens index {folder.name}`, or the Jobs page. "
        "What is still good is kept.",
    )


def peak_rss_mb() -> float:
    """The most memory that this process has taken, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise damaged(path.parent, f"{path.name} cannot be read ({error})") from error
    if not isinstance(data, dict):
        raise damaged(path.parent, f"{path.name} is not one PhaseLens wrote")
    return data
