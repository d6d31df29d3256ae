"""Judgements with where they come from, oldest first, a few at a time: what is written to files."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from core.annotation.events import JudgementEvent, QueueKey, TraceKey
from core.annotation.judgement import Judgement
from core.annotation.verdicts import TaskKind
from core.code_version import code_version
from db.annotation_models import JudgementRow, QueueRow, TaskRow
from db.judgements import UNDO, standing
from db.models import TraceRow, TraceTextRow

AT_A_TIME = 500


def exported_events(
    session: Session, queue_id: str | None = None, *, history: bool = False
) -> Iterator[JudgementEvent]:
    """Those that stand, of one queue or of all and of traces outside any; with `history` every
    event, so also what was replaced, taken back, and the taking back. Use it inside the
    `store.read()` that made the session."""
    last, version = 0, code_version()
    while True:
        query = _asked(queue_id, history).where(JudgementRow.seq > last)
        rows = session.execute(query.order_by(JudgementRow.seq).limit(AT_A_TIME)).scalars().all()
        if not rows:
            return
        stand = {row.id for row in rows} if not history else _standing_of(session, rows)
        tasks = _tasks(session, rows)
        wanted = {row.trace_id for row in rows}
        wanted |= {task.other_id for task, _ in tasks.values() if task.other_id}
        traces = trace_keys(session, wanted)
        for row in rows:
            task, queue = tasks.get(row.task_id or 0, (None, None))
            yield _event(row, task, queue, traces, row.id in stand, version)
        last = rows[-1].seq
        session.expunge_all()  # a long export must not gather in memory


def count_events(session: Session, queue_id: str | None = None, *, history: bool = False) -> int:
    """How many `exported_events` gives."""
    return session.execute(
        select(func.count()).select_from(_asked(queue_id, history).subquery())
    ).scalar_one()


def trace_keys(session: Session, ids: set[str]) -> dict[str, tuple[TraceKey, str | None]]:
    """Trace id -> (its key, its run)."""
    found = session.execute(
        select(
            TraceRow.id, TraceRow.dataset, TraceRow.document_id, TraceRow.system, TraceRow.run_id,
            TraceTextRow.trace,
        )
        .join(TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq)
        .where(TraceRow.id.in_(ids))
    )  # fmt: skip
    return {
        row.id: (
            TraceKey(row.id, row.dataset, row.document_id, row.system, hash_of(row.trace)),
            row.run_id,
        )
        for row in found
    }


def hash_of(trace: str) -> str:
    """SHA-256 of a trace's text without the space around it, as hex."""
    return hashlib.sha256(trace.strip().encode()).hexdigest()


def _asked(queue_id: str | None, history: bool) -> Select[JudgementRow]:
    query = select(JudgementRow) if history else standing()
    if queue_id is None:
        return query
    task = aliased(TaskRow)
    return query.join(task, task.id == JudgementRow.task_id).where(task.queue_id == queue_id)


def _standing_of(session: Session, rows: Sequence[JudgementRow]) -> set[str]:
    ids = [row.id for row in rows]
    return {row.id for row in session.execute(standing().where(JudgementRow.id.in_(ids))).scalars()}


def _tasks(session: Session, rows: Sequence[JudgementRow]) -> dict[int, tuple[TaskRow, QueueRow]]:
    ids = {row.task_id for row in rows if row.task_id is not None}
    found = session.execute(
        select(TaskRow, QueueRow).join(QueueRow, QueueRow.id == TaskRow.queue_id)
        .where(TaskRow.id.in_(ids))
    )  # fmt: skip
    return {task.id: (task, queue) for task, queue in found}


def _event(
    row: JudgementRow,
    task: TaskRow | None,
    queue: QueueRow | None,
    traces: dict[str, tuple[TraceKey, str | None]],
    stands: bool,
    version: str,
) -> JudgementEvent:
    trace, run = traces[row.trace_id]
    value: dict[str, Any] | None = row.value if row.kind != UNDO else None
    return JudgementEvent(
        id=row.id, kind=row.kind, after=row.after, undoes=row.undoes, created_at=row.created_at,
        person=row.person, annotator=row.annotator, seconds=row.seconds, guideline=row.guideline,
        token=row.client_token, trace=trace,
        other=traces[task.other_id][0] if task is not None and task.other_id else None,
        queue=None if task is None or queue is None else QueueKey(
            queue.id, queue.name, TaskKind(queue.kind), queue.overlap, queue.blind, queue.tasks,
            task.position, dict(queue.source),
        ),
        run=run, judgement=None if row.kind == UNDO else Judgement.from_json(value or {}),
        shown=row.shown, stands=stands, written_by=version,
    )  # fmt: skip
