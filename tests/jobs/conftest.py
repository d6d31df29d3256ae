"""A store of this test's own, and no job process left behind."""

from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from db.session import Store


@pytest.fixture
def store(store: Store) -> Iterator[Store]:
    yield store
    for child in psutil.Process().children():
        if "tests.jobs.worker" in command_of(child):
            with suppress(psutil.NoSuchProcess):  # it has ended and been reaped just now
                child.kill()


def command_of(process: psutil.Process) -> str:
    """Its command line; empty where it has ended, reaped or not: it needs no killing."""
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess, psutil.AccessDenied):  # macOS: the last
        return ""
