"""A training starts with another allocator where there is one, once, and else as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import allocator

ANEW = """\
import os, sys
sys.path.insert(0, {root!r})
from core import allocator
allocator.library = lambda: {library!r}
print("begun", os.environ.get("PHASELENS_ALLOCATOR"), flush=True)
allocator.start_anew()
print("goes on", os.environ.get("LD_PRELOAD"), sys.argv[1:])
"""


KEPT = """\
import sys
sys.path.insert(0, {root!r})
from core import allocator
def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before, first = megabytes(), allocator.give_back()
blocks = [bytearray(b"x" * 3_000_000) for _ in range(100)]
del blocks
freed = megabytes()
allocator.MOST_KEPT = 100_000_000
second = allocator.give_back()
print(before, freed, megabytes(), first, second, allocator.give_back())
"""


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "library", lambda: "libjemalloc.so.2")


def test_it_is_preloaded_where_it_is_found(found: None) -> None:
    made = allocator.preloaded({"A": "b"})
    assert made["A"] == "b"
    assert made["LD_PRELOAD"] == "libjemalloc.so.2"
    assert "dirty_decay_ms:-1" in made["MALLOC_CONF"]
    assert made["THP_MEM_ALLOC_ENABLE"] == "1"
    assert allocator.preloaded(made) == made, "once"


def test_what_the_user_preloads_or_sets_stays(found: None) -> None:
    assert allocator.preloaded({"LD_PRELOAD": "mine.so"}) == {"LD_PRELOAD": "mine.so"}
    assert allocator.preloaded({"MALLOC_CONF": "x:1"})["MALLOC_CONF"] == "x:1"
    assert allocator.preloaded({"THP_MEM_ALLOC_ENABLE": "0"})["THP_MEM_ALLOC_ENABLE"] == "0"


def test_without_it_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "library", lambda: None)
    assert allocator.preloaded({"A": "b"}) == {"A": "b"}


def test_a_process_starts_over_once_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    root = str(Path(allocator.__file__).parents[1])
    for library, begun in (("libnowhere.so", 2), (None, 1)):
        script.write_text(ANEW.format(root=root, library=library))
        done = subprocess.run(
            [sys.executable, script, "one", "two"], capture_output=True, text=True, check=True
        )
        assert done.stdout.count("begun") == begun
        assert "['one', 'two']" in done.stdout


@pytest.mark.skipif(allocator.library() is None, reason="needs jemalloc")
def test_what_is_kept_goes_back_once_it_is_too_much() -> None:
    root = str(Path(allocator.__file__).parents[1])
    environment = allocator.preloaded({"PATH": os.environ["PATH"]})
    done = subprocess.run(
        [sys.executable, "-c", KEPT.format(root=root)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    before, freed, after = map(float, done.stdout.split()[:3])
    assert freed > before + 250, "the process keeps what was freed"
    assert after < before + 100
    assert done.stdout.split()[3:] == ["False", "True", "False"]


def test_without_jemalloc_nothing_is_given_back() -> None:
    assert not allocator.give_back()
