"""Traces that other programs' models wrote: stored many at a time, each once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from core.metrics.sets import example_f1
from core.rerank.base import Decoding, Mode
from core.systems import RunConfig
from core.traces.base import Trace
from core.traces.importing.base import ImportedTrace
from db.clock import now
from db.models import TraceBodyRow, TraceRow, TraceTextRow
from db.runs import ensure_run
from db.trace_filters import conditions_of
from db.trace_views import TraceFilter, TraceState
from db.trace_writes import start_of

IMPORT = "import"  # the origin of such traces


def add_imported(session: Session, traces: Sequence[ImportedTrace]) -> set[str]:
    """Stores those that are not there yet, and returns their ids."""
    ids = [trace.id for trace in traces]
    known = set(session.execute(select(TraceRow.id).where(TraceRow.id.in_(ids))).scalars())
    new = {trace.id: trace for trace in traces if trace.id not in known}
    if not new:
        return set()
    runs = {
        (trace.dataset, trace.system): _run_of(session, trace.dataset, trace.system)
        for trace in new.values()
    }
    moment = now(session)
    rows = [
        {**_row(trace), "run_id": runs[trace.dataset, trace.system],
         "created_at": moment, "updated_at": moment, "finished_at": moment}
        for trace in new.values()
    ]  # fmt: skip
    stored = session.execute(insert(TraceRow).returning(TraceRow.id, TraceRow.seq), rows)
    numbers = {row.id: row.seq for row in stored}
    texts = [
        {"trace_seq": numbers[trace.id], "document": trace.document.text,
         "labels": "\n".join(trace.answer_names), "trace": trace.text}
        for trace in new.values()
    ]  # fmt: skip
    session.execute(insert(TraceTextRow), texts)
    bodies = [{"trace_seq": numbers[trace.id], **_body(trace)} for trace in new.values()]
    session.execute(insert(TraceBodyRow), bodies)
    return set(new)


def to_analyse(
    session: Session, filter: TraceFilter, after: int, limit: int = 100
) -> list[tuple[int, str]]:
    """(number, id) of imported traces after that number whose phases, curves and fates are still to
    be worked out, in order."""
    _, conditions = conditions_of(session, filter)
    found = session.execute(
        select(TraceRow.seq, TraceRow.id)
        .where(*conditions, *_unread(), TraceRow.seq > after)
        .order_by(TraceRow.seq)
        .limit(limit)
    )
    return [(row.seq, row.id) for row in found]


def count_to_analyse(session: Session, filter: TraceFilter) -> int:
    """How many there are."""
    _, conditions = conditions_of(session, filter)
    query = select(func.count(TraceRow.seq)).where(*conditions, *_unread())
    return session.execute(query).scalar_one()


def _unread() -> tuple[ColumnElement[bool], ...]:
    return TraceRow.origin == IMPORT, TraceRow.has_phases.is_(None)


def imported_config(dataset: str, system: str, shown: int = 0) -> RunConfig:
    """What is known of how an imported trace came about: next to nothing (k is 0)."""
    decoding = Decoding(mode=Mode.OWN, prompt_lookup=0)
    return RunConfig(dataset, system, "", 0, shown, decoding=decoding, use_scorer=False)


def _run_of(session: Session, dataset: str, system: str) -> str:
    identity = {"imported": True, "dataset": dataset, "system": system}
    return ensure_run(session, identity, imported_config(dataset, system), None, IMPORT)


def _row(trace: ImportedTrace) -> dict[str, Any]:
    document = trace.document
    answer, gold = trace.answer, set(document.gold)
    return {
        "id": trace.id,
        "origin": IMPORT,
        "dataset": trace.dataset,
        "document_id": document.id,
        "document_start": start_of(document.text),
        "split": document.split,
        "system": trace.system,
        "state": TraceState.DONE,
        "attempt": 1,
        "k": 0,
        "n": len(trace.candidates),
        "gold": len(document.gold),
        "selected": None if answer is None else len(answer),
        "finish_reason": trace.finish_reason,
        "tokens": trace.tokens,
        "chars": len(trace.text),
        "seconds": trace.seconds,
        "example_f1": example_f1(set(answer), gold) if answer is not None and gold else None,
    }


def _body(trace: ImportedTrace) -> dict[str, Any]:
    written = Trace(
        "", trace.finish_reason, 0, trace.tokens, trace.seconds or 0.0, None,
        token_offsets=trace.token_offsets,
    )  # fmt: skip
    plain = written.to_json()
    del plain["text"]
    config = imported_config(trace.dataset, trace.system, len(trace.candidates))
    return {
        "gold": list(trace.document.gold),
        "config": config.to_json(),
        "stages": [],
        "candidates": [
            {"number": c.number, "label_id": c.label_id, "name": c.name, "nearness": c.nearness}
            for c in trace.candidates
        ],
        "trace": plain,
        "imported": {**trace.row, "labels": None if trace.answer is None else list(trace.answer)},
    }
