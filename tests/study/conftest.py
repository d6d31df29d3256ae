"""An empty home and its store, for what needs no model."""

from collections.abc import Iterator
from pathlib import Path

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
