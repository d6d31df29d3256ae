"""The first tables, the full-text index, and the triggers that keep both honest.

Revision 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_runs()
    _create_traces()
    _create_trace_parts()
    _create_annotations()
    _create_jobs()
    _create_models()
    for statement in SEARCH_AND_TRIGGERS[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("split", sa.String(length=20), nullable=True),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("identity", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_created_at"), "runs", ["created_at"], unique=False)


def _create_traces() -> None:
    op.create_table(
        "traces",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=16), nullable=True),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("document_start", sa.Text(), nullable=False),
        sa.Column("split", sa.String(length=20), nullable=True),
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("gold", sa.Integer(), nullable=False),
        sa.Column("selected", sa.Integer(), nullable=True),
        sa.Column("bucket", sa.String(length=20), nullable=True),
        sa.Column("finish_reason", sa.String(length=12), nullable=True),
        sa.Column("has_phases", sa.Boolean(), nullable=True),
        sa.Column("boundary", sa.Double(), nullable=True),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("example_f1", sa.Double(), nullable=True),
        sa.Column("recall_at_k", sa.Double(), nullable=True),
        sa.Column("error_what", sa.Text(), nullable=True),
        sa.Column("error_fix", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_traces_run_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_traces")),
        sa.UniqueConstraint("id", name=op.f("uq_traces_id")),
    )
    op.create_index("ix_traces_document", "traces", ["dataset", "document_id", "seq"], unique=False)
    op.create_index(
        "ix_traces_filters",
        "traces",
        [
            "dataset",
            "system",
            "state",
            "bucket",
            "has_phases",
            "run_id",
            "created_at",
            "example_f1",
            "tokens",
        ],
        unique=False,
    )
    op.create_index(
        "ix_traces_run",
        "traces",
        ["run_id", "origin", "state", "tokens", "seconds", "example_f1"],
        unique=False,
    )
    op.create_index(
        "ix_traces_running",
        "traces",
        ["owner"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "uq_traces_batch_run_id_document_id",
        "traces",
        ["run_id", "document_id"],
        unique=True,
        sqlite_where=sa.text("origin = 'batch'"),
        postgresql_where=sa.text("origin = 'batch'"),
    )


def _create_trace_parts() -> None:
    op.create_table(
        "trace_texts",
        sa.Column("trace_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_seq"], ["traces.seq"], name=op.f("fk_trace_texts_trace_seq"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_seq", name=op.f("pk_trace_texts")),
    )
    op.create_table(
        "trace_bodies",
        sa.Column("trace_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gold", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("prediction", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("stages", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("gold_ranks", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("candidates", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("partial", sa.Text(), nullable=True),
        sa.Column("rendered", sa.Text(), nullable=True),
        sa.Column("shortlist", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("trace", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["trace_seq"],
            ["traces.seq"],
            name=op.f("fk_trace_bodies_trace_seq"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("trace_seq", name=op.f("pk_trace_bodies")),
    )
    op.create_table(
        "trace_fates",
        sa.Column("trace_seq", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fate", sa.String(length=30), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("exact_rank", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["trace_seq"], ["traces.seq"], name=op.f("fk_trace_fates_trace_seq"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_seq", "position", name=op.f("pk_trace_fates")),
    )
    op.create_index("ix_trace_fates_fate", "trace_fates", ["fate", "trace_seq"], unique=False)


def _create_annotations() -> None:
    op.create_table(
        "annotation_events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("undoes", sa.String(length=32), nullable=True),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("client_token", sa.String(length=64), nullable=True),
        sa.Column("shown", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name=op.f("fk_annotation_events_trace_id")
        ),
        sa.ForeignKeyConstraint(
            ["undoes"], ["annotation_events.id"], name=op.f("fk_annotation_events_undoes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_events")),
        sa.UniqueConstraint("client_token", name=op.f("uq_annotation_events_client_token")),
        sa.UniqueConstraint("undoes", name=op.f("uq_annotation_events_undoes")),
    )
    op.create_index(
        op.f("ix_annotation_events_trace_id"), "annotation_events", ["trace_id"], unique=False
    )
    op.create_index(
        "ix_annotation_events_verdict", "annotation_events", ["verdict", "trace_id"], unique=False
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("unique_key", sa.String(length=300), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(length=300), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fruitless", sa.Integer(), nullable=False),
        sa.Column("error_what", sa.Text(), nullable=True),
        sa.Column("error_fix", sa.Text(), nullable=True),
        sa.Column("params", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_created_at"), "jobs", ["created_at"], unique=False)
    op.create_index("ix_jobs_state", "jobs", ["state", "created_at"], unique=False)
    op.create_index(
        "uq_jobs_unfinished_unique_key",
        "jobs",
        ["unique_key"],
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'running', 'cancelling')"),
        postgresql_where=sa.text("state IN ('queued', 'running', 'cancelling')"),
    )


def _create_models() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spec", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_models")),
    )


SQLITE = (
    # The index keeps no copy of the texts: it reads them from trace_texts.
    """
    CREATE VIRTUAL TABLE trace_search USING fts5(
        document, labels, trace,
        content='trace_texts', content_rowid='trace_seq',
        tokenize='unicode61 remove_diacritics 2', prefix='2 3'
    )
    """,
    """
    CREATE TRIGGER trace_texts_added AFTER INSERT ON trace_texts BEGIN
        INSERT INTO trace_search(rowid, document, labels, trace)
        VALUES (new.trace_seq, new.document, new.labels, new.trace);
    END
    """,
    """
    CREATE TRIGGER trace_texts_removed AFTER DELETE ON trace_texts BEGIN
        INSERT INTO trace_search(trace_search, rowid, document, labels, trace)
        VALUES ('delete', old.trace_seq, old.document, old.labels, old.trace);
    END
    """,
    """
    CREATE TRIGGER trace_texts_changed AFTER UPDATE ON trace_texts BEGIN
        INSERT INTO trace_search(trace_search, rowid, document, labels, trace)
        VALUES ('delete', old.trace_seq, old.document, old.labels, old.trace);
        INSERT INTO trace_search(rowid, document, labels, trace)
        VALUES (new.trace_seq, new.document, new.labels, new.trace);
    END
    """,
    """
    CREATE TRIGGER annotation_events_fixed BEFORE UPDATE ON annotation_events BEGIN
        SELECT RAISE(ABORT, 'annotation events are never changed');
    END
    """,
    """
    CREATE TRIGGER annotation_events_kept BEFORE DELETE ON annotation_events BEGIN
        SELECT RAISE(ABORT, 'annotation events are never deleted');
    END
    """,
)

# The words are cut as FTS5's unicode61 does it: without accents, at every character that is
# neither letter nor digit. Only the first 100,000 characters of each text: a tsvector holds 1 MB.
POSTGRESQL = (
    """
    CREATE TABLE trace_search (
        trace_seq integer PRIMARY KEY REFERENCES traces (seq) ON DELETE CASCADE,
        words tsvector NOT NULL
    ) WITH (toast_tuple_target = 128)
    """,
    # Out of line, the words leave the rows short: a count of a common word reads 1 MB, not 150.
    "ALTER TABLE trace_search ALTER COLUMN words SET STORAGE EXTERNAL",
    "CREATE INDEX ix_trace_search_words ON trace_search USING gin (words)",
    r"""
    CREATE FUNCTION phaselens_words(value text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT to_tsvector('simple', regexp_replace(
            regexp_replace(normalize(left(value, 100000), NFKD), '[\u0300-\u036f]', '', 'g'),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf]+', ' ', 'g'))
    $$
    """,
    """
    CREATE FUNCTION phaselens_index_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO trace_search (trace_seq, words)
        VALUES (
            new.trace_seq,
            phaselens_words(new.document) || phaselens_words(new.labels)
                || phaselens_words(new.trace)
        )
        ON CONFLICT (trace_seq) DO UPDATE SET words = excluded.words;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER trace_texts_indexed AFTER INSERT OR UPDATE ON trace_texts
    FOR EACH ROW EXECUTE FUNCTION phaselens_index_text()
    """,
    """
    CREATE FUNCTION phaselens_keep_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'annotation events are never changed or deleted';
    END
    $$
    """,
    """
    CREATE TRIGGER annotation_events_kept BEFORE UPDATE OR DELETE ON annotation_events
    FOR EACH ROW EXECUTE FUNCTION phaselens_keep_event()
    """,
)

SEARCH_AND_TRIGGERS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
