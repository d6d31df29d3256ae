"""Flags on shortlists that no run made: append-only, as flags on traces are.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "shortlist_flag_events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("undoes", sa.String(length=32), nullable=True),
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("client_token", sa.String(length=64), nullable=True),
        sa.Column("shown", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["undoes"], ["shortlist_flag_events.id"], name=op.f("fk_shortlist_flag_events_undoes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlist_flag_events")),
        sa.UniqueConstraint("client_token", name=op.f("uq_shortlist_flag_events_client_token")),
        sa.UniqueConstraint("undoes", name=op.f("uq_shortlist_flag_events_undoes")),
    )
    op.create_index(
        op.f("ix_shortlist_flag_events_subject"), "shortlist_flag_events", ["subject"], unique=False
    )
    op.create_index(
        op.f("ix_shortlist_flag_events_created_at"),
        "shortlist_flag_events",
        ["created_at"],
        unique=False,
    )
    for statement in KEPT[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


SQLITE = (
    """
    CREATE TRIGGER shortlist_flag_events_fixed BEFORE UPDATE ON shortlist_flag_events BEGIN
        SELECT RAISE(ABORT, 'annotation events are never changed');
    END
    """,
    """
    CREATE TRIGGER shortlist_flag_events_kept BEFORE DELETE ON shortlist_flag_events BEGIN
        SELECT RAISE(ABORT, 'annotation events are never deleted');
    END
    """,
)

POSTGRESQL = (  # the function is that of revision 0001
    """
    CREATE TRIGGER shortlist_flag_events_kept BEFORE UPDATE OR DELETE ON shortlist_flag_events
    FOR EACH ROW EXECUTE FUNCTION phaselens_keep_event()
    """,
)

KEPT = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
