"""What annotators are asked and say: queues, judgements, guidelines, people; and talks.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "person", name=op.f("pk_drafts")),
    )
    op.create_table(
        "guidelines",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reasons", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_guidelines")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_table(
        "queues",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("source", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("overlap", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("assigned", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tasks", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
        sa.UniqueConstraint("name", name=op.f("uq_queues_name")),
    )
    op.create_table(
        "talks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slides", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_talks")),
    )
    op.create_table(
        "queue_tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("other_id", sa.String(length=32), nullable=True),
        sa.Column("judged", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["traces.id"], name=op.f("fk_queue_tasks_other_id")),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_queue_tasks_queue_id")),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.id"], name=op.f("fk_queue_tasks_trace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_tasks")),
    )
    op.create_index(
        "ix_queue_tasks_open", "queue_tasks", ["queue_id", "complete", "position"], unique=False
    )
    op.create_index(
        "uq_queue_tasks_queue_id_position", "queue_tasks", ["queue_id", "position"], unique=True
    )

    op.create_table(
        "judgements",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("after", sa.String(length=32), nullable=False),
        sa.Column("undoes", sa.String(length=32), nullable=True),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("guideline", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("shown", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("client_token", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["queue_tasks.id"], name=op.f("fk_judgements_task_id")
        ),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.id"], name=op.f("fk_judgements_trace_id")),
        sa.ForeignKeyConstraint(["undoes"], ["judgements.id"], name=op.f("fk_judgements_undoes")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_judgements")),
        sa.UniqueConstraint("client_token", name=op.f("uq_judgements_client_token")),
        sa.UniqueConstraint("id", name=op.f("uq_judgements_id")),
        sa.UniqueConstraint("undoes", name=op.f("uq_judgements_undoes")),
    )
    op.create_index(op.f("ix_judgements_task_id"), "judgements", ["task_id"], unique=False)
    op.create_index(op.f("ix_judgements_trace_id"), "judgements", ["trace_id"], unique=False)
    op.create_index(
        "uq_judgements_subject_person_after",
        "judgements",
        ["subject", "person", "after"],
        unique=True,
    )

    op.create_table(
        "task_states",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_task_states_queue_id")),
        sa.ForeignKeyConstraint(
            ["task_id"], ["queue_tasks.id"], name=op.f("fk_task_states_task_id")
        ),
        sa.PrimaryKeyConstraint("task_id", "person", name=op.f("pk_task_states")),
    )
    op.create_index(
        "ix_task_states_person",
        "task_states",
        ["queue_id", "person", "state", "position"],
        unique=False,
    )
    op.create_table(
        "own_keys",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("keys", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_own_keys")),
    )
    op.add_column("traces", sa.Column("mean_confusion", sa.Double(), nullable=True))
    dialect = op.get_bind().dialect.name
    for statement in (CONFUSION[dialect], *KEPT[dialect]):
        op.execute(sa.text(statement))


CONFUSION = {  # of the traces that are there
    "sqlite": """
    UPDATE traces SET mean_confusion = (
        SELECT avg(json_extract(p.value, '$.confusion'))
        FROM trace_bodies b, json_each(b.trace, '$.curves.points') p
        WHERE b.trace_seq = traces.seq
    )
    """,
    "postgresql": """
    UPDATE traces SET mean_confusion = (
        SELECT avg((p ->> 'confusion')::float)
        FROM trace_bodies b, json_array_elements(
            CASE WHEN json_typeof(b.trace -> 'curves' -> 'points') = 'array'
                THEN b.trace -> 'curves' -> 'points' ELSE '[]'::json END
        ) p
        WHERE b.trace_seq = traces.seq
    )
    """,
}


SQLITE = (
    """
    CREATE TRIGGER judgements_fixed BEFORE UPDATE ON judgements BEGIN
        SELECT RAISE(ABORT, 'judgements are never changed');
    END
    """,
    """
    CREATE TRIGGER judgements_kept BEFORE DELETE ON judgements BEGIN
        SELECT RAISE(ABORT, 'judgements are never deleted');
    END
    """,
)

POSTGRESQL = (  # the function is that of revision 0001
    """
    CREATE TRIGGER judgements_kept BEFORE UPDATE OR DELETE ON judgements
    FOR EACH ROW EXECUTE FUNCTION phaselens_keep_event()
    """,
)

KEPT = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
