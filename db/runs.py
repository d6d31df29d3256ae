"""Runs: a system over documents, identified by the hash of everything that decides its output."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.datasets.base import Split
from core.errors import UnknownNameError
from core.rerank.base import Bucket, Fate
from core.systems import RunConfig, run_id
from db.clock import now
from db.models import RunRow, TraceBodyRow, TraceFateRow, TraceRow
from db.trace_views import TraceState

RECORDS_AT_A_TIME = 200


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run and how far it is. Means are over finished documents; None where there are none.

    `split`: the one last asked for. `by_state`: state -> traces.
    """

    id: str
    dataset: str
    system: str
    split: str | None
    origin: str
    created_at: datetime
    config: RunConfig
    by_state: Mapping[str, int]
    mean_f1: float | None
    mean_tokens: float | None
    mean_seconds: float | None

    @property
    def done(self) -> int:
        return self.by_state.get(TraceState.DONE, 0)

    @property
    def failed(self) -> int:
        return self.by_state.get(TraceState.FAILED, 0)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with its whole identity (provenance)."""

    summary: RunSummary
    identity: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What evaluation reads of one finished document; ids best first in `ranking`.

    `retrieved`: the same labels in the order of retrieval, before the model ranked them.
    """

    trace_id: str
    document_id: str
    split: Split | None
    ranking: tuple[str, ...]
    retrieved: tuple[str, ...]
    selected: tuple[str, ...]
    gold: tuple[str, ...]
    fates: tuple[Fate, ...]
    bucket: Bucket
    tokens: int
    seconds: float


def ensure_run(
    session: Session,
    identity: Mapping[str, Any],
    config: RunConfig,
    split: str | None,
    origin: str,
    made_at: datetime | None = None,
) -> str:
    """Saves a run unless it is known, and returns its id: equal identities give equal ids.

    `origin`: live | batch; a run that was live becomes a batch when a batch asks for it.
    `made_at`: when, for a run that was made elsewhere.
    """
    identifier = run_id(identity)
    row = session.get(RunRow, identifier)
    if row is None:
        row = RunRow(
            id=identifier,
            dataset=config.dataset,
            system=config.system,
            split=split,
            origin=origin,
            created_at=made_at or now(session),
            config=config.to_json(),
            identity=dict(identity),
        )
        session.add(row)
    elif origin == "batch":
        row.origin, row.split = origin, split
    session.flush()
    return identifier


def done_documents(session: Session, run_id: str) -> set[str]:
    """Ids of the documents that a batch of this run has answered; failed ones are not in it."""
    done = select(TraceRow.document_id).where(
        TraceRow.run_id == run_id,
        TraceRow.origin == "batch",
        TraceRow.state == TraceState.DONE,
    )
    return set(session.execute(done).scalars())


def answered_documents(session: Session, run_id: str) -> set[str]:
    """Ids of the documents that this run, a batch or an import, has answered; of an import, those
    that are worked out: the ones of `run_records`."""
    done = select(TraceRow.document_id).where(*_worked_out(run_id))
    return set(session.execute(done).scalars())


def answered_traces(session: Session, run_id: str) -> int:
    """How many traces `run_records` reads."""
    count = select(func.count(TraceRow.seq)).where(*_worked_out(run_id))
    return session.execute(count).scalar_one()


def _worked_out(run_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        TraceRow.run_id == run_id,
        TraceRow.origin != "live",
        TraceRow.state == TraceState.DONE,
        TraceRow.has_phases.is_not(None),
    )


def known_runs(session: Session, ids: Sequence[str]) -> set[str]:
    """Which of these runs are in the store."""
    return set(session.execute(select(RunRow.id).where(RunRow.id.in_(ids))).scalars())


def run_datasets(session: Session) -> dict[str, int]:
    """How many batch runs and imported ones have a finished trace, by dataset, by its name."""
    done = select(TraceRow.seq).where(
        TraceRow.run_id == RunRow.id, TraceRow.state == TraceState.DONE
    )
    query = select(RunRow.dataset, func.count(RunRow.id)).where(
        RunRow.origin != "live", done.exists()
    )
    found = session.execute(query.group_by(RunRow.dataset).order_by(RunRow.dataset))
    return {str(dataset): int(count) for dataset, count in found}


def list_runs(
    session: Session, *, dataset: str | None = None, offset: int = 0, limit: int = 100
) -> list[RunSummary]:
    """Batch runs and imported ones, newest first. `dataset`: the only one, or None for all."""
    query = select(RunRow).where(RunRow.origin != "live")
    if dataset is not None:
        query = query.where(RunRow.dataset == dataset)
    query = query.order_by(RunRow.created_at.desc(), RunRow.id)
    rows = session.execute(query.offset(offset).limit(limit)).scalars().all()
    return _summaries(session, rows)


def load_run(session: Session, run_id: str) -> StoredRun:
    """One run, by its id or a unique beginning of it (from 4 digits). Raises UnknownNameError."""
    row = session.get(RunRow, run_id)
    if row is None and len(run_id) >= 4:
        begins = RunRow.id.startswith(run_id, autoescape=True)
        rows = session.execute(select(RunRow).where(begins).limit(2)).scalars().all()
        row = rows[0] if len(rows) == 1 else None
    if row is None:
        raise UnknownNameError(
            f"There is no run {run_id!r}.",
            "`phaselens run` prints the id of its run; the Jobs page lists them all.",
        )
    return StoredRun(_summaries(session, [row])[0], row.identity)


def run_records(session: Session, run_id: str) -> Iterator[RunRecord]:
    """The finished documents of a run, in the order they were begun, a few at a time; of an
    imported run, those that are worked out, and of several traces of one document each.

    Use it inside the `store.read()` that made the session.
    """
    last = 0
    while True:
        rows = session.execute(
            select(TraceRow, TraceBodyRow.gold, TraceBodyRow.prediction, TraceBodyRow.shortlist)
            .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
            .where(*_worked_out(run_id), TraceRow.seq > last)
            .order_by(TraceRow.seq)
            .limit(RECORDS_AT_A_TIME)
        ).all()
        if not rows:
            return
        fates = _fates(session, [row.seq for row, *_ in rows])
        for row, gold, prediction, shortlist in rows:
            yield _record(row, gold, prediction, shortlist, fates.get(row.seq, []))
        last = rows[-1][0].seq
        session.expunge_all()  # a long run must not gather in memory


def _record(
    row: TraceRow,
    gold: list[str],
    prediction: dict[str, Any],
    shortlist: dict[str, Any],
    fates: list[Fate],
) -> RunRecord:
    return RunRecord(
        trace_id=row.id,
        document_id=row.document_id,
        split=Split(row.split) if row.split else None,
        ranking=tuple(r["label_id"] for r in prediction["ranking"]),
        # Not by cosine: words and fusion order otherwise, and equal cosines would take the
        # model's order.
        retrieved=tuple(r["label_id"] for r in shortlist["rows"]),
        selected=tuple(prediction["selected"]),
        gold=tuple(gold),
        fates=tuple(fates),
        bucket=Bucket(prediction["bucket"]),
        tokens=row.tokens,
        seconds=row.seconds or 0.0,
    )


def _fates(session: Session, numbers: Sequence[int]) -> dict[int, list[Fate]]:
    rows = session.execute(
        select(TraceFateRow.trace_seq, TraceFateRow.fate)
        .where(TraceFateRow.trace_seq.in_(numbers))
        .order_by(TraceFateRow.trace_seq, TraceFateRow.position)
    )
    fates: dict[int, list[Fate]] = {}
    for seq, fate in rows:
        fates.setdefault(seq, []).append(Fate(fate))
    return fates


def _summaries(session: Session, rows: Sequence[RunRow]) -> list[RunSummary]:
    counted = session.execute(
        select(
            TraceRow.run_id,
            TraceRow.state,
            func.count(TraceRow.seq),
            func.avg(TraceRow.example_f1),
            func.avg(TraceRow.tokens),
            func.avg(TraceRow.seconds),
        )
        .where(TraceRow.run_id.in_([row.id for row in rows]))
        .group_by(TraceRow.run_id, TraceRow.state)
    ).all()
    states: dict[str, dict[str, int]] = {}
    means: dict[str, tuple[float | None, ...]] = {}
    for run, state, count, *averages in counted:
        states.setdefault(run, {})[state] = count
        if state == TraceState.DONE:
            means[run] = tuple(None if a is None else float(a) for a in averages)
    return [_summary(row, states.get(row.id, {}), means.get(row.id, (None,) * 3)) for row in rows]


def _summary(row: RunRow, by_state: dict[str, int], means: tuple[float | None, ...]) -> RunSummary:
    mean_f1, mean_tokens, mean_seconds = means
    return RunSummary(
        id=row.id,
        dataset=row.dataset,
        system=row.system,
        split=row.split,
        origin=row.origin,
        created_at=row.created_at,
        config=RunConfig.from_json(row.config),
        by_state=by_state,
        mean_f1=mean_f1,
        mean_tokens=mean_tokens,
        mean_seconds=mean_seconds,
    )
