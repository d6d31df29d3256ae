"""A store of this test's own, and no job process left behind."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.config import Settings
from db.session import Store, open_store


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()
    for child in psutil.Process().children():
        if "tests.jobs.worker" in command_of(child):
            with suppress(ProcessLookupError):  # ended and reaped just now
                os.kill(child.pid, signal.SIGKILL)


def command_of(process: psutil.Process) -> str:
    """Its command line; empty where it has ended, reaped or not: it needs no killing."""
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
