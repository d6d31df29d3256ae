"""A store of each kind. The PostgreSQL ones share a server, each test has its own database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Settings
from db.session import Store, open_store
from tests.db.postgres import Server, running_server

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres: Server) -> str:
    """A PostgreSQL database with all tables, to copy from."""
    postgres.execute("CREATE DATABASE migrated TEMPLATE template0")
    open_store(Settings(home=Path("/nonexistent"), database_url=postgres.url("migrated"))).close()
    return "migrated"


@pytest.fixture(params=DATABASES)
def settings(request: pytest.FixtureRequest, home: Path) -> Iterator[Settings]:
    """Settings of an empty store, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield Settings(home=home)
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.new_database(request.getfixturevalue("migrated_template"))
    yield Settings(home=home, database_url=url)
    server.drop(url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """An open store, once on SQLite and once on PostgreSQL."""
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(home: Path) -> Iterator[Store]:
    opened = open_store(Settings(home=home))
    yield opened
    opened.close()
