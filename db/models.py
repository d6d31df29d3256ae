"""The tables, typed. What is listed and filtered is narrow; what one page shows is wide, apart.

    runs               a system over documents, with everything that decides its output
    traces             one row an answered document: what lists, filters and counts read
    trace_texts        document, label and trace text: the source of the full-text index
    trace_bodies       everything else that one trace's page shows, as JSON
    trace_fates        one row a gold label
    jobs               long work: progress, lease, outcome
    models             language models the user added
    trainings          learning curves of trained systems
    slices             filters of traces under a name

Those of what people say stand in db/annotation_models.py.

The full-text index is `trace_search`: FTS5 on SQLite, a tsvector with GIN on PostgreSQL. It is
kept by triggers on trace_texts, made in the migrations, and is not an ORM table.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, CleanText

UNFINISHED_JOB = "state IN ('queued', 'running', 'cancelling')"


class RunRow(Base):
    """A run: `id` is the hash of `identity`. `split` and `origin`: as last asked for."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    dataset: Mapped[str] = mapped_column(String(200))
    system: Mapped[str] = mapped_column(String(200))
    split: Mapped[str | None] = mapped_column(String(20))
    origin: Mapped[str] = mapped_column(String(10))  # live | batch | import
    created_at: Mapped[datetime] = mapped_column(index=True)
    config: Mapped[dict[str, Any]]
    identity: Mapped[dict[str, Any]]


class TraceRow(Base):
    """One answered document. `seq` counts up: newest first is `seq` descending."""

    __tablename__ = "traces"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    origin: Mapped[str] = mapped_column(String(10))  # live | batch | import
    dataset: Mapped[str] = mapped_column(String(200))
    document_id: Mapped[str] = mapped_column(CleanText)
    document_start: Mapped[str] = mapped_column(CleanText)  # its first words, for lists
    split: Mapped[str | None] = mapped_column(String(20))
    system: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12))
    attempt: Mapped[int] = mapped_column(default=1)
    owner: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    k: Mapped[int]
    n: Mapped[int]
    gold: Mapped[int]  # how many gold labels the document has
    selected: Mapped[int | None]  # how many labels the answer names
    bucket: Mapped[str | None] = mapped_column(String(20))
    finish_reason: Mapped[str | None] = mapped_column(String(12))
    has_phases: Mapped[bool | None]
    boundary: Mapped[float | None]  # a person's where one has moved it, else the machine's
    boundary_source: Mapped[str | None] = mapped_column(String(14))
    tokens: Mapped[int] = mapped_column(default=0)
    chars: Mapped[int] = mapped_column(default=0)  # of the trace's text
    seconds: Mapped[float | None]
    example_f1: Mapped[float | None]
    recall_at_k: Mapped[float | None]
    mean_confusion: Mapped[float | None]  # near-miss confusion, over the whole trace
    error_what: Mapped[str | None] = mapped_column(CleanText)
    error_fix: Mapped[str | None] = mapped_column(CleanText)

    __table_args__ = (
        # A batch answers each document of a run once; live traces may repeat.
        Index(
            "uq_traces_batch_run_id_document_id",
            "run_id",
            "document_id",
            unique=True,
            sqlite_where=text("origin = 'batch'"),
            postgresql_where=text("origin = 'batch'"),
        ),
        Index("ix_traces_document", "dataset", "document_id", "seq"),
        Index("ix_traces_run", "run_id", "origin", "state", "tokens", "seconds", "example_f1"),
        # Every filter and sort of the Traces page in one index, so that a count or a deep
        # page reads a few megabytes instead of the table.
        Index(
            "ix_traces_filters",
            "dataset",
            "system",
            "state",
            "bucket",
            "has_phases",
            "run_id",
            "created_at",
            "example_f1",
            "tokens",
            "chars",
            "boundary_source",
        ),
        Index(
            "ix_traces_running",
            "owner",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )


class TraceTextRow(Base):
    """The texts that are searched; `trace` is "" until the trace has ended, however it did."""

    __tablename__ = "trace_texts"

    trace_seq: Mapped[int] = mapped_column(
        ForeignKey("traces.seq", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    document: Mapped[str] = mapped_column(CleanText)
    labels: Mapped[str] = mapped_column(CleanText)  # names of gold and selected labels
    trace: Mapped[str] = mapped_column(CleanText)


class TraceBodyRow(Base):
    """What one trace's page shows. Short columns first: SQLite reads a row from its start."""

    __tablename__ = "trace_bodies"

    trace_seq: Mapped[int] = mapped_column(
        ForeignKey("traces.seq", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    gold: Mapped[list[Any]]  # gold ids as the document has them
    prediction: Mapped[dict[str, Any] | None]
    stages: Mapped[list[Any] | None]
    gold_ranks: Mapped[list[Any] | None]
    candidates: Mapped[list[Any] | None]
    config: Mapped[dict[str, Any]]
    partial: Mapped[str | None] = mapped_column(CleanText)  # text so far; None once finished
    rendered: Mapped[str | None] = mapped_column(CleanText)  # the exact prompt
    shortlist: Mapped[dict[str, Any] | None]
    trace: Mapped[dict[str, Any] | None]  # without its text, which is in trace_texts
    imported: Mapped[dict[str, Any] | None]  # the row of a file that it came from, but its texts


class TraceFateRow(Base):
    """The fate of one gold label of a trace."""

    __tablename__ = "trace_fates"

    trace_seq: Mapped[int] = mapped_column(
        ForeignKey("traces.seq", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    label_id: Mapped[str] = mapped_column(CleanText)
    name: Mapped[str] = mapped_column(CleanText)
    fate: Mapped[str] = mapped_column(String(30))
    rank: Mapped[int | None]
    exact_rank: Mapped[int | None]

    __table_args__ = (Index("ix_trace_fates_fate", "fate", "trace_seq"),)


class JobRow(Base):
    """Long work in a process of its own; see core.jobs for the rules of the lease."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(CleanText)
    unique_key: Mapped[str | None] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(12))
    stage: Mapped[str] = mapped_column(CleanText, default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    rate: Mapped[float | None]  # units a second, over the last half minute of this attempt
    created_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(300))
    attempts: Mapped[int] = mapped_column(default=0)
    fruitless: Mapped[int] = mapped_column(default=0)  # attempts in a row without progress
    error_what: Mapped[str | None] = mapped_column(CleanText)
    error_fix: Mapped[str | None] = mapped_column(CleanText)
    params: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]

    __table_args__ = (
        Index(
            "uq_jobs_unfinished_unique_key",
            "unique_key",
            unique=True,
            sqlite_where=text(UNFINISHED_JOB),
            postgresql_where=text(UNFINISHED_JOB),
        ),
        Index("ix_jobs_state", "state", "created_at"),
    )


class TrainingRow(Base):
    """One stage of a system's training, with the losses of every step."""

    __tablename__ = "trainings"

    system: Mapped[str] = mapped_column(String(200), primary_key=True)
    stage: Mapped[str] = mapped_column(String(40), primary_key=True)
    steps: Mapped[int]
    tokens: Mapped[int]
    seconds: Mapped[float]
    plan: Mapped[dict[str, Any]]
    curves: Mapped[list[Any]]
    finished_at: Mapped[datetime]


class SliceRow(Base):
    """A filter of traces under a name. `filter`: fields of TraceFilter that are not None."""

    __tablename__ = "slices"

    name: Mapped[str] = mapped_column(CleanText, primary_key=True)
    filter: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(CleanText, default="")
    created_at: Mapped[datetime]


class ModelRow(Base):
    """A language model the user added."""

    __tablename__ = "models"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    created_at: Mapped[datetime]
    spec: Mapped[dict[str, Any]]
