"""Another memory allocator for training on Linux, where the system has one.

Training takes and frees large blocks of ever new sizes, and in a long process glibc's malloc spends
half of the time looking for one that fits: measured in one training, 220 tokens a second with it
and 370 with jemalloc (docs/performance.md). torch asks for large pages where it is told to. A
program's allocator is chosen when it starts, so a training starts anew with jemalloc preloaded.
Nothing is changed where there is none, or where another library is preloaded already.

What jemalloc keeps has to be bounded: `give_back`, to be called after each piece of work.
"""

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

LIBRARY, PRELOAD, CONF = "jemalloc", "LD_PRELOAD", "MALLOC_CONF"
# Freed memory stays with the process: the next step takes it again. With any decay, blocks of more
# than some megabytes go back to the system at once, which clears them page by page the next time.
OPTIONS = "dirty_decay_ms:-1,muzzy_decay_ms:-1"
# Blocks of ever new sizes leave what nothing fits: kept for good, it grew to 23 GB in a quarter of
# an hour. So it is given back once a process has more than this, or three fifths of all memory.
MOST_KEPT = 16_000_000_000  # bytes
_PURGE = b"arena.4096.purge"  # jemalloc's name for: what is free, of all arenas
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # torch's own: it asks for pages of 2 MB for large blocks
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
    own = {CONF: OPTIONS, LARGE_PAGES: "1"}
    return {**own, **found, PRELOAD: name, TRIED: LIBRARY}


def start_anew() -> None:
    """Replaces this process by the same command with jemalloc; returns where that changes
    nothing."""
    environment = preloaded(os.environ)
    if environment.get(TRIED) != os.environ.get(TRIED):
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def give_back() -> bool:
    """Gives free memory back to the system where this process, started anew, has too much of it;
    says whether it did."""
    if TRIED not in os.environ or sys.platform != "linux":
        return False
    page = os.sysconf("SC_PAGE_SIZE")
    resident = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * page
    if resident <= min(MOST_KEPT, os.sysconf("SC_PHYS_PAGES") * page * 3 // 5):
        return False
    purge = getattr(ctypes.CDLL(None), "mallctl", None)  # not where the preloading failed
    return purge is not None and purge(_PURGE, None, None, None, 0) == 0
