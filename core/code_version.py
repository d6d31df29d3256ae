"""Which code answered: part of a run's identity, for changed code may answer otherwise."""

import functools
import hashlib
from pathlib import Path

from core import __version__

ROOT = Path(__file__).resolve().parent
# What a text passes through from the shortlist to the final labels. The dataset, the index and the
# weights are in the identity by fingerprints of their own. tests/runs/test_identity.py follows the
# imports and fails where something is neither here nor known to decide nothing.
DECIDING = (
    "pipeline.py",
    "tools.py",
    "trace_curves.py",
    "encoders.py",
    "minilm.py",
    "minilm_int8.py",
    "token_windows.py",
    "vector_cache.py",
    "text_check.py",
    "datasets/base.py",
    "models",
    "rerank",
    "shortlist",
    "traces",
)


@functools.cache
def code_version() -> str:
    """The version, and 12 hex digits of the SHA-256 over every source file that decides what a
    run answers; a checkout at another state is another version."""
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\x00")
        digest.update(file.read_bytes() + b"\x00")
    return f"{__version__}+{digest.hexdigest()[:12]}"


def _sources() -> list[Path]:
    found: list[Path] = []
    for name in DECIDING:
        path = ROOT / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found
