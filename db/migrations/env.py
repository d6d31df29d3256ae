"""Alembic's entry: runs the migrations on the connection that db.migrate hands over.

For developers, `alembic -c db/migrations/alembic.ini revision --autogenerate` opens the store of
the environment's settings instead.
"""

from alembic import context
from sqlalchemy import Connection

from core.config import load_settings
from db.metadata import METADATA


def _is_ours(name: str | None, kind: str) -> bool:
    """The full-text index and its shadow tables are raw SQL, not models."""
    return not (kind == "table" and (name or "").startswith("trace_search"))


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,  # SQLite changes a table by copying it
        compare_type=True,
        transactional_ddl=True,
        include_name=lambda name, kind, _parents: _is_ours(name, kind),
    )
    with context.begin_transaction():
        context.run_migrations()


def _main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    from db.session import Store

    with Store(load_settings().database).connect(write=True) as connection:
        _run(connection)


_main()
