"""A store of this test's own, and no job process left behind."""

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
            with suppress(psutil.NoSuchProcess):  # it has ended and been reaped just now
                child.kill()


def command_of(process: psutil.Process) -> str:
    """Its command line; empty where it has ended, reaped or not: it needs no killing."""
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess, psutil.AccessDenied):  # macOS: the last
        return ""
