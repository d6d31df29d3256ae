"""Another memory allocator for training on Linux, where the system has one.

Training takes and frees large blocks of ever new sizes, and in a long process glibc's malloc spends
half of the time looking for one that fits: measured in one training, 220 tokens a second with it
and 370 with jemalloc (docs/performance.md). A program's allocator is chosen when it starts, so a
training starts anew with jemalloc preloaded. Nothing is changed where there is none, or where
another library is preloaded already.
"""

import ctypes.util
import os
import sys
from collections.abc import Mapping

LIBRARY, PRELOAD, CONF = "jemalloc", "LD_PRELOAD", "MALLOC_CONF"
# Freed memory stays with the process for a minute: the next step takes it again.
OPTIONS = "background_thread:true,dirty_decay_ms:60000,muzzy_decay_ms:60000"
TRIED = "PHASELENS_ALLOCATOR"  # set where it was tried, so that no process starts over twice


def library() -> str | None:
    """The name by which the loader finds jemalloc, or None."""
    return ctypes.util.find_library(LIBRARY) if sys.platform == "linux" else None


def preloaded(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that trains."""
    found = dict(environment)
    name = library()
    if name is None or found.get(PRELOAD) or TRIED in found:
        return found
    return {**found, PRELOAD: name, CONF: found.get(CONF, OPTIONS), TRIED: LIBRARY}


def start_anew() -> None:
    """Replaces this process by the same command with jemalloc; returns where that changes
    nothing."""
    environment = preloaded(os.environ)
    if environment.get(TRIED) != os.environ.get(TRIED):
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
