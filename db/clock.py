"""One clock a database, so that leases and ages are right across machines."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def now(session: Session) -> datetime:
    """The server's time on PostgreSQL, this machine's on SQLite; aware UTC."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment.astimezone(UTC)
    return datetime.now(UTC)
