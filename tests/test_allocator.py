"""A training starts with another allocator where there is one, once, and else as it is."""

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


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "library", lambda: "libjemalloc.so.2")


def test_it_is_preloaded_where_it_is_found(found: None) -> None:
    made = allocator.preloaded({"A": "b"})
    assert made["A"] == "b"
    assert made["LD_PRELOAD"] == "libjemalloc.so.2"
    assert "dirty_decay_ms" in made["MALLOC_CONF"]
    assert allocator.preloaded(made) == made, "once"


def test_what_the_user_preloads_or_sets_stays(found: None) -> None:
    assert allocator.preloaded({"LD_PRELOAD": "mine.so"}) == {"LD_PRELOAD": "mine.so"}
    assert allocator.preloaded({"MALLOC_CONF": "x:1"})["MALLOC_CONF"] == "x:1"


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
