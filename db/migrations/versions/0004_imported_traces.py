"""Traces of other programs, boundaries that a person moves, and slices.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

FILTERED = (
    "dataset", "system", "state", "bucket", "has_phases", "run_id", "created_at", "example_f1",
    "tokens",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("traces", sa.Column("boundary_source", sa.String(length=14), nullable=True))
    op.add_column("traces", sa.Column("chars", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("trace_bodies", sa.Column("imported", sa.JSON(none_as_null=True), nullable=True))
    op.add_column(
        "annotation_events", sa.Column("value", sa.JSON(none_as_null=True), nullable=True)
    )
    op.execute(
        sa.text(
            "UPDATE traces SET chars = coalesce((SELECT length(trace) FROM trace_texts "
            "WHERE trace_seq = traces.seq), 0)"
        )
    )
    # Before this revision there was no other source than the grammar.
    op.execute(sa.text("UPDATE traces SET boundary_source = 'grammar' WHERE boundary IS NOT NULL"))
    op.drop_index("ix_traces_filters", "traces")
    op.create_index("ix_traces_filters", "traces", [*FILTERED, "chars", "boundary_source"])
    op.create_table(
        "slices",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_slices")),
    )
