"""The store: SQLAlchemy models, Alembic migrations, and queries grouped by what they are about.

SQLite in the home folder by default; PostgreSQL for teams. Knows core's types, nothing else
of core, and never draws.
"""
